"""Bars on a terminal."""

from tests.show.pictures.characters.screen import plain
from tests.show.pictures.examples import BARS, GROUPED_BARS, SIGNED_BARS


def test_bars_of_one_series_have_labels_and_numbers() -> None:
    assert plain(BARS, 40) == [
        "tokens of each expert",
        "tokens",
        "e0  █████████████████████████████████ 12",
        "e1  ████████                           3",
        "e2                                     0",
    ]


def test_grouped_bars_name_their_series_and_number_long_groups() -> None:
    assert plain(GROUPED_BARS, 50) == [
        "load of the experts",
        "share of the tokens",
        "1  expert 0  ██████████████████████████████    0.7",
        "   expert 1  ███████████████                  0.35",
        "   expert 2  ██████████                     0.2333",
        "   expert 3  ████████                        0.175",
        "2  expert 0  ███████████                      0.25",
        "   expert 1  ███████████                      0.25",
        "   expert 2  ███████████                      0.25",
        "   expert 3  ███████████                      0.25",
        "3  expert 0  █████████                         0.2",
        "   expert 1  █████████                        0.22",
        "   expert 2  ██████████                       0.24",
        "   expert 3  ███████████                      0.26",
        "1 without a loss   2 with the balancing loss",
        "3 with a bias",
    ]


def test_negative_bars_extend_left_of_zero() -> None:
    assert plain(SIGNED_BARS, 40) == [
        "change of the loss",
        "deeper  █████████████████│          -0.5",
        "wider                    │█████████ 0.25",
    ]
