"""The values of formulas, and the errors of those without one."""

import pytest

from grader.quiz.formula import Formula, FormulaError


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("46.7e9", 46_700_000_000),
        ("0.1", 0.1),
        ("-3", -3),
        ("2 * n + 1", 15),
        ("n // 2 * 10 ** 2 % 7", 300 % 7),
        ("ceil(n / 2) + floor(n / 2) + round(2.6)", 10),
        ("min(n, 3) * max(n, 3)", 21),
        ("log2(8) + sqrt(16) + abs(-1)", 8.0),
        ("(n > 3) + (n < 3)", 1),
        ("comb(16, 2)", 120),
        ("2 if n > 5 else 3", 2),
    ],
)
def test_evaluates_a_formula(formula: str, value: float) -> None:
    assert Formula(formula, ["n"]).value({"n": 7}) == value


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("1 / (n - 7)", "it divides by zero"),
        ("log(0 * n)", "it has no value"),
        ("(0 - n) ** 0.5", "is not a real number"),
        ("10 ** (n * 1000)", "an exponent of 7000 is too large"),
        ("exp(n * 1000)", "its value is too large"),
        ("10.0 ** 301 * n", "its value is too large"),
        ("comb(n * 10 ** 9, 3)", "is too large"),
    ],
)
def test_a_formula_without_a_value_says_why(formula: str, why: str) -> None:
    with pytest.raises(FormulaError, match=why):
        Formula(formula, ["n"]).value({"n": 7})
