"""Lays out tables in columns, each as wide as it needs if there is room. No cell is cut."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from grader.show.layout import BLANK, Line, Span, dim, line, width
from grader.show.text import split_words, wrap_spans

Alignment = Literal["left", "right"]
GAPS = (3, 2)  # cells between columns: the wider one if there is room
MIN_COLUMN = 8  # cells: wider columns are not narrowed further
MAX_UNBROKEN_WORD = 18  # cells: longer words may be broken


class MarkdownTable(NamedTuple):
    """A table: the cells of its head and rows, and the alignment of each column."""

    head: Sequence[Line]
    rows: Sequence[Sequence[Line]]
    alignments: Sequence[Alignment]


def table_lines(table: MarkdownTable, room: int) -> list[Line]:
    """Lay out a table in `room` cells. If words do not fit side by side, put each cell on its own line."""
    columns = list(zip(table.head, *table.rows, strict=True))
    wanted = [max(map(width, column)) for column in columns]
    least = [
        min(max(*map(_longest_word, column), MIN_COLUMN), MAX_UNBROKEN_WORD, each)
        for column, each in zip(columns, wanted, strict=True)
    ]
    gaps = len(columns) - 1
    gap = next((each for each in GAPS if sum(least) + each * gaps <= room), None)
    if gap is None:
        return _cell_by_cell(table, room)
    widths = column_widths(wanted, least, room - gap * gaps)
    rows = [_row(row, widths, table.alignments, " " * gap) for row in table.rows]
    apart = any(len(row) > 1 for row in rows)
    head = [tuple(Span(text, "bold") for text, _ in cell) for cell in table.head]
    lines = [*_row(head, widths, table.alignments, " " * gap), line(dim("─" * (sum(widths) + gap * gaps)))]
    for i, row in enumerate(rows):
        lines += [BLANK, *row] if apart and i else row
    return lines


def column_widths(wanted: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return the width of each column: what it wants, or its share of the room that narrower ones leave."""
    widths = list(least)
    for place in sorted(range(len(wanted)), key=lambda each: wanted[each]):
        others = [each for each in range(len(wanted)) if wanted[each] > wanted[place]]
        left = room - sum(widths) + widths[place]
        share = max((left + sum(least[each] for each in others)) // (len(others) + 1), least[place])
        widths[place] = min(wanted[place], share, left)
    return widths


def _row(cells: Sequence[Line], widths: Sequence[int], alignments: Sequence[Alignment], gap: str) -> list[Line]:
    """Lay out one row."""
    columns = [wrap_spans(cell, room) for cell, room in zip(cells, widths, strict=True)]
    lines = []
    for place in range(max(map(len, columns))):
        parts: list[str | Line] = []
        for column, room, alignment in zip(columns, widths, alignments, strict=True):
            text = column[place] if place < len(column) else BLANK
            space = " " * (room - width(text))
            parts += [gap, *((space, text) if alignment == "right" else (text, space))]
        lines.append(line(*parts[1:]))
    return lines


def _cell_by_cell(table: MarkdownTable, room: int) -> list[Line]:
    """Lay out each row as its first cell, then one line per cell after the name of its column."""
    lines: list[Line] = []
    for first, *cells in table.rows:
        lines += [BLANK] if lines else []
        lines += wrap_spans(tuple(Span(text, "bold") for text, _ in first), room)
        for name, cell in zip(table.head[1:], cells, strict=True):
            lines += wrap_spans(line(*(dim(text) for text, _ in name), dim(": "), cell), room - 2, "  ")
    return lines


def _longest_word(cell: Line) -> int:
    return max((width(tuple(word)) for word in split_words(cell)), default=0)
