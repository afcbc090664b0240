"""Numbers as text."""

import pytest

from grader.show.numbers import even_ticks, format_alike, format_number


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.0, "12"), (0.25, "0.25"), (46.7, "46.7"), (2 / 3, "0.6667"), (671e9, "6.71e+11"), (-3, "-3"), (0, "0")],
)
def test_numbers_have_four_significant_digits(value: float, text: str) -> None:
    assert format_number(value) == text


def test_infinite_numbers_are_words() -> None:
    assert [format_number(float(each)) for each in ("inf", "-inf", "nan")] == ["inf", "-inf", "nan"]


def test_numbers_of_one_picture_have_the_same_digits() -> None:
    assert format_alike([1.0, 0.5, 1 / 3], 2) == ["1.00", "0.50", "0.33"]
    assert format_alike([3.0, 6.0, 9.0], 2) == ["3", "6", "9"]


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [(0, 88, 6, [0, 20, 40, 60, 80]), (0, 1, 6, [0, 0.2, 0.4, 0.6, 0.8, 1]), (3, 7, 3, [4, 6]), (0, 1e6, 2, [0, 1e6])],
)
def test_ticks_are_round_and_even(low: float, high: float, most: int, expected: list[float]) -> None:
    assert even_ticks(low, high, most) == expected
