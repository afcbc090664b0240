"""Curves on a terminal."""

import math

import click
import pytest

from grader.pictures import Curves, Line
from grader.show.pictures.characters.curves import curve_lines
from tests.show.pictures.characters.screen import plain
from tests.show.pictures.examples import CURVES, NOISE, ROOFLINE


def test_each_curve_is_marked_by_its_letter() -> None:
    assert plain(CURVES, 40) == [
        "A loss",
        "loss",
        "┌────────────────────────────────────┐",
        "│⠉⠢⣀                                 │ 3",
        "│   ⠑⢄⡀                              │",
        "│     ⠈⠢⢄                            │",
        "│        ⠑A⡀                         │",
        "│          ⠈⠒⢄                       │",
        "│             ⠑⠢⡀                    │",
        "│               ⠈⠑⢄⡀                ⢀│ 2",
        "│                  ⠑⢄⡀         ⢀⣀⠤⠒⠊⠁│",
        "│                    ⠈⠢⢄  ⢀⡠B⠒⠊⠁     │",
        "│                    ⢀⡠⠤⠓⠭⡁          │",
        "│               ⢀⣀⠤⠒⠉⠁    ⠈⠒⢄        │",
        "│          ⢀⣀⠤⠒⠊⠁            ⠑⠢⡀     │",
        "│     ⢀⡠⠤⠒⠉⠁                   ⠈⠑⢄   │",
        "│⣀⡠⠤⠒⠉⠁                           ⠉⠢⣀│ 1",
        "└────────────────────────────────────┘",
        " 0                 1                2",
        "                 step",
        "A one   B two",
    ]


def test_ascii_curve_is_drawn_with_its_letter() -> None:
    assert plain(CURVES, 40, unicode=False) == [
        "A loss",
        "loss",
        "+------------------------------------+",
        "|AAA                                 | 3",
        "|   AAA                              |",
        "|     AAA                            |",
        "|        AAA                         |",
        "|          AAA                       |",
        "|             AAA                    |",
        "|               AAAA                B| 2",
        "|                  AAA         BBBBBB|",
        "|                    AAA  BBBBBB     |",
        "|                    BBBBBB          |",
        "|               BBBBBB    AAA        |",
        "|          BBBBBB            AAA     |",
        "|     BBBBBB                   AAA   |",
        "|BBBBBB                           AAA| 1",
        "+------------------------------------+",
        " 0                 1                2",
        "                 step",
        "A one   B two",
    ]


def test_logarithmic_axis_has_evenly_spaced_powers_of_ten() -> None:
    lines = plain(ROOFLINE, 44)
    numbers = next(line for line in lines if line.startswith(" 1  "))
    assert numbers.split() == ["1", "10", "100", "10^3"]
    at = [numbers.index(each) + len(each) // 2 for each in (" 10 ", "100", "10^3")]
    assert abs((at[2] - at[1]) - (at[1] - at[0])) <= 2
    assert [line.split()[-1] for line in lines if line.endswith(("│ 10", "│ 100"))] == ["100", "10"]


def test_single_curve_has_a_label_and_no_letter() -> None:
    lines = plain(Curves("one", "One", "x", "y", (Line("alone", [0, 1, 2], [0, 1, 4]),)))
    assert lines[-1] == "alone"
    assert "A" not in "".join(lines)


def test_low_and_high_bound_the_y_axis() -> None:
    numbers = [line.rpartition("│ ")[2] for line in plain(NOISE) if "│ " in line and line[-1].isdigit()]
    assert numbers == ["1.0", "0.5", "0.0"]


def test_curve_on_the_bound_of_an_axis_is_drawn() -> None:
    lines = plain(Curves("one", "One", "x", "y", (Line("", [0, 1], [1.0, 1.0]),), low=0.0, high=1.0), 40)
    assert "⠉⠉⠉" in next(line for line in lines if line.endswith("│ 1.0"))


def test_curve_ends_at_its_last_finite_number() -> None:
    body = [line for line in plain(one([3, 2, 1, math.nan, math.inf]), 40) if line.startswith("│")]
    assert [label for line in body if (label := line.rpartition("│")[2].strip())] == ["3", "2", "1"]
    assert all(line[1:20].strip() for line in body)
    assert not any(line[20:-4].strip() for line in body)
    assert not any(line.strip("│ 012") for line in plain(one([math.nan]), 40) if line.startswith("│"))


def one(ys: list[float], low: float | None = None, log: bool = False) -> Curves:
    return Curves("one", "One", "x", "y", (Line("", list(range(len(ys))), ys),), low=low, log_y=log)


@pytest.mark.parametrize(
    ("picture", "labels"),
    [
        (one([0, 3.21], low=0), ["3", "2", "1", "0"]),
        (one([1, 3880.95], log=True), ["10^3", "100", "10", "1"]),
        (one([0.03, 106], log=True), ["100", "10", "1", "0.1"]),
        (one([20, 80], log=True), ["80", "60", "40", "20"]),
        (one([-6, 12]), ["10", "5", "0", "-5"]),
        (one([0, 0.5]), ["0.4", "0.2", "0.0"]),
        (one([2, 2]), ["3", "2", "1"]),
        (one([5, 5], log=True), ["10", "1"]),
    ],
    ids=["from low", "log", "log below 1", "less than a power", "negative", "fractions", "constant", "constant log"],
)
def test_y_label_is_in_the_row_of_its_value(picture: Curves, labels: list[str]) -> None:
    rows = [line.rpartition("│")[2].strip() for line in plain(picture) if line.startswith("│")]
    assert [label for label in rows if label] == labels
    ys = picture.lines[0].ys
    scale = math.log10 if picture.log_y else float
    if min(ys) == max(ys):
        low, high = (ys[0] / 10, ys[0] * 10) if picture.log_y else (ys[0] - 1, ys[0] + 1)
    else:
        low, high = min(ys), max(ys)
    for row, label in enumerate(rows):
        if label:
            value = 1000.0 if label == "10^3" else float(label)
            share = (scale(value) - scale(low)) / (scale(high) - scale(low))
            assert abs(row - (len(rows) - 1 - share * len(rows))) <= 1.1, label


def test_x_label_is_in_the_column_of_its_value() -> None:
    lines = plain(Curves("one", "One", "x", "y", (Line("", [0, 11.5], [0, 1]),)), 76)
    frame = next(line for line in lines if line.startswith("└"))
    numbers = lines[lines.index(frame) + 1]
    assert numbers.split() == ["0", "5", "10"]
    for label in ("5", "10"):
        assert abs(numbers.index(label) - float(label) / 11.5 * (len(frame) - 2)) <= 2


def test_curve_keeps_its_letter_and_color_across_pictures() -> None:
    def picture(*labels: str) -> Curves:
        return Curves("p", "P", "x", "y", tuple(Line(label, [0, 1], [n, n + 1]) for n, label in enumerate(labels)))

    known: dict[str, int] = {}
    curve_lines(picture("early", "late"), 60, True, known)
    second = curve_lines(picture("late", "early"), 60, True, known)
    assert click.unstyle(second[-1]) == "B late   A early"
    assert any("\x1b[34m\x1b[1mA" in line for line in second)  # the first colour, and bold
