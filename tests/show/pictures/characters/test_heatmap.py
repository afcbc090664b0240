"""Heatmaps on a terminal."""

from grader.pictures import Heatmap
from tests.show.pictures.characters.screen import plain
from tests.show.pictures.examples import COUNTS, HEATMAP, WIDE_HEATMAP


def test_numbers_have_the_given_digits() -> None:
    assert plain(HEATMAP) == [
        "who looks at whom",
        "      the boat",
        "the  1.00 0.00",
        "boat 0.25 0.75",
    ]


def test_whole_numbers_have_no_decimal_point() -> None:
    assert plain(COUNTS) == [
        "bigrams",
        "            the    boat    that      we painted    sank",
        "the           0       3       6       9       1       4",
        "boat          7      10       2       5       8       0",
        "that          3       6       9       1       4       7",
        "we           10       2       5       8       0       3",
        "painted       6       9       1       4       7      10",
        "sank          2       5       8       0       3       6",
    ]


def test_wide_heatmap_shows_shades_and_numbers_its_columns() -> None:
    names = tuple(f"a long name {n}" for n in range(12))
    values = [[float(row == column) for column in range(12)] for row in range(12)]
    for unicode, full in ((True, "█"), (False, "@")):
        lines = plain(Heatmap("m", "Map", names, names, values), unicode=unicode)
        assert lines[1].split() == [str(n) for n in range(1, 13)]
        for n, line in enumerate(lines[2:14]):
            assert line.startswith(f"{n + 1:>2} a long name {n} ")
            assert line.count(2 * full) == line.count(full) // 2 == 1
            assert line.index(full) == lines[1].index(f" {n + 1}") + len(f" {n + 1}") - 2
        assert lines[14].startswith("from 0.00")


def test_only_the_lowest_number_is_blank() -> None:
    rows = plain(WIDE_HEATMAP)[2:-1]
    assert [row.count("░") + row.count("▒") + row.count("█") for row in rows] == list(range(1, 25))
