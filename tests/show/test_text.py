"""The Markdown and the code of a question as terminal lines."""

from grader.show.layout import paint, width
from grader.show.text import code_block, markdown_lines


def test_markdown_becomes_styled_lines() -> None:
    source = "One **two** `three`\nfour.\n\n- a list\n- of *two*\n\n```\nx  = 1\n```\n"
    assert [paint(line, 40, color=False) for line in markdown_lines(source, 40, 2)] == [
        "  One two three four.",
        "",
        "  - a list",
        "  - of two",
        "",
        "    x  = 1",
    ]


def test_text_that_only_looks_like_markup_is_kept() -> None:
    for source in ("2 * n * k", "a_b_c", "W_q ** 2", "`", "1 < 2", "[T, D]"):
        assert [paint(line, 40, color=False) for line in markdown_lines(source, 40)] == [source]


def test_long_words_and_wide_characters_are_wrapped() -> None:
    for source in ("x" * 100, "中文" * 30, "Δ" * 50):
        lines = markdown_lines(source, 30, 2)
        assert all(width(line) <= 30 for line in lines)
        assert "".join(paint(line, 40, color=False).strip() for line in lines) == source


def test_code_keeps_its_columns() -> None:
    shown = [paint(line, 60, color=False) for line in code_block("if x:\n    y = 1\n" + "z = " + "1" * 60, 40)]
    assert shown[:2] == ["  1  if x:", "  2      y = 1"]
    assert shown[2].startswith("  3  z = 111")
    assert all(len(line) <= 40 for line in shown)
