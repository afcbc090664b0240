"""Markdown as lines: exact ones at three widths, and nothing lost at any."""

import pytest

from grader.show.layout import Line, paint, width
from grader.study.reader.markdown import Page, code, markdown

TEXT = """\
We **average** `w @ v` with $\\frac{q k^\\top}{\\sqrt{K}}$; see [The Illustrated Transformer](https://jalammar.github.io/illustrated-transformer/).

$$\\sum_{j \\le i} w_{ij} v_j$$

1. first
   - nested
2. second

| family | self-attention | cross-attention | usual objective | examples |
|---|---|---|---|--:|
| prefix LM | both ways in the prefix, then causal | no | continuation of a prefix | UniLM |
"""
AT_60 = """\
  We average w @ v with (q kᵀ) / √K; see The Illustrated
  Transformer
  (https://jalammar.github.io/illustrated-transformer/).

      ∑_(j≤i) wᵢⱼ vⱼ

  1. first
     - nested
  2. second

  prefix LM
    self-attention: both ways in the prefix, then causal
    cross-attention: no
    usual objective: continuation of a prefix
    examples: UniLM"""
AT_80 = """\
  We average w @ v with (q kᵀ) / √K; see The Illustrated Transformer
  (https://jalammar.github.io/illustrated-transformer/).

      ∑_(j≤i) wᵢⱼ vⱼ

  1. first
     - nested
  2. second

  family      self-attention      cross-attention   usual objective     examples
  ──────────────────────────────────────────────────────────────────────────────
  prefix LM   both ways in the    no                continuation of a      UniLM
              prefix, then                          prefix
              causal"""
AT_120 = """\
  We average w @ v with (q kᵀ) / √K; see The Illustrated Transformer
  (https://jalammar.github.io/illustrated-transformer/).

      ∑_(j≤i) wᵢⱼ vⱼ

  1. first
     - nested
  2. second

  family      self-attention                         cross-attention   usual objective            examples
  ────────────────────────────────────────────────────────────────────────────────────────────────────────
  prefix LM   both ways in the prefix, then causal   no                continuation of a prefix      UniLM"""


def text(lines: list[Line]) -> str:
    return "\n".join(paint(line, 200, color=False) for line in lines)


@pytest.mark.parametrize(("columns", "shown"), [(60, AT_60), (80, AT_80), (120, AT_120)])
def test_exactly(columns: int, shown: str) -> None:
    assert text(markdown(TEXT, Page(columns))) == shown


def test_without_unicode_a_formula_stays_tex() -> None:
    assert text(markdown("Divide by $\\sqrt{K}$.", Page(60, unicode=False))) == "  Divide by \\sqrt{K}."


@pytest.mark.parametrize("columns", range(24, 121, 8))
def test_nothing_is_wider_than_the_screen(columns: int) -> None:
    assert all(width(line) <= columns for line in markdown(TEXT, Page(columns)))


def test_code_of_76_columns_is_whole_at_80_and_its_comment_goes_below_at_60() -> None:
    row = "q = self.q(x).view(B, T, H, K).transpose(1, 2)"
    source = f"{row}{'# (B, H, T, K)':>{76 - len(row)}}"
    assert text(code(source, Page(80))) == "    " + source
    assert text(code(source, Page(60))) == f"  {row}\n  # (B, H, T, K)"


def test_code_that_is_still_too_long_is_broken_between_its_words() -> None:
    source = "    y = torch.nn.functional.scaled_dot_product_attention(q, k, v)"
    assert text(code(source, Page(60))).split("\n") == [
        "      y = torch.nn.functional.scaled_dot_product_attention(",
        "          q, k, v)",
    ]


def test_a_sharp_sign_in_a_string_is_no_comment() -> None:
    (line,) = code('print("# no")  # yes', Page(60))
    assert [span.text for span in line if span.style == "dim"] == ["# yes"]
