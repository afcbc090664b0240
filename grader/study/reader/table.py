"""Rows of cells in columns, each as wide as it needs while there is room. Nothing of a cell is cut."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from grader.show.layout import BLANK, Line, Span, dim, line, width
from grader.show.text import split_words, wrap_spans

Side = Literal["left", "right"]
GAPS = (3, 2)  # cells between columns, the first that there is room for
LEAST = 8  # cells: a column that has more is not narrower
NARROW = 18  # cells: a word that is longer may be broken


class Table(NamedTuple):
    """The cells of each row, the head first, and on which side each column is flush."""

    head: Sequence[Line]
    rows: Sequence[Sequence[Line]]
    sides: Sequence[Side]


def table_lines(table: Table, room: int) -> list[Line]:
    """The lines of a table, of at most `room` cells; where not even single words fit side by side, cell by cell."""
    columns = list(zip(table.head, *table.rows, strict=True))
    wanted = [max(map(width, column)) for column in columns]
    least = [
        min(max(*map(_longest_word, column), LEAST), NARROW, each) for column, each in zip(columns, wanted, strict=True)
    ]
    joints = len(columns) - 1
    gap = next((each for each in GAPS if sum(least) + each * joints <= room), None)
    if gap is None:
        return _cell_by_cell(table, room)
    widths = shared(wanted, least, room - gap * joints)
    rows = [_row(row, widths, table.sides, " " * gap) for row in table.rows]
    apart = any(len(row) > 1 for row in rows)
    head = [tuple(Span(text, "bold") for text, _ in cell) for cell in table.head]
    lines = [*_row(head, widths, table.sides, " " * gap), line(dim("─" * (sum(widths) + gap * joints)))]
    for i, row in enumerate(rows):
        lines += [BLANK, *row] if apart and i else row
    return lines


def shared(wanted: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """How wide each column is: what it wants, or its share of the room that the narrower ones leave."""
    widths = list(least)
    for place in sorted(range(len(wanted)), key=lambda each: wanted[each]):
        others = [each for each in range(len(wanted)) if wanted[each] > wanted[place]]
        left = room - sum(widths) + widths[place]
        share = max((left + sum(least[each] for each in others)) // (len(others) + 1), least[place])
        widths[place] = min(wanted[place], share, left)
    return widths


def _row(cells: Sequence[Line], widths: Sequence[int], sides: Sequence[Side], gap: str) -> list[Line]:
    """The lines of one row."""
    columns = [wrap_spans(cell, room) for cell, room in zip(cells, widths, strict=True)]
    lines = []
    for place in range(max(map(len, columns))):
        parts: list[str | Line] = []
        for column, room, side in zip(columns, widths, sides, strict=True):
            text = column[place] if place < len(column) else BLANK
            space = " " * (room - width(text))
            parts += [gap, *((space, text) if side == "right" else (text, space))]
        lines.append(line(*parts[1:]))
    return lines


def _cell_by_cell(table: Table, room: int) -> list[Line]:
    """Each row below the one before it: its first cell, and the others after the names of their columns."""
    lines: list[Line] = []
    for first, *cells in table.rows:
        lines += [BLANK] if lines else []
        lines += wrap_spans(tuple(Span(text, "bold") for text, _ in first), room)
        for name, cell in zip(table.head[1:], cells, strict=True):
            lines += wrap_spans(line(*(dim(text) for text, _ in name), dim(": "), cell), room - 2, "  ")
    return lines


def _longest_word(cell: Line) -> int:
    return max((width(tuple(word)) for word in split_words(cell)), default=0)
