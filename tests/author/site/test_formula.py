"""Tests of the conversion of formulas to MathML."""

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
def test_converts_the_tex_that_lessons_use(tex: str, element: str) -> None:
    assert f"<{element}>" in mathml(tex, display=False)


@pytest.mark.parametrize(("tex", "spaces"), [(r"\ln N", 1), (r"\ln 2", 1), (r"\exp(x)", 0), (r"\log_2 N", 0)])
def test_a_function_without_brackets_has_a_space_before_its_argument(tex: str, spaces: int) -> None:
    assert mathml(tex, display=False).count("<mspace") == spaces


def test_a_formula_has_its_characters_as_alternative_text() -> None:
    assert '<math alttext="x² &lt; √K"' in mathml(r"x^2 < \sqrt{K}", display=False)


def test_distinguishes_inline_and_display_formulas() -> None:
    assert 'display="inline"' in mathml("x", display=False)
    assert 'display="block"' in mathml("x", display=True)
    assert "<munderover>" in mathml(r"\sum_{i=1}^{T} w_i", display=True)


@pytest.mark.parametrize(
    ("tex", "reason"),
    [
        (r"\foo x", r"\\foo is not supported"),
        (r"\frac{1}", "a brace or an argument is missing"),
        (r"\frac{1", "a brace or an argument is missing"),
        ("a & b", "cannot be read"),
        ("x^", "cannot be read"),
        ("a } b", "} is not supported"),
        (r"\begin{matrix} 1", "cannot be read"),
    ],
)
def test_rejects_tex_that_would_not_render_correctly(tex: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mathml(tex, display=False)
