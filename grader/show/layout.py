"""Lines of styled text, measured in terminal cells, and how many of them a screen may have.

Text that others wrote (messages, source, output, names) comes through `clean` once, before anything is laid
out. After that it is plain text: no control characters, no markup, and as wide as it is counted.
"""

import enum
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

import click
import msgspec
from rich.cells import cell_len

from grader.base.result import Frame
from grader.base.text import clean as harmless
from grader.show.marks import IN_ASCII, MARKS

S = TypeVar("S", bound=msgspec.Struct)

Style = Literal["", "bold", "dim", "red", "green", "command"]  # a command is plain, and never cut

TEXT_IN_ASCII: dict[int, int | str] = {
    **IN_ASCII,
    **{ord(c): text for c, text in {"…": "...", "×": "x", "·": "*", "—": "-", "–": "-", "−": "-", "’": "'"}.items()},
}

COLUMNS = 77
MANY = sys.maxsize


class Span(NamedTuple):
    text: str
    style: Style = ""


Line = tuple[Span, ...]
BLANK: Line = ()


class Prose(NamedTuple):
    """Sentences, which a view breaks where it has to, after a label if there is one. Line breaks in `text` are kept."""

    text: str
    indent: int = 4
    style: Style = ""
    label: str = ""


Piece = Prose | Line  # a line is drawn: what stands below what has a meaning
P = TypeVar("P", Line, Piece)


class Page(msgspec.Struct, frozen=True):
    """How much a screen shows. Numbers are lines, or rows of a table, unless said otherwise."""

    width: int  # cells
    fold: int = 0  # tests that get one line together: 1 those not run, 2 also the passed, 3 also other failures
    rows: int = MANY
    text: int = MANY  # of what an exception says
    context: int = MANY  # of source on either side of the failing line
    callers: int = MANY
    locals: int = MANY
    output: int = MANY
    roomy: bool = True  # with the call of what was raised, and with what a known cause rests on
    tight: int = 0  # 1: without the lines that are there to be read with ease, 2: also without other tests
    whole: bool = False  # no line is cut at its end
    full: bool = False  # every detail of what is explained
    every: bool = False  # all failing tests are explained
    only: str | None = None  # id of the test that is explained, and no other


def bold(text: str) -> Span:
    return Span(text, "bold")


def dim(text: str) -> Span:
    return Span(text, "dim")


def line(*parts: str | Span | Line) -> Line:
    """One line of the screen from strings, spans and other lines."""
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
def cell(character: str) -> int:
    return 1 if character in MARKS else cell_len(character)


def cells(text: str) -> int:
    """The width of `text` on a terminal."""
    return len(text) if text.isascii() else sum(map(cell, text))


def width(of: Line) -> int:
    return sum(cells(span.text) for span in of)


def pad(text: str, to: int) -> str:
    return text + " " * (to - cells(text))


def right(text: str, to: int) -> str:
    return " " * (to - cells(text)) + text


def fit(text: str, room: int) -> int:
    """How many characters of `text` fit in `room` cells; combining marks stay with what they combine with."""
    if text.isascii():
        return min(len(text), max(room, 0))
    used = 0
    for i, character in enumerate(text):
        used += cell(character)
        if used > room:
            return i
    return len(text)


def fits(text: str, room: int) -> bool:
    return fit(text, room) == len(text)


def cut(text: str, room: int, page: Page) -> str:
    """`text` in at most `room` cells, or all of it where the page cuts nothing."""
    return text if page.whole else clip(text, room)


def clip(text: str, room: int) -> str:
    """`text` in at most `room` cells."""
    if fits(text, room):
        return text
    return text[: fit(text, room - 3)] + "..." if room > 3 else text[: fit(text, room)]


def wrap(text: str, room: int) -> list[str]:
    """`text` in lines of at most `room` cells, broken at spaces, or within a word that is longer."""
    lines = []
    for rest in text.split("\n"):
        rest = rest.rstrip()
        while not fits(rest, room):
            end = max(fit(rest, room), 1)
            space = rest.rfind(" ", 0, end + 1)
            if space > 0 and rest[:space].strip():
                end = space
            lines.append(rest[:end].rstrip())
            rest = rest[end:].lstrip()
        lines.append(rest)
    return lines


def _beside_label(prose: Prose, page: Page) -> list[Line]:
    """`RuntimeError   the message`, the text wrapped beside its label where that leaves it room."""
    before = " " * prose.indent
    label = cut(prose.label, page.width - prose.indent, page)
    if not prose.text:
        return [line(before, bold(label))]
    column = prose.indent + cells(label) + 3
    if column > page.width // 2:
        rows = bounded(wrap(prose.text, page.width - prose.indent), page.text)
        return [line(before, bold(label)), *(line(before, Span(row, prose.style)) for row in rows)]
    rows = bounded(wrap(prose.text, page.width - column), page.text)
    heads = [line(before, bold(label), "   "), *[line(" " * column)] * (len(rows) - 1)]
    return [line(head, Span(row, prose.style)) for head, row in zip(heads, rows, strict=True)]


