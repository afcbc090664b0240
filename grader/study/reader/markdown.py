"""The Markdown of lessons as lines on a terminal: what the parser of all lessons finds, laid out.

Prose is held to `READABLE` columns, tables may use the whole width; code keeps its lines.
"""

import re
from collections.abc import Sequence

import msgspec
from markdown_it.token import Token

from grader.course.lesson.markdown import closing, parser
from grader.show.layout import BLANK, COLUMNS, Line, Span, Style, cells, dim, fits, line
from grader.show.text import NO_BREAK, wrap_code, wrap_spans
from grader.study.reader.formula import formula
from grader.study.reader.table import Side, Table, table_lines

READABLE = COLUMNS
MARGIN = 2  # columns before all text
WHOLE = 32  # cells: a formula, or code, that is no longer is not broken
BULLET = "-"
_COMMENT = re.compile(r"""((?:[^"'#]|"[^"]*"|'[^']*')*?)(\s*)(#.*)""")


class Page(msgspec.Struct, frozen=True):
    """Where lines are drawn."""

    width: int  # columns of the terminal
    unicode: bool = True  # without, formulas stay TeX

    @property
    def readable(self) -> int:
        """Columns of prose, with its margin."""
        return min(self.width, READABLE)


def markdown(text: str, page: Page, indent: int = MARGIN) -> list[Line]:
    """The lines of a text, with `indent` spaces before each."""
    return _Renderer(page).blocks(parser().parse(text), indent)


def inline(text: str, page: Page) -> Line:
    """A sentence without its marks."""
    tokens = parser().parseInline(text)
    return tuple(span for each in _Renderer(page).sentences(tokens[0].children or ()) for span in each)


def code(text: str, page: Page, comments: bool = True) -> list[Line]:
    """Lines of code, as far in as there is room for; `comments` are dim, and below what is too long beside them."""
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
    """Makes lines of tokens."""

    def __init__(self, page: Page):
        self.page = page

    def blocks(self, tokens: Sequence[Token], indent: int, tight: bool = False) -> list[Line]:
        """The lines of block tokens, a blank one between two blocks unless `tight`."""
        lines: list[Line] = []
        place = 0
        while place < len(tokens):
            end = closing(tokens, place)
            drawn = self._block(tokens[place], tokens[place + 1 : end], indent)
            if lines and drawn and not (tight and lines[-1] != BLANK):
                lines.append(BLANK)
            lines += drawn
            place = end + 1
        return lines

    def _block(self, token: Token, inner: Sequence[Token], indent: int) -> list[Line]:
        margin, room = " " * indent, self.page.readable - indent
        match token.type:
            case "heading_open":
                return self._sentences(inner[0], room, margin, style="bold")
            case "paragraph_open":
                return self._sentences(inner[0], room, margin)
            case "bullet_list_open" | "ordered_list_open":
                return self._list(token, inner, indent)
            case "blockquote_open":
                quoted = self.blocks(inner, indent + 2)
                return [line(margin, dim("│ "), _without(each, indent + 2)) for each in quoted]
            case "fence" | "code_block":
                return code(token.content.rstrip("\n"), self.page, comments=token.info.strip() == "python")
            case "math_block" | "math_block_label":
                return self._formula(token.content)
            case "table_open":
                table = self._table(inner)
                return [line(margin, each) for each in table_lines(table, self.page.width - indent)]
            case "hr":
                return [line(margin, dim("─" * room))]
        return wrap_spans((Span(token.content),), room, margin)

    def _list(self, token: Token, inner: Sequence[Token], indent: int) -> list[Line]:
        """The items of a list, close to one another unless the author left lines blank between them."""
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
            lines += [line(" " * indent, head, _without(first, indent + len(head))), *rest]
            number += 1
            place = end + 1
        return lines

    def _formula(self, tex: str) -> list[Line]:
        text = formula(tex) if self.page.unicode else tex.strip()
        indent = MARGIN + 4
        return [
            each
            for row in text.split("\n")
            for each in wrap_spans((Span(row),), self.page.width - indent, " " * indent)
        ]

    def _table(self, tokens: Sequence[Token]) -> Table:
        rows: list[list[Line]] = []
        sides: list[Side] = []
        for place, token in enumerate(tokens):
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                cell = tokens[place + 1].children or ()
                rows[-1].append(tuple(span for each in self.sentences(cell) for span in each))
            if token.type == "th_open":
                sides.append("right" if "right" in str(token.attrGet("style") or "") else "left")
        return Table(rows[0], rows[1:], sides)

    def _sentences(self, token: Token, room: int, margin: str, style: Style = "") -> list[Line]:
        return [
            each for spans in self.sentences(token.children or (), style) for each in wrap_spans(spans, room, margin)
        ]

    def sentences(self, tokens: Sequence[Token], style: Style = "") -> list[Line]:
        """Inline tokens as spans, anew after each hard break."""
        lines: list[list[Span]] = [[]]
        strong = 0
        links: list[tuple[str, int]] = []  # the address, and how many spans there were before it

        def add(text: str, own: Style = "") -> None:
            lines[-1].append(Span(text, own or style or ("bold" if strong else "")))

        for token in tokens:
            match token.type:
                case "text" | "html_inline":
                    add(token.content)
                case "softbreak":
                    add(" ")
                case "hardbreak":
                    lines.append([])
                case "code_inline":
                    add(_whole(token.content), "bold")
                case "math_inline" | "math_inline_double":
                    add(_whole(formula(token.content).replace("\n", "; ") if self.page.unicode else token.content))
                case "strong_open":
                    strong += 1
                case "strong_close":
                    strong -= 1
                case "link_open":
                    links.append((str(token.attrGet("href")), len(lines[-1])))
                case "link_close":
                    address, start = links.pop()
                    shown = "".join(text for text, _ in lines[-1][start:])
                    if shown != address:
                        add(f" ({address})")
                case "image":
                    add(f"{token.content} ({token.attrGet('src')})")
        return [tuple(each) for each in lines]


def _whole(text: str) -> str:
    """What is short is not broken at its spaces."""
    return text.replace(" ", NO_BREAK) if cells(text) <= WHOLE else text


def _without(of: Line, count: int) -> Line:
    """A line without so many of the spaces that it begins with."""
    if not of:
        return of
    (text, style), *rest = of
    return (Span(text[count:], style), *rest)
