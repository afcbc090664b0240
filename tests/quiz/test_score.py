"""Scores of answers and their feedback."""

import contextlib
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.quiz.draw import with_values
from grader.quiz.lint import wrong_answers
from grader.quiz.model import Numeric, Order
from grader.quiz.score import InvalidAnswer, describe_answer, describe_right_answer, mark, right_answer
from tests.quiz.every_type import IDS, QUIZ, digit, draw


@pytest.mark.parametrize("question_id", IDS)
@given(salt=st.text(max_size=6), attempt=st.integers(min_value=1, max_value=10**6))
def test_in_every_draw_only_the_right_answer_scores_1(question_id: str, salt: str, attempt: int) -> None:
    drawn = draw(question_id, salt, attempt)
    assert mark(drawn, right_answer(drawn)).score == 1
    assert describe_right_answer(drawn)
    for typed in wrong_answers(drawn):
        assert 0 <= mark(drawn, typed).score < 1, typed


@pytest.mark.parametrize("question_id", IDS)
@given(typed=st.text(max_size=20) | st.text("0123456789 ,.;-", max_size=12))
def test_any_text_is_marked_or_raises_invalid_answer(question_id: str, typed: str) -> None:
    drawn = draw(question_id)
    with contextlib.suppress(InvalidAnswer):
        assert 0 <= mark(drawn, typed).score <= 1
        assert describe_answer(drawn, typed)


def test_a_single_choice_gives_the_feedback_of_its_option() -> None:
    drawn = draw("one-right")
    assert mark(drawn, digit(drawn, "over the tokens of a batch")).feedback == ("That would couple the tokens.",)


@pytest.mark.parametrize(
    ("chosen", "score"),
    [("ΔBC", 1), ("ΔB", 2 / 3), ("Δ", 1 / 3), ("ΔA", 0), ("ΔBA", 1 / 3), ("ΔBCA", 2 / 3), ("ΔBCAD", 1 / 3), ("AD", 0)],
)
def test_a_multiple_choice_gives_partial_credit(chosen: str, score: float) -> None:
    drawn = draw("several-right")
    given = mark(drawn, " ".join(digit(drawn, each) for each in chosen))
    assert given.score == pytest.approx(score)
    missing = [reason for reason in given.feedback if reason.startswith("Missed")]
    assert len(missing) == len(set("ΔBC") - set(chosen))


def test_an_order_scores_neighbours() -> None:
    drawn = draw("layer-order")
    assert isinstance(drawn.question, Order)
    items = drawn.question.items
    for placed in permutations(items):
        right = sum(items.index(a) < items.index(b) for a, b in pairwise(placed))
        score = mark(drawn, " ".join(digit(drawn, item) for item in placed)).score
        assert score == right / 3
        assert (score == 1) == (placed == items)


def test_a_match_scores_pairs() -> None:
    drawn = draw("heads-and-names")
    rights = [digit(drawn, text) for text in ("as many as query heads", "one", "none at all")]
    given = mark(drawn, " ".join(rights))
    assert given.score == pytest.approx(1 / 3)
    assert given.feedback == ("GQA: one for each group. Between the two.", "MQA: one. All share it.")
    assert mark(drawn, "".join(rights)) == given  # digits need no spaces between them


@pytest.mark.parametrize(
    ("typed", "score", "feedback"),
    [
        ("46.7B", 1, ()),
        ("46,702,792,704", 1, ()),
        ("47e9", 1, ()),
        ("56 billion", 0, ("Only the FFNs are eightfold; attention is shared.",)),
        ("46.7", 0, ()),
        ("47.4B", 0, ("Close; within 1 % is required.",)),
    ],
)
def test_a_number_is_marked_within_its_tolerance(typed: str, score: float, feedback: tuple[str, ...]) -> None:
    given = mark(draw("total-size"), typed)
    assert (given.score, given.feedback) == (score, feedback)


def test_a_whole_number_without_tolerance_is_exact() -> None:
    question = QUIZ.question("cache-bytes")
    assert isinstance(question, Numeric)
    drawn = with_values(question, {"layers": 24, "tokens": 1000})
    assert mark(drawn, "98,304,000 bytes").score == mark(drawn, "96000 KiB").score == 1
    assert mark(drawn, "98304001").feedback == ("Close; the exact number is required.",)
    assert mark(drawn, "49152000").feedback == ("24 layers keep keys and values: twice that, 98,304,000.",)


@pytest.mark.parametrize(
    ("typed", "score"),
    [
        ("router", 1),
        ("The Router!", 1),
        ("rotuer", 1),
        ("routr", 1),
        ("gatting network", 1),
        ("gating-network", 1),
        ("gate", 1),
        ("gat", 0),
        ("expert", 0),
        ("rooster", 0),
        ("ruoetr", 0),
    ],
)
def test_text_accepts_close_misspellings(typed: str, score: float) -> None:
    assert mark(draw("name-of-it"), typed).score == score


def test_text_feedback_gives_the_spelling_or_the_mistake() -> None:
    assert mark(draw("name-of-it"), "rotuer").feedback == ("The spelling is: router.",)
    assert mark(draw("name-of-it"), "Expert").feedback == ("An expert is what is chosen.",)


def test_a_line_is_marked_by_its_number() -> None:
    drawn = draw("wrong-line")
    assert mark(drawn, "line 3").score == 1
    assert mark(drawn, "4").feedback == ("The fill is right; look at what is filled.",)
