"""Tests of symbols in ASCII."""

import pytest

from grader.show.symbols import in_ascii
from grader.show.tex import tex_to_ascii


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("ᾱₜ", "alpha_bar_t"),
        ("e⁻¹ and eᶻ", "e^(-1) and e^z"),
        ("√K, √(2K)", "sqrt(K), sqrt(2K)"),
        ("2αβx", "2alpha beta x"),
        ("540 µs → ≤ 3", "540 us -> <= 3"),
        ("x∈ℝ, ∑α, 2∞", "x in R, sum alpha, 2inf"),
        ("José", "José"),
    ],
)
def test_symbols_in_ascii(text: str, ascii_text: str) -> None:
    assert in_ascii(text) == ascii_text


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"x_t = \sqrt{1 - \beta_t} \cdot \epsilon", "x_t = sqrt(1 - beta_t) * epsilon"),
        (r"\hat{y}_{ij} = q k^\top / \sqrt{K}", "y_hat_(ij) = q k^T / sqrt(K)"),
        (r"\ж", r"\ж"),
    ],
)
def test_formulas_in_ascii(tex: str, text: str) -> None:
    assert tex_to_ascii(tex) == text
