"""Tests of the check of statements."""

import pytest

from grader.author.check.statement import statement_problems

WIDE = "x" * 77
FORMULA = " + ".join(["a_{10}"] * 15)


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (f"One\n\n    {WIDE}\n", 3, "this line has 77 columns; 76 fit a terminal."),
        (f"One\n\n```python\nx = 1\n{WIDE}\n```\n", 5, "this line has 77 columns; 76 fit a terminal."),
        (f"One\n\n$$\n{FORMULA}\n$$\n", 3, "this formula has 87 columns in a terminal; 70 fit: "),
        (r"The \$5 of $\foo{x}$", 1, r"a terminal cannot show the formula \foo{x}; use simpler TeX."),
    ],
)
def test_names_what_a_terminal_cannot_show(text: str, line: int, sentence: str) -> None:
    ((found_line, found),) = statement_problems(text)
    assert (found_line, found[: len(sentence)]) == (line, sentence)


def test_what_fits_is_no_problem() -> None:
    prose = "Prose may be long, since it is wrapped: " + "word " * 60
    formulas = f"$w_i$ and\n\n$$\nw = \\frac{{e^{{l_i}}}}{{\\sum_j e^{{l_j}}}}\n$$\n\n    {WIDE[1:]}\n"
    assert list(statement_problems(f"# Title\n\n{prose}\n\n{formulas}")) == []
