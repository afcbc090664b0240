"""Formulas become MathML, and what would not be shown as it is meant is refused."""

import pytest

from grader.author.site.formula import mathml


@pytest.mark.parametrize(
    ("tex", "element"),
    [
        (r"\frac{QK^\top}{\sqrt{K}}", "mfrac"),
        (r"\sqrt[3]{x}", "mroot"),
        (r"x_{i}^{2}", "msubsup"),
        (r"\sum_{i=1}^{T} w_i", "msubsup"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "mtable"),
        (r"\text{softmax}(z)", "mtext"),
        (r"\bar\alpha_t", "mover"),
    ],
)
def test_what_lessons_need_is_typeset(tex: str, element: str) -> None:
    assert f"<{element}>" in mathml(tex, display=False)


def test_a_formula_stands_in_the_line_or_alone() -> None:
    assert 'display="inline"' in mathml("x", display=False)
    assert 'display="block"' in mathml("x", display=True)
    assert "<munderover>" in mathml(r"\sum_{i=1}^{T} w_i", display=True)


@pytest.mark.parametrize(
    ("tex", "reason"),
    [
        (r"\foo x", r"\\foo is not known"),
        (r"\frac{1}", "a brace or an argument is missing"),
        (r"\frac{1", "a brace or an argument is missing"),
        ("a & b", "cannot be read"),
        ("x^", "cannot be read"),
        ("a } b", "} is not known"),
        (r"\begin{matrix} 1", "cannot be read"),
    ],
)
def test_what_cannot_be_typeset_is_refused(tex: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mathml(tex, display=False)
