"""A stranger's text on a screen: nothing in it is obeyed, nothing hides."""

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
def test_what_is_obeyed_or_hides_is_shown_as_its_escape(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("text", ["naïve", "Привіт", "x̂ = Σ αᵢ", "数", "✓ ✗", "nai\u0308ve", "30\u00a0%", "a\tb\n"])
def test_ordinary_text_of_any_language_stays(text: str) -> None:
    assert clean(text) == text
    assert clean(clean(text)) == clean(text)


def test_marks_do_not_pile_up_beyond_three() -> None:
    assert clean("a" + 5 * "\u0301") == "a" + 3 * "\u0301" + 2 * "\\u0301"


def test_a_line_stays_one() -> None:
    assert clean_line("a\n\tb") == "a\\n    b"
