"""Curves on a terminal."""

from grader.picture import Curves, Line
from tests.report.characters.screen import plain
from tests.report.pictures import CURVES, NOISE, ROOFLINE


def test_each_line_has_its_letter() -> None:
    assert plain(CURVES, 40) == [
        "A loss",
        "loss",
        "┌────────────────────────────────────┐",
        "│⠑⠤⡀                                 │ 3",
        "│  ⠈⠒⢄                               │",
        "│     ⠑⠢⡀                            │",
        "│       ⠈⠑A⡀                         │",
        "│          ⠈⠢⣀                       │",
        "│             ⠑⠤⡀                    │",
        "│               ⠈⠢⢄⡀                ⢀│ 2",
        "│                  ⠑⠢⡀         ⢀⣀⠤⠒⠊⠁│",
        "│                    ⠈⠒⢄  ⢀⡠B⠒⠊⠁     │",
        "│                    ⣀⡠⠤⠛⠫⡁          │",
        "│               ⣀⡠⠔⠒⠉     ⠈⠑⢄⡀       │",
        "│          ⣀⠤⠔⠒⠉             ⠈⠢⢄     │",
        "│    ⢀⣀⠤⠔⠊⠉                     ⠑⠤⡀  │",
        "│⣀⠤⠒⠊⠁                            ⠈⠒⢄│ 1",
        "└────────────────────────────────────┘",
        " 0                 1                2",
        "                 step",
        "A one   B two",
    ]


def test_in_ascii_a_line_is_made_of_its_letter() -> None:
    assert plain(CURVES, 40, unicode=False) == [
        "A loss",
        "loss",
        "+------------------------------------+",
        "|AA                                  | 3",
        "|  AAA                               |",
        "|     AA                             |",
        "|       AAA                          |",
        "|          AAA                       |",
        "|             AA                     |",
        "|               AAAA                B| 2",
        "|                  AAA         BBBBB |",
        "|                     AA  BBBBB      |",
        "|                   BBBBBBA          |",
        "|              BBBBB       AAA       |",
        "|         BBBBB               AA     |",
        "|   BBBBBB                      AAA  |",
        "|BBB                               AA| 1",
        "+------------------------------------+",
        " 0                 1                2",
        "                 step",
        "A one   B two",
    ]


def test_logarithmic_axes_have_powers_of_ten_at_even_distances() -> None:
    lines = plain(ROOFLINE, 44)
    numbers = next(line for line in lines if line.startswith(" 1  "))
    assert numbers.split() == ["1", "10", "100", "10^3"]
    at = [numbers.index(each) + len(each) // 2 for each in (" 10 ", "100", "10^3")]
    assert abs((at[2] - at[1]) - (at[1] - at[0])) <= 2
    assert [line.split()[-1] for line in lines if line.endswith(("│ 10", "│ 100"))] == ["100", "10"]


def test_a_single_line_has_its_label_and_no_letter() -> None:
    lines = plain(Curves("one", "One", "x", "y", (Line("alone", [0, 1, 2], [0, 1, 4]),)))
    assert lines[-1] == "alone"
    assert "A" not in "".join(lines)


def test_low_and_high_bound_the_axis() -> None:
    numbers = [line.rpartition("│ ")[2] for line in plain(NOISE) if "│ " in line and line[-1].isdigit()]
    assert numbers == ["1", "0"]
