"""Matrices on a terminal."""

from tests.show.pictures.characters.screen import plain
from tests.show.pictures.examples import BUCKETS, LONG, MASK, MASKS, PRODUCT


def test_mask_has_filled_and_empty_cells() -> None:
    assert plain(MASK) == [
        "the past only",
        "  may look at",
        "  a  b  c",
        "a ██ ·  ·",
        "b ██ ██ ·",
        "c ██ ██ ██",
    ]


def test_mask_is_drawn_in_ascii() -> None:
    assert plain(MASK, unicode=False) == [
        "the past only",
        "  may look at",
        "  a  b  c",
        "a ## .  .",
        "b ## ## .",
        "c ## ## ##",
    ]


def test_signs_are_between_grids() -> None:
    assert plain(PRODUCT) == [
        "an average of the past",
        "        weights              v           y",
        "      the boat sank     the  3     the  3.00",
        "the  1.00 0.00 0.00  ×  boat 6  =  boat 4.50",
        "boat 0.50 0.50 0.00     sank 9     sank 6.00",
        "sank 0.33 0.33 0.33",
    ]


def test_words_are_centered_in_cells() -> None:
    assert plain(BUCKETS) == [
        "tokens in buckets of two",
        "            1       2    dropped",
        "expert 0   the     we     sank",
        "expert 1  boat",
        "expert 2  that   painted",
    ]


def test_wide_grids_are_stacked_and_have_numbered_columns() -> None:
    assert plain(MASKS, 60) == [
        "four masks, one machine",
        "               encoder                      decoder",
        "          1  2  3  4  5  6             1  2  3  4  5  6",
        "1 the     ██ ██ ██ ██ ██ ██  1 the     ██ ·  ·  ·  ·  ·",
        "2 boat    ██ ██ ██ ██ ██ ██  2 boat    ██ ██ ·  ·  ·  ·",
        "3 that    ██ ██ ██ ██ ██ ██  3 that    ██ ██ ██ ·  ·  ·",
        "4 we      ██ ██ ██ ██ ██ ██  4 we      ██ ██ ██ ██ ·  ·",
        "5 painted ██ ██ ██ ██ ██ ██  5 painted ██ ██ ██ ██ ██ ·",
        "6 sank    ██ ██ ██ ██ ██ ██  6 sank    ██ ██ ██ ██ ██ ██",
        "",
        "               prefix                     prefix of 2",
        "          1  2  3  4  5  6             1  2  3  4  5  6",
        "1 the     ██ ██ ██ ·  ·  ·   1 the     ██ ██ ·  ·  ·  ·",
        "2 boat    ██ ██ ██ ·  ·  ·   2 boat    ██ ██ ·  ·  ·  ·",
        "3 that    ██ ██ ██ ·  ·  ·   3 that    ██ ██ ██ ·  ·  ·",
        "4 we      ██ ██ ██ ██ ·  ·   4 we      ██ ██ ██ ██ ·  ·",
        "5 painted ██ ██ ██ ██ ██ ·   5 painted ██ ██ ██ ██ ██ ·",
        "6 sank    ██ ██ ██ ██ ██ ██  6 sank    ██ ██ ██ ██ ██ ██",
    ]


def test_too_wide_grid_is_split_and_has_numbered_labels() -> None:
    assert plain(LONG, 56) == [
        "one long row",
        "                   ids",
        "   1  2  3  4  5  6  7  8  9 10 11 12 13",
        "1  0  7 14 21 28 35 42 49 56 63 70 77 84",
        "2  0  7 14 21 28 35 42 49 56 63 70 77 84",
        "",
        "                          ids",
        "   14  15  16  17  18  19  20  21  22  23  24  25  26",
        "1  91  98 105 112 119 126 133 140 147 154 161 168 175",
        "2  91  98 105 112 119 126 133 140 147 154 161 168 175",
        "",
        "        ids",
        "   27  28  29  30",
        "1 182 189 196 203",
        "2 182 189 196 203",
        "rows:   1 a row with a label that is long   2 b",
        "columns:   1 position 0   2 position 1   3 position 2",
        "4 position 3   5 position 4   6 position 5",
        "7 position 6   8 position 7   9 position 8",
        "10 position 9   11 position 10   12 position 11",
        "13 position 12   14 position 13   15 position 14",
        "16 position 15   17 position 16   18 position 17",
        "19 position 18   20 position 19   21 position 20",
        "22 position 21   23 position 22   24 position 23",
        "25 position 24   26 position 25   27 position 26",
        "28 position 27   29 position 28   30 position 29",
    ]
