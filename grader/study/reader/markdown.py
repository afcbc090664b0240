"""Renders the Markdown of lessons as lines on a terminal.

Prose is at most `PROSE_WIDTH` columns wide, tables may use the whole width, and code keeps its lines.
"""

import re
from collections.abc import Sequence

import msgspec
from markdown_it.token import Token

from grader.course.lesson.markdown import closing, parser
from grader.show.layout import BLANK, COLUMNS, Line, Span, Style, cells, dim, fits, line
from grader.show.symbols import in_ascii
from grader.show.tex import tex_to_ascii, tex_to_text
from grader.show.text import NO_BREAK, wrap_code, wrap_spans
from grader.study.reader.table import Alignment, MarkdownTable, table_lines

PROSE_WIDTH = COLUMNS
MARGIN = 2  # columns left of all text
MAX_UNBROKEN = 32  # cells: shorter formulas and code are not wrapped
BULLET = "-"
EMPHASIS = "*"  # around a text, since not all terminals show italics
_COMMENT = re.compile(r"""((?:[^"'#]|"[^"]*"|'[^']*')*?)(\s*)(#.*)""")


class ReaderPage(msgspec.Struct, frozen=True):
    """The size and abilities of the page."""

    width: int  # columns of the terminal
    unicode: bool = True  # if False, texts and formulas are ASCII as far as possible

    @property
    def prose_width(self) -> int:
        """Columns of prose, including its margin."""
        return min(self.width, PROSE_WIDTH)

    def formula(self, tex: str) -> str:
        """Convert a formula to text."""
        return tex_to_text(tex) if self.unicode else tex_to_ascii(tex)


def markdown_lines(text: str, page: ReaderPage, indent: int = MARGIN) -> list[Line]:
    """Render a text with `indent` spaces before each line."""
    return _Renderer(page).blocks(parser().parse(text), indent)


def inline_spans(text: str, page: ReaderPage) -> Line:
    """Render inline Markdown as one line."""
    tokens = parser().parseInline(text)
    return tuple(span for each in _Renderer(page).inline(tokens[0].children or ()) for span in each)


def code_lines(text: str, page: ReaderPage, comments: bool = True) -> list[Line]:
    """Render code, indented as far as there is room.

    With `comments`, Python comments are dim, and those of lines that are too long go below the line.
    """
    rows = text.split("\n")
    indent = min(max(page.width - max(map(cells, rows)), MARGIN), 2 * MARGIN)
    margin, room = " " * indent, page.width - indent
    lines: list[Line] = []
    for row in rows:
        found = _COMMENT.fullmatch(row) if comments else None
        text, gap, comment = found.groups() if found else (row, "", "")
        if fits(row, room):
            lines.append(line(margin, text, gap, dim(comment)))
            continue
        start = text[: len(text) - len(text.lstrip())]
        lines += wrap_code(text, room, margin) if text else []
        below = wrap_code(start + comment, room, margin) if comment else []
        lines += [tuple(dim(span.text) for span in each) for each in below]
    return lines


