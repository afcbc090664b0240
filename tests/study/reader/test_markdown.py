"""Markdown as lines: exact at three widths, and never wider than the screen."""

import pytest

from grader.show.layout import Line, paint, width
from grader.study.reader.markdown import ReaderPage, code_lines, markdown_lines

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
def test_renders_exact_lines_at_three_widths(columns: int, shown: str) -> None:
    assert text(markdown_lines(TEXT, ReaderPage(columns))) == shown


def test_formulas_are_ascii_without_unicode() -> None:
    assert text(markdown_lines("Divide by $\\sqrt{K}$.", ReaderPage(60, unicode=False))) == "  Divide by sqrt(K)."


@pytest.mark.parametrize("columns", range(24, 121, 8))
def test_no_line_is_wider_than_the_screen(columns: int) -> None:
    assert all(width(line) <= columns for line in markdown_lines(TEXT, ReaderPage(columns)))


def test_a_comment_goes_below_its_line_if_the_screen_is_narrow() -> None:
    row = "q = self.q(x).view(B, T, H, K).transpose(1, 2)"
    source = f"{row}{'# (B, H, T, K)':>{76 - len(row)}}"
    assert text(code_lines(source, ReaderPage(80))) == "    " + source
    assert text(code_lines(source, ReaderPage(60))) == f"  {row}\n  # (B, H, T, K)"


def test_wraps_long_code_between_words() -> None:
    source = "    y = torch.nn.functional.scaled_dot_product_attention(q, k, v)"
    assert text(code_lines(source, ReaderPage(60))).split("\n") == [
        "      y = torch.nn.functional.scaled_dot_product_attention(",
        "          q, k, v)",
    ]


def test_a_hash_in_a_string_starts_no_comment() -> None:
    (line,) = code_lines('print("# no")  # yes', ReaderPage(60))
    assert [span.text for span in line if span.style == "dim"] == ["# yes"]


def test_a_link_within_the_course_shows_only_its_words() -> None:
    (shown,) = markdown_lines("As in [part 5](5-what-leaks.md), see [lesson 2](../02-decoder-only).", ReaderPage(80))
    assert paint(shown, 80, color=False).strip() == "As in part 5, see lesson 2."


def test_a_word_that_is_mentioned_is_marked() -> None:
    lines = markdown_lines("Notice that *the* asks for _nothing at all_.", ReaderPage(80))
    assert [paint(each, 80, color=False) for each in lines] == ["  Notice that *the* asks for *nothing at all*."]
