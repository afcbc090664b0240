"""TeX converted to text."""

import pytest

from grader.show.tex import tex_to_text


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\alpha + W_O^\top b - 1", "α + W_Oᵀ b − 1"),
        (r"g = -\cos^2(x) \text{ in log-space}", "g = −cos²(x) in log-space"),
        (r"\alpha \ln N + \delta / 2 + \sum \max(x)", "α ln N + δ / 2 + ∑ max(x)"),
        (r"\foo{x} + 1", r"\foo x + 1"),
        (r"\sqrt{K}", "√K"),
        (r"\sqrt{2\pi}", "√(2π)"),
        (r"\frac{q k^\top}{\sqrt{d_k}}", "(q kᵀ) / √dₖ"),
        (r"\tfrac12", "1/2"),
        (r"\operatorname{softmax}\left(\frac{q k^\top}{\sqrt K}\right) v", "softmax((q kᵀ) / √K) v"),
        (r"\sum_{i=1}^{n} x_i", "∑ᵢ₌₁ⁿ xᵢ"),
        (r"\sum_{j \le i} w_{ij} v_j", "∑_(j≤i) wᵢⱼ vⱼ"),
        (r"x_{t-1}^{(2)}", "xₜ₋₁⁽²⁾"),
        (r"W_{\text{down}}", "W_down"),
        (r"\mathbb{R}^{T \times D}", "ℝ^(T×D)"),
        (r"10000^{-2i/d}", "10000^(−2i/d)"),
        (r"\bar{B} = \Delta B", "B̄ = ΔB"),
        (r"a\cdot b\ne c\to\infty", "a · b ≠ c → ∞"),
        (r"-\sum_t \log p(x_t \mid x_{<t})", "−∑ₜ log p(xₜ ∣ x_(<t))"),
        (r"\log_2 \max(0, x)", "log₂ max(0, x)"),
        (r"\begin{pmatrix}1 & 0\\ 1 & 1\end{pmatrix}", "[1 0; 1 1]"),
        (r"M = \begin{cases}0 & j \le i\\-\infty & \text{otherwise}\end{cases}", "M = {0, j ≤ i; −∞, otherwise}"),
        (r"\begin{aligned}a &= b\\c &= d\end{aligned}", "a = b\nc = d"),
        ("h + \n\\Delta x", "h + Δx"),
        (r"50\%", "50%"),
        (r"T", "T"),
        (r"\frac{", r"\frac{"),
    ],
)
def test_converts_a_formula(tex: str, text: str) -> None:
    assert tex_to_text(tex) == text
