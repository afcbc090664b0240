"""Answers to the questions of a part."""

import pytest

from grader.course.lesson.model import Predict


def question(answer: str, options: tuple[str, ...] = (), tolerance: float = 0.0) -> Predict:
    return Predict(line=1, id="q", ask="What?", answer=answer, because="So.", options=options, tolerance=tolerance)


@pytest.mark.parametrize("typed", ["-1250.5", "−1250.5", "−1,250.5", "-1,250.5 µs"])
def test_a_number_below_zero_may_be_typed_as_it_is_printed(typed: str) -> None:
    assert question("-1250.5").is_right(typed)
    assert not question("1250.5").is_right(typed)


def test_a_number_is_right_within_its_tolerance() -> None:
    assert question("2", tolerance=0.5).is_right("2.5")
    assert not question("2", tolerance=0.5).is_right("2.6")


def test_an_option_is_right_whatever_its_case() -> None:
    assert question("Two", ("one", "Two", "three")).is_right(" two ")
    assert question("Two", ("one", "Two", "three")).is_right("one") is False


@pytest.mark.parametrize(("answer", "typed"), [("a word", "a word"), ("nan", "nan"), ("2", "two")])
def test_words_are_not_compared(answer: str, typed: str) -> None:
    assert question(answer).is_right(typed) is None