class _Renderer:
    """Renders the tokens of markdown-it as lines."""

    def __init__(self, page: ReaderPage):
        self.page = page

    def blocks(self, tokens: Sequence[Token], indent: int, tight: bool = False) -> list[Line]:
        """Render block tokens, separated by blank lines unless `tight`."""
        lines: list[Line] = []
        place = 0
        while place < len(tokens):
            end = closing(tokens, place)
            rendered = self._block(tokens[place], tokens[place + 1 : end], indent)
            if lines and rendered and not (tight and lines[-1] != BLANK):
                lines.append(BLANK)
            lines += rendered
            place = end + 1
        return lines

    def _block(self, token: Token, inner: Sequence[Token], indent: int) -> list[Line]:
        margin, room = " " * indent, self.page.prose_width - indent
        match token.type:
            case "heading_open":
                return self._wrapped_inline(inner[0], room, margin, style="bold")
            case "paragraph_open":
                return self._wrapped_inline(inner[0], room, margin)
            case "bullet_list_open" | "ordered_list_open":
                return self._list(token, inner, indent)
            case "blockquote_open":
                quoted = self.blocks(inner, indent + 2)
                return [line(margin, dim("│ "), _strip_left(each, indent + 2)) for each in quoted]
            case "fence" | "code_block":
                return code_lines(token.content.rstrip("\n"), self.page, comments=token.info.strip() == "python")
            case "math_block" | "math_block_label":
                return self._formula(token.content)
            case "table_open":
                table = self._table(inner)
                return [line(margin, each) for each in table_lines(table, self.page.width - indent)]
            case "hr":
                return [line(margin, dim("─" * room))]
        return wrap_spans((Span(token.content),), room, margin)

    def _list(self, token: Token, inner: Sequence[Token], indent: int) -> list[Line]:
        """Render a list, with blank lines between items if the source has them."""
        tight = any(each.hidden for each in inner)
        number = int(token.attrGet("start") or 1)
        lines: list[Line] = []
        place = 0
        while place < len(inner):
            end = closing(inner, place)
            head = f"{number}. " if token.type.startswith("ordered") else f"{BULLET} "
            item = self.blocks(inner[place + 1 : end], indent + len(head), tight)
            first, *rest = item or [BLANK]
            lines += [BLANK] if lines and not tight else []
            lines += [line(" " * indent, head, _strip_left(first, indent + len(head))), *rest]
            number += 1
            place = end + 1
        return lines

    def _formula(self, tex: str) -> list[Line]:
        text = self.page.formula(tex)
        indent = MARGIN + 4
        return [
            each
            for row in text.split("\n")
            for each in wrap_spans((Span(row.replace("  ", 2 * NO_BREAK)),), self.page.width - indent, " " * indent)
        ]

    def _table(self, tokens: Sequence[Token]) -> MarkdownTable:
        rows: list[list[Line]] = []
        alignments: list[Alignment] = []
        for place, token in enumerate(tokens):
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                cell = tokens[place + 1].children or ()
                rows[-1].append(tuple(span for each in self.inline(cell) for span in each))
            if token.type == "th_open":
                alignments.append("right" if "right" in str(token.attrGet("style") or "") else "left")
        return MarkdownTable(rows[0], rows[1:], alignments)

    def _wrapped_inline(self, token: Token, room: int, margin: str, style: Style = "") -> list[Line]:
        return [each for spans in self.inline(token.children or (), style) for each in wrap_spans(spans, room, margin)]

    def inline(self, tokens: Sequence[Token], style: Style = "") -> list[Line]:
        """Render inline tokens, with a new line after each hard break."""
        builder = _InlineBuilder(self.page, style)
        for token in tokens:
            builder.add(token)
        return [tuple(spans) for spans in builder.lines]


class _InlineBuilder:
    """Builds lines of spans from inline tokens."""

    def __init__(self, page: ReaderPage, style: Style):
        self.lines: list[list[Span]] = [[]]
        self._page = page
        self._style = style
        self._strong_depth = 0
        self._links: list[tuple[str, int]] = []  # address, and index of the first span of the link's text

    def add(self, token: Token) -> None:
        """Add a token. Ignore tokens that a terminal cannot show."""
        match token.type:
            case "text" | "html_inline":
                self._text(token.content)
            case "softbreak":
                self._text(" ")
            case "hardbreak":
                self.lines.append([])
            case "code_inline":
                self._text(_unbroken(token.content), "bold")
            case "math_inline" | "math_inline_double":
                self._formula(token.content)
            case "image":
                self._text(f"{token.content} ({token.attrGet('src')})")
            case "em_open" | "em_close":
                self._text(EMPHASIS)  # a word that is mentioned would read like one of the sentence
            case "strong_open":
                self._strong_depth += 1
            case "strong_close":
                self._strong_depth -= 1
            case "link_open":
                self._links.append((str(token.attrGet("href")), len(self.lines[-1])))
            case "link_close":
                self._close_link()

    def _text(self, text: str, style: Style = "") -> None:
        shown = text if self._page.unicode else in_ascii(text)
        self.lines[-1].append(Span(shown, style or self._style or ("bold" if self._strong_depth else "")))

    def _formula(self, tex: str) -> None:
        self._text(_unbroken(self._page.formula(tex).replace("\n", "; ")))

    def _close_link(self) -> None:
        """Add a web address, unless it is the link's text. A link within the course needs only its words."""
        address, start = self._links.pop()
        if ":" in address and "".join(span.text for span in self.lines[-1][start:]) != address:
            self._text(f" ({address})")


def _unbroken(text: str) -> str:
    """Replace spaces by no-break spaces in a short text."""
    return text.replace(" ", NO_BREAK) if cells(text) <= MAX_UNBROKEN else text


def _strip_left(of: Line, count: int) -> Line:
    """Return a line without its first `count` characters, which are spaces."""
    if not of:
        return of
    (text, style), *rest = of
    return (Span(text[count:], style), *rest)