def bounded(lines: list[str], most: int) -> list[str]:
    """At most `most` of `lines`; where some are missing, the last line says how many."""
    if len(lines) <= most:
        return lines
    kept = lines[: max(most - 1, 1)]
    return [*kept, f"[+{len(lines) - len(kept)} lines]"]


def prose(text: str, page: Page, indent: int = 4, style: Style = "") -> list[Line]:
    """Sentences, wrapped and never cut. Line breaks in `text` are kept; no text is no line."""
    return laid_out(told(text, indent, style), page)


def told(text: str, indent: int = 4, style: Style = "") -> list[Piece]:
    """Sentences as a piece; no text is no piece."""
    return [Prose(text, indent, style)] if text.strip() else []


def laid_out(pieces: Iterable[Piece], page: Page) -> list[Line]:
    """The pieces as lines of a page."""
    lines: list[Line] = []
    for piece in pieces:
        if isinstance(piece, Prose) and piece.label:
            lines += _beside_label(piece, page)
        elif isinstance(piece, Prose):
            rows = wrap(piece.text, page.width - piece.indent)
            lines += [line(" " * piece.indent, Span(each, piece.style)) for each in rows]
        else:
            lines.append(piece)
    return lines


def reflow(text: str) -> str:
    """The paragraphs of a docstring, each in one line."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def labelled(label: str, lines: Sequence[Line], column: int = 15, indent: int = 4) -> list[Line]:
    """`lines` from `column` on, with `label` before the first."""
    heads = [line(dim(pad(" " * indent + label, column))), *[line(" " * column)] * (len(lines) - 1)]
    return [line(head, body) for head, body in zip(heads, lines, strict=True)]


def flow(items: Iterable[Line], room: int, gap: str = "   ") -> list[Line]:
    """Items side by side, as many in each line as fit in `room` cells."""
    lines: list[Line] = []
    for item in items:
        if lines and width(lines[-1]) + len(gap) + width(item) <= room:
            lines[-1] = line(lines[-1], gap, item)
        else:
            lines.append(item)
    return lines


def paragraphs(*blocks: Sequence[P]) -> list[P]:
    """The blocks that are not empty, a blank line between them."""
    lines: list[P] = []
    for block in blocks:
        if lines and block:
            lines.append(BLANK)
        lines.extend(block)
    return lines


def rule(title: str, page: Page) -> Line:
    title = cut(title, page.width - 10, page)
    return line("  ", bold(title), " ", dim("─" * (page.width - 3 - cells(title))))


def paint(of: Line, room: int, color: bool) -> str:
    """The line as a string of at most `room` cells, without spaces at its end."""
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


def clean(text: str, unicode: bool) -> str:
    """Return the text made harmless (see `grader.base.text`), four spaces for a tab; without `unicode` as ASCII."""
    if text.isascii() and text.isprintable():
        return text
    shown = harmless(text.replace("\t", "    "))
    return shown if unicode else shown.translate(TEXT_IN_ASCII).encode("ascii", "backslashreplace").decode()


def cleaned(struct: S, unicode: bool) -> S:
    """The struct with all its text, at any depth, through `clean`. Columns of source follow the text."""
    source: msgspec.Struct = struct
    if isinstance(struct, Frame):
        source = _tabs_shown(_columns_moved(struct, unicode), unicode)

    def of(value: Any) -> Any:
        if type(value) in (tuple, list):
            return type(value)(map(of, value))
        if isinstance(value, msgspec.Struct):
            return cleaned(value, unicode)
        return clean(value, unicode) if isinstance(value, str) and not isinstance(value, enum.Enum) else value

    return type(struct)(**{name: of(getattr(source, name)) for name in struct.__struct_fields__})


def _columns_moved(frame: Frame, unicode: bool) -> Frame:
    text = next((source.text for source in frame.source if source.number == frame.line), "")

    def moved(column: int | None) -> int | None:
        return None if column is None else len(clean(text[:column], unicode))

    operands = tuple(msgspec.structs.replace(o, column=moved(o.column)) for o in frame.operands)
    ends = {"column": moved(frame.column), "end_column": moved(frame.end_column)}
    return msgspec.structs.replace(frame, operands=operands, **ends)


def _tabs_shown(frame: Frame, unicode: bool) -> Frame:
    """The frame with its tabs to be seen, where some lines are indented by tabs and others by spaces."""
    begins = {each.text[:1] for each in frame.source}
    if not {"\t", " "} <= begins:
        return frame
    tab = "→   " if unicode else ">   "
    lines = (msgspec.structs.replace(each, text=each.text.replace("\t", tab)) for each in frame.source)
    return msgspec.structs.replace(frame, source=tuple(lines))
