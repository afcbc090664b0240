"""Lines of a screen."""

from grader.show.layout import wrap


def test_wrap_breaks_at_spaces_or_within_longer_words() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("a supercalifragilistic word", 8) == ["a", "supercal", "ifragili", "stic", "word"]
    assert wrap("supercalifragilistic", 8) == ["supercal", "ifragili", "stic"]


def test_wrap_keeps_long_words_whole_if_asked_to() -> None:
    assert wrap("a supercalifragilistic word", 8, break_words=False) == ["a", "supercalifragilistic", "word"]
    assert wrap("supercalifragilistic", 8, break_words=False) == ["supercalifragilistic"]
