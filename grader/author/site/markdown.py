"""Render Markdown as HTML for the site, with links to its pages, formulas in MathML, and definitions of terms."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from grader.author.site.citations import CitationMarker
from grader.author.site.formula import mathml
from grader.author.site.highlight import code
from grader.author.site.links import LinkMap
from grader.author.site.model import Heading
from grader.author.site.terms import TermMarker
from grader.base.errors import UsageError
from grader.course.lesson.markdown import parser
from grader.show.tex import tex_to_text
from grader.show.typography import typeset

_ADDRESS = re.compile(r"https?://[^\s<>()]*[^\s<>().,;:]|arXiv[ :](?P<arxiv>\d{4}\.\d{4,5})")


@dataclass
class HtmlWriter:
    """Writes the Markdown of one page as HTML, and collects the headings in `headings`."""

    url: str  # of the page
    source: str  # path of the file from the course's folder, for links and errors
    links: LinkMap
    terms: TermMarker
    citations: CitationMarker
    formulas: bool = True  # treat $...$ as a formula
    headings: list[Heading] = field(default_factory=list)
    _top: int = 0  # the level of the page's first heading in its file

    def write(self, text: str, line: int = 1) -> str:
        """Return Markdown as HTML. `line` is the line of the file where the text begins."""
        tokens = self._parser.parse(text, {})
        return self._render(_joined(tokens), line)

    def inline(self, text: str, line: int = 1) -> str:
        """Return one line of Markdown as HTML, without a paragraph around it."""
        return self._render(_joined(self._parser.parseInline(text, {})), line)

    def heading(self, level: int, text: str) -> Heading:
        """Add a heading with a unique anchor. Levels are shifted so that they begin at 2 and skip none."""
        self._top = self._top or level
        last = self.headings[-1].level if self.headings else 1
        level = min(max(2, level - self._top + 2), last + 1)
        taken = {each.anchor for each in self.headings}
        anchor = base = _slug(text)
        number = 1
        while anchor in taken:
            number += 1
            anchor = f"{base}-{number}"
        self.headings.append(Heading(level, text, anchor))
        return self.headings[-1]

    @property
    def _parser(self) -> MarkdownIt:
        return parser() if self.formulas else _without_formulas()

    def _render(self, tokens: Sequence[Token], line: int) -> str:
        return str(_Renderer(self, line).render(tokens, self._parser.options, {}))


class _Renderer(RendererHTML):
    """Renders tokens as HTML. markdown-it calls the method that has the name of the token's type."""

    def __init__(self, writer: HtmlWriter, line: int):
        super().__init__()
        self._writer = writer
        self._line = line
        self._link_depth = 0  # open links and headings, in which text gets no links of its own
        self._heading = Heading(0, "", "")  # that is open
        self._ends: list[str] = []  # of the open links

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        text = tokens[idx].content
        if self._link_depth:
            return escape(typeset(text), quote=False)
        parts, done = [], 0
        for match in _ADDRESS.finditer(text):
            parts.append(self._writer.terms.mark(typeset(text[done : match.start()])))
            href = f"https://arxiv.org/abs/{match['arxiv']}" if match["arxiv"] else match[0]
            parts.append(f'<a href="{escape(href)}">{escape(match[0], quote=False)}</a>')
            done = match.end()
        return "".join([*parts, self._writer.terms.mark(typeset(text[done:]))])

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        words = f"<code>{escape(tokens[idx].content, quote=False)}</code>"
        href = None if self._link_depth else self._writer.links.href_of_exercise(tokens[idx].content, self._writer.url)
        return f'<a href="{escape(href)}">{words}</a>' if href else words

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return code(tokens[idx].content.rstrip("\n"), "")

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return code(tokens[idx].content.rstrip("\n"), tokens[idx].info.strip().partition(" ")[0])

    def html_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return escape(tokens[idx].content, quote=False)

    def html_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return escape(tokens[idx].content, quote=False)

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return escape(tokens[idx].content, quote=False)  # pictures of lessons are blocks, not images

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        target = str(tokens[idx].attrs["href"])
        href = self._writer.links.href(target, self._writer.source, self._writer.url)
        self._link_depth += 1
        if href is None:
            self._ends.append("")
            return ""
        title = self._writer.links.title(target, self._writer.source)
        tip = f' title="{escape(title)}"' if title else ""
        attributes, after = self._writer.citations.mark(target) or (tip, "")
        self._ends.append(f"</a>{after}")
        return f'<a href="{escape(href)}"{attributes}>'

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        self._link_depth -= 1
        return self._ends.pop()

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        text = "".join(child.content for child in tokens[idx + 1].children or ())
        heading = self._writer.heading(int(tokens[idx].tag[1]), text)
        self._link_depth += 1
        self._heading = heading
        return f'<h{heading.level} id="{escape(heading.anchor)}">'

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        self._link_depth -= 1
        level, anchor = self._heading.level, escape(self._heading.anchor)
        return f'<a class="permalink" href="#{anchor}" aria-label="Link to this section"></a></h{level}>\n'

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="wide-table"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self._cell(tokens, idx, tokens[idx + 1], options, env)

    def th_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self._cell(tokens, idx, tokens[idx - 1], options, env)

    def _cell(self, tokens: Sequence[Token], idx: int, content: Token, options: OptionsDict, env: EnvType) -> str:
        """Return a tag of a cell in the head of a table, which is a header only if it says something.

        A header that is a formula is text for those who listen, since not every screen reader reads MathML.
        """
        tokens[idx].tag = "th" if content.content else "td"
        tag = str(self.renderToken(tokens, idx, options, env))
        children = content.children or ()
        if len(children) != 1 or not children[0].type.startswith("math"):
            return tag
        if tokens[idx].nesting == -1:
            return f"</span>{tag}"
        return f'{tag}<span class="unseen">{escape(tex_to_text(children[0].content))}</span><span aria-hidden="true">'

    def math_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self._formula(tokens[idx], display=False)

    def math_inline_double(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self._formula(tokens[idx], display=True)

    def math_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<div class="formula">{self._formula(tokens[idx], display=True)}</div>\n'

    def _formula(self, token: Token, *, display: bool) -> str:
        try:
            return mathml(token.content.strip(), display=display)
        except ValueError as error:
            line = self._line + (token.map or token.meta.get("map") or (0,))[0]
            where = f"{self._writer.source}:{line}"
            raise UsageError(f"{where}: the formula {token.content.strip()} cannot be typeset: {error}.") from None


def _joined(tokens: Sequence[Token]) -> Sequence[Token]:
    """Join text that continues on the next line into one token, and store the lines of each token in its `meta`."""
    for token in tokens:
        children: list[Token] = []
        for child in token.children or ():
            if child.type == "softbreak":
                child.type, child.content = "text", "\n"
            if child.type == "text" and children and children[-1].type == "text":
                children[-1].content += child.content
            else:
                child.meta["map"] = token.map
                children.append(child)
        if token.children is not None:
            token.children = children
    return tokens


@cache
def _without_formulas() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and GitLab generate it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") or "section"


def split_title(text: str) -> tuple[str | None, str, int]:
    """Split a document into the title on its first line, the text below, and the number of lines before that text.

    The title is None if the document does not begin with a heading.
    """
    match = re.match(r"\s*# +(.+?)\s*\n", text)
    if match is None:
        return None, text, 0
    return match[1], text[match.end() :], text[: match.end()].count("\n")


def plain(text: str) -> str:
    """Return a title without Markdown syntax."""
    return "".join(str(token.content) for token in parser().parseInline(text, {})[0].children or ())
