"""Untrusted text is safe to print: control and invisible characters are escaped."""

import pytest

from grader.base.text import clean, clean_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),  # an escape sequence
        ("a\rb", "a\\rb"),
        ("\u202eabc", "\\u202eabc"),  # right to left
        ("a\u200bb", "a\\u200bb"),  # zero width
        ("a\u2003b", "a\\u2003b"),  # a space of another width
        ("\u3164", "\\u3164"),  # a letter that looks like nothing
        ("\uffa0\u115f\u1160\u2800\u034f", "\\uffa0\\u115f\\u1160\\u2800\\u034f"),
        ("❤\ufe0f", "❤\\ufe0f"),  # a variation selector
        ("\U000e0100", "\\U000e0100"),
        ("\u0378", "\\u0378"),  # not assigned
        ("\ue000", "\\ue000"),  # private use
        ("\ud800", "\\ud800"),  # a lone surrogate
    ],
)
def test_clean_escapes_deceptive_characters(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("text", ["naïve", "Привіт", "x̂ = Σ αᵢ", "数", "✓ ✗", "nai\u0308ve", "30\u00a0%", "a\tb\n"])
def test_clean_keeps_ordinary_text_of_any_language(text: str) -> None:
    assert clean(text) == text
    assert clean(clean(text)) == clean(text)


def test_more_than_three_combining_marks_are_escaped() -> None:
    assert clean("a" + 5 * "\u0301") == "a" + 3 * "\u0301" + 2 * "\\u0301"


def test_clean_line_returns_a_single_line() -> None:
    assert clean_line("a\n\tb") == "a\\n    b"
