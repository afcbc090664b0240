"""Lines of styled text, measured in terminal cells, and how much of a result a page shows.

Text from strangers (messages, source, output, names) passes through `display_text` once, before it is laid out. After
that it is plain text without control characters or markup, and each character is as wide as it is counted.
"""

import enum
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

import click
import msgspec

from grader.base.result import Frame
from grader.base.text import clean as harmless
from grader.show.symbols import MARKS, in_ascii

S = TypeVar("S", bound=msgspec.Struct)

Style = Literal["", "bold", "dim", "red", "green", "command"]  # a command has no style, and is never cut

COLUMNS = 77
MANY = sys.maxsize


class Span(NamedTuple):
    """A text in one style."""

    text: str
    style: Style = ""


Line = tuple[Span, ...]
BLANK: Line = ()


class Paragraph(NamedTuple):
    """Sentences that a view wraps, after an optional label. Line breaks in `text` are kept."""

    text: str
    indent: int = 4
    style: Style = ""
    label: str = ""


Piece = Paragraph | Line  # a line is drawn and not wrapped: its columns have a meaning
P = TypeVar("P", Line, Piece)


class Page(msgspec.Struct, frozen=True):
    """The width of a page and how much it shows: numbers of lines, or of rows of a table, unless stated otherwise."""

    width: int  # cells
    fold: int = 0  # tests merged into one line: 1 those not run, 2 also those passed, 3 also other failures
    rows: int = MANY  # of a table of numbers
    text: int = MANY  # of an exception's message
    context: int = MANY  # of source on either side of the failing line
    callers: int = MANY
    locals: int = MANY
    output: int = MANY
    roomy: bool = True  # with the call that raised, and with the evidence for a known cause
    tight: int = 0  # 1: without blank and optional lines, 2: also without other tests
    whole: bool = False  # cut no line at its end
    full: bool = False  # every detail of the explained tests
    every: bool = False  # explain all failing tests
    only: str | None = None  # explain only the test with this id


def bold(text: str) -> Span:
    """Return the text in bold."""
    return Span(text, "bold")


def dim(text: str) -> Span:
    """Return the text dimmed."""
    return Span(text, "dim")


def line(*parts: str | Span | Line) -> Line:
    """Return a line made of strings, spans and other lines."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, Span):
            spans.append(part)
        elif isinstance(part, str):
            spans.append(Span(part))
        else:
            spans.extend(part)
    return tuple(spans)


@cache
def cell_width(character: str) -> int:
    """Return the number of cells that a character takes."""
    is_letter = character.isalpha() and character < "\u0530"  # Latin, Greek or Cyrillic
    if is_letter or character in MARKS or " " <= character <= "~":
        return 1
    from rich.cells import cell_len  # imported here because most commands never need it

    return cell_len(character)


def cells(text: str) -> int:
    """Return the width of a text on a terminal."""
    return len(text) if text.isascii() else sum(map(cell_width, text))


def width(of: Line) -> int:
    """Return the width of a line in cells."""
    return sum(cells(span.text) for span in of)


def pad(text: str, to: int) -> str:
    """Return the text with spaces appended up to `to` cells."""
    return text + " " * (to - cells(text))


def align_right(text: str, to: int) -> str:
    """Return the text with spaces prepended up to `to` cells."""
    return " " * (to - cells(text)) + text


def count_fitting(text: str, room: int) -> int:
    """Return how many characters of `text` fit in `room` cells; combining marks stay with their base character."""
    if text.isascii():
        return min(len(text), max(room, 0))
    used = 0
    for i, character in enumerate(text):
        used += cell_width(character)
        if used > room:
            return i
    return len(text)


def fits(text: str, room: int) -> bool:
    """Return whether a text fits in `room` cells."""
    return count_fitting(text, room) == len(text)


def cut(text: str, room: int, page: Page) -> str:
    """Return `text` clipped to `room` cells, or unchanged on a page that cuts nothing."""
    return text if page.whole else clip(text, room)


def clip(text: str, room: int) -> str:
    """Return at most `room` cells of `text`, with "..." where it is cut."""
    if fits(text, room):
        return text
    return text[: count_fitting(text, room - 3)] + "..." if room > 3 else text[: count_fitting(text, room)]


def wrap(text: str, room: int, *, break_words: bool = True) -> list[str]:
    """Break `text` into lines of at most `room` cells, at spaces or else within words.

    Line breaks and runs of spaces are kept. Without `break_words`, words longer than a line stay whole.
    """
    lines = []
    for row in text.split("\n"):
        rest = row.rstrip()
        while not fits(rest, room) and (end := _break(rest, room, break_words)) < len(rest):
            lines.append(rest[:end].rstrip())
            rest = rest[end:].lstrip()
        lines.append(rest)
    return lines


def _break(text: str, room: int, break_words: bool) -> int:
    """Return how much of a text that does not fit is put in a line of `room` cells."""
    end = max(count_fitting(text, room), 1)
    space = text.rfind(" ", 0, end + 1)
    if space > 0 and text[:space].strip():
        return space
    return end if break_words else len(text) - len(text.lstrip().partition(" ")[2])


def _beside_label(prose: Paragraph, page: Page) -> list[Line]:
    """Return a label and its text side by side, or the text below where that leaves it too narrow."""
    before = " " * prose.indent
    label = cut(prose.label, page.width - prose.indent, page)
    if not prose.text:
        return [line(before, bold(label))]
    column = prose.indent + cells(label) + 3
    if column > page.width // 2:
        rows = limit_lines(wrap(prose.text, page.width - prose.indent), page.text)
        return [line(before, bold(label)), *(line(before, Span(row, prose.style)) for row in rows)]
    rows = limit_lines(wrap(prose.text, page.width - column), page.text)
    heads = [line(before, bold(label), "   "), *[line(" " * column)] * (len(rows) - 1)]
    return [line(head, Span(row, prose.style)) for head, row in zip(heads, rows, strict=True)]


def limit_lines(lines: list[str], most: int) -> list[str]:
    """Return at most `most` lines; the last one says how many are missing."""
    if len(lines) <= most:
        return lines
    kept = lines[: max(most - 1, 1)]
    return [*kept, f"[+{len(lines) - len(kept)} lines]"]


def prose(text: str, page: Page, indent: int = 4, style: Style = "") -> list[Line]:
    """Wrap sentences and never cut them. Line breaks in `text` are kept; an empty text gives no lines."""
    return lay_out(as_paragraph(text, indent, style), page)


def as_paragraph(text: str, indent: int = 4, style: Style = "") -> list[Piece]:
    """Return the text as a list of one paragraph, or an empty list if there is no text."""
    return [Paragraph(text, indent, style)] if text.strip() else []


def lay_out(pieces: Iterable[Piece], page: Page) -> list[Line]:
    """Return the pieces as lines of a page."""
    lines: list[Line] = []
    for piece in pieces:
        if isinstance(piece, Paragraph) and piece.label:
            lines += _beside_label(piece, page)
        elif isinstance(piece, Paragraph):
            rows = wrap(piece.text, page.width - piece.indent)
            lines += [line(" " * piece.indent, Span(each, piece.style)) for each in rows]
        else:
            lines.append(piece)
    return lines


def reflow(text: str) -> str:
    """Join the lines of each paragraph of a docstring; a blank line separates paragraphs."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def with_label(label: str, lines: Sequence[Line], column: int = 15, indent: int = 4) -> list[Line]:
    """Indent `lines` to `column`, with `label` before the first."""
    heads = [line(dim(pad(" " * indent + label, column))), *[line(" " * column)] * (len(lines) - 1)]
    return [line(head, body) for head, body in zip(heads, lines, strict=True)]


