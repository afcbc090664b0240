"""Figures of a lab as characters."""

import re

from grader.picture import Heatmap, Table
from grader.report.figures import drawn
from tests.report.curves import CURVES


def test_lines_without_colour_differ_by_their_characters() -> None:
    text = "\n".join(drawn(CURVES, unicode=False))
    assert text.isascii() or "\x1b" in text
    legend = next(line for line in text.splitlines() if "one" in line and "two" in line)
    assert legend.split("one")[0].strip() != legend.split("one")[1].split("two")[0].strip()


def test_a_heatmap_that_is_too_wide_has_shades_for_numbers_and_numbers_for_columns() -> None:
    names = tuple(f"a long name {n}" for n in range(12))
    values = [[float(row == column) for column in range(12)] for row in range(12)]
    for unicode, full in ((True, "█"), (False, "@")):
        lines = drawn(Heatmap("m", "Map", names, names, values), unicode=unicode)
        plain = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in lines]
        assert max(map(len, plain)) <= 77
        assert plain[1].split() == [str(n) for n in range(1, 13)]
        for n, line in enumerate(plain[2:14]):
            assert line.strip().startswith(f"{n + 1} a long name {n} ")
            assert line.count(2 * full) == line.count(full) // 2 == 1
            assert line.index(full) == plain[1].index(f" {n + 1}") + len(f" {n + 1}") - 2
        assert "from 0.00" in plain[14]
        assert unicode or "".join(plain).isascii()


def test_every_number_of_a_heatmap_and_a_table_is_there() -> None:
    heatmap = Heatmap("m", "Map", ("first", "b"), ("x", "a long column"), [[-1.0, 0.25], [0.5, 1.0]])
    lines = "\n".join(drawn(heatmap, unicode=True))
    assert all(number in lines for number in ("-1.00", "0.25", "0.50", "1.00", "a long column", "first"))
    table = Table("Numbers", ("n", "word"), [("row", [0.12345, "yes"]), ("other", [7, "no"])])
    assert drawn(table, unicode=True)[2:] == ["    row     0.123    yes", "    other       7     no"]
