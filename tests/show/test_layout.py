"""What lines of a screen are made of."""

from grader.show.layout import wrap


def test_lines_are_broken_at_spaces_or_within_a_word_that_is_longer() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("a supercalifragilistic word", 8) == ["a", "supercal", "ifragili", "stic", "word"]
    assert wrap("supercalifragilistic", 8) == ["supercal", "ifragili", "stic"]