def flow(items: Iterable[Line], room: int, gap: str = "   ") -> list[Line]:
    """Place items side by side, as many per line as fit in `room` cells."""
    lines: list[Line] = []
    for item in items:
        if lines and width(lines[-1]) + len(gap) + width(item) <= room:
            lines[-1] = line(lines[-1], gap, item)
        else:
            lines.append(item)
    return lines


def join_blocks(*blocks: Sequence[P]) -> list[P]:
    """Join the blocks that are not empty, with a blank line between them."""
    lines: list[P] = []
    for block in blocks:
        if lines and block:
            lines.append(BLANK)
        lines.extend(block)
    return lines


def rule(title: str, page: Page) -> Line:
    """Return a line with a title and a horizontal rule."""
    title = cut(title, page.width - 10, page)
    return line("  ", bold(title), " ", dim("─" * (page.width - 3 - cells(title))))


def paint(of: Line, room: int, color: bool) -> str:
    """Return the line as a string of at most `room` cells, without trailing spaces; commands are never cut."""
    parts: list[str] = []
    for text, style in _stripped(of):
        shown = text if style == "command" else clip(text, max(room, 0))
        room -= cells(shown)
        if not (color and style not in ("", "command") and shown.strip()):
            parts.append(shown)
        elif style in ("bold", "dim"):
            parts.append(click.style(shown, bold=style == "bold" or None, dim=style == "dim" or None))
        else:
            parts.append(click.style(shown, fg=style))
    return "".join(parts)


def _stripped(of: Line) -> Line:
    *before, (text, style) = of or (Span(""),)
    return (*before, Span(text.rstrip(), style)) if text.strip() or not before else _stripped(tuple(before))


def display_text(text: str, unicode: bool) -> str:
    """Return the text made harmless (see `grader.base.text`), four spaces for a tab, in ASCII without `unicode`."""
    if text.isascii() and text.isprintable():
        return text
    shown = harmless(text.replace("\t", "    "))
    return shown if unicode else in_ascii(shown).encode("ascii", "backslashreplace").decode()


def display_struct(struct: S, unicode: bool) -> S:
    """Return the struct with all its strings, at any depth, passed through `display_text`.

    Columns that refer to source code are moved along with the text.
    """
    source: msgspec.Struct = struct
    if isinstance(struct, Frame):
        source = _tabs_shown(_columns_moved(struct, unicode), unicode)

    def of(value: Any) -> Any:
        if type(value) in (tuple, list):
            return type(value)(map(of, value))
        if isinstance(value, msgspec.Struct):
            return display_struct(value, unicode)
        return display_text(value, unicode) if isinstance(value, str) and not isinstance(value, enum.Enum) else value

    return type(struct)(**{name: of(getattr(source, name)) for name in struct.__struct_fields__})


def _columns_moved(frame: Frame, unicode: bool) -> Frame:
    text = next((source.text for source in frame.source if source.number == frame.line), "")

    def moved(column: int | None) -> int | None:
        return None if column is None else len(display_text(text[:column], unicode))

    operands = tuple(msgspec.structs.replace(o, column=moved(o.column)) for o in frame.operands)
    ends = {"column": moved(frame.column), "end_column": moved(frame.end_column)}
    return msgspec.structs.replace(frame, operands=operands, **ends)


def _tabs_shown(frame: Frame, unicode: bool) -> Frame:
    """Return the frame with visible tabs if some of its lines are indented by tabs and others by spaces."""
    begins = {each.text[:1] for each in frame.source}
    if not {"\t", " "} <= begins:
        return frame
    tab = "→   " if unicode else ">   "
    lines = (msgspec.structs.replace(each, text=each.text.replace("\t", tab)) for each in frame.source)
    return msgspec.structs.replace(frame, source=tuple(lines))
