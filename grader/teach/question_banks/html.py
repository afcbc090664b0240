"""The Markdown of questions as HTML that is XML too.

What is code, strong or emphasised is what a terminal shows as such (grader/show/text.py): full Markdown would read
`2*D*F` as emphasis, and `\\d` as an escape. Formulas are text, in which only a power is set in another way: e^(-x).
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
    """Paragraphs, lists, tables, blocks of code."""
    return str(_markdown().render(xml_text(text))).strip()


def inline(text: str) -> str:
    """One line of text, without a paragraph around it."""
    return str(_markdown().renderInline(line(text)))


def plain(text: str) -> str:
    """One line of text without its marks, which is no HTML."""
    return "".join(span.text for span in parse_inline(line(text)))


def line(text: str) -> str:
    """Text as it stands, on one line."""
    return xml_text(" ".join(text.split()))


def paragraph(text: str) -> str:
    """A sentence without marks."""
    return f"<p>{escape(line(text), quote=False)}</p>"


def code(text: str) -> str:
    """A block of code with the numbers of its lines."""
    rows = xml_text(text).rstrip("\n").split("\n")
    wide = len(str(len(rows)))
    numbered = "\n".join(f"{number:>{wide}}  {row}" for number, row in enumerate(rows, start=1))
    return f"<pre><code>{escape(numbered, quote=False)}</code></pre>"


def code_line(number: int, row: str) -> str:
    """A line of code to choose."""
    return f"{number}: <code>{escape(xml_text(row).strip(), quote=False)}</code>"


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("zero", {"xhtmlOut": True}).enable(["table", "code", "fence", "list"])
    markdown.core.ruler.before("inline", "joined", _join)
    markdown.inline.ruler.push("marks", _marks)
    markdown.inline.ruler.push("power", _power)
    return markdown


def _join(state: StateCore) -> None:
    """A paragraph is one line, as a mark may begin in one line of the file and end in the next."""
    for token in state.tokens:
        token.attrs.pop("style", None)  # how a column of a table is aligned: platforms take it out
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
    """What is raised in a formula: the exponent of e^(-x) or 10^9."""
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
