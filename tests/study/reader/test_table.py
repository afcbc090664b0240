"""Tables in columns."""

import pytest

from grader.show.layout import Span, paint, width
from grader.study.reader.table import MarkdownTable, column_widths, table_lines


@pytest.mark.parametrize(
    ("wanted", "least", "room", "widths"),
    [
        ([3, 5, 4], [3, 5, 4], 40, [3, 5, 4]),
        ([3, 50, 4], [3, 8, 4], 30, [3, 23, 4]),
        ([3, 50, 60], [3, 8, 8], 43, [3, 20, 20]),
        ([10, 50, 60], [3, 8, 8], 30, [10, 10, 10]),
        ([10, 30], [3, 18], 25, [7, 18]),
    ],
    ids=["room for all", "one long", "two long", "thirds", "a long word"],
)
def test_narrow_columns_get_their_width_first(
    wanted: list[int], least: list[int], room: int, widths: list[int]
) -> None:
    assert column_widths(wanted, least, room) == widths


def test_keeps_all_words_within_any_width() -> None:
    words = [["family", "what it sees"], ["encoder-only", "all words, at every place of the text"], ["decoder", "no"]]
    cells = [[(Span(cell),) for cell in row] for row in words]
    for room in range(24, 80):
        lines = table_lines(MarkdownTable(cells[0], cells[1:], ("left", "right")), room)
        assert all(width(line) <= room for line in lines), room
        shown = " ".join(paint(line, 200, color=False) for line in lines)
        assert {word for row in words[1:] for cell in row for word in cell.split()} <= set(shown.split())
