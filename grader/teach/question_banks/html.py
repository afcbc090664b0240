r"""Conversion of the Markdown of questions to HTML that is also valid XML.

Code, strong and emphasis are what a terminal shows as such (grader/show/text.py): full Markdown would read `2*D*F` as
emphasis and `\d` as an escape. Formulas are plain text, in which only exponents, as in e^(-x), are raised.
"""

import re
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline

from grader.base.text import xml_text
from grader.show.text import INLINE, parse_inline

_TAGS = {"code": "code", "strong": "strong", "em": "em"}
_POWER = re.compile(r"(?<=[\w)\]])\^(?:\((?P<group>[^()`*]+)\)|(?P<single>[+−-]?\w+(?:\.\d+)?))")


def block(text: str) -> str:
    """Convert Markdown to paragraphs, lists, tables and code blocks."""
    return str(_markdown().render(xml_text(text))).strip()


def inline(text: str) -> str:
    """Convert Markdown to one line of HTML without a paragraph around it."""
    return str(_markdown().renderInline(line(text)))


def plain(text: str) -> str:
    """Return Markdown as one line of plain text, without its marks and without HTML escapes."""
    return "".join(span.text for span in parse_inline(line(text)))


def line(text: str) -> str:
    """Return text on one line, without characters that XML forbids."""
    return xml_text(" ".join(text.split()))


def paragraph(text: str) -> str:
    """Return plain text as a paragraph."""
    return f"<p>{escape(line(text), quote=False)}</p>"


def code(text: str) -> str:
    """Return code as a block with line numbers."""
    rows = xml_text(text).rstrip("\n").split("\n")
    width = len(str(len(rows)))
    numbered = "\n".join(f"{number:>{width}}  {row}" for number, row in enumerate(rows, start=1))
    return f"<pre><code>{escape(numbered, quote=False)}</code></pre>"


def code_line(number: int, row: str) -> str:
    """Return a numbered line of code as an option to choose."""
    return f"{number}: <code>{escape(xml_text(row).strip(), quote=False)}</code>"


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("zero", {"xhtmlOut": True}).enable(["table", "code", "fence", "list"])
    markdown.core.ruler.before("inline", "joined", _join_lines)
    markdown.inline.ruler.push("marks", _marks)
    markdown.inline.ruler.push("power", _power)
    return markdown


def _join_lines(state: StateCore) -> None:
    """Make each paragraph one line, since a mark may begin on one line of the file and end on the next."""
    for token in state.tokens:
        token.attrs.pop("style", None)  # column alignment, which platforms remove
        if token.type == "inline":
            token.content = " ".join(token.content.split("\n"))


def _marks(state: StateInline, silent: bool) -> bool:
    match = INLINE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        kind = next(kind for kind in _TAGS if match[kind] is not None)
        text = match[kind] if kind == "em" else match[kind].strip()
        if kind == "code":
            state.push("code_inline", "code", 0).content = text
        else:
            _push(state, _TAGS[kind], text)
    state.pos = match.end()
    return True


def _power(state: StateInline, silent: bool) -> bool:
    """Raise the exponent in a formula such as e^(-x) or 10^9."""
    match = _POWER.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        _push(state, "sup", match["group"] or match["single"])
    state.pos = match.end()
    return True


def _push(state: StateInline, tag: str, text: str) -> None:
    state.push(f"{tag}_open", tag, 1)
    state.push("text", "", 0).content = text
    state.push(f"{tag}_close", tag, -1)
