"""What an answer is worth, and what is said of it."""

import contextlib
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.quiz.draw import with_values
from grader.quiz.lint import wrong_answers
from grader.quiz.model import Numeric, Order
from grader.quiz.score import NotAnAnswer, in_words, mark, right_answer, right_in_words
from tests.quiz.every_type import IDS, QUIZ, asked, digit


@pytest.mark.parametrize("question_id", IDS)
@given(salt=st.text(max_size=6), attempt=st.integers(min_value=1, max_value=10**6))
def test_the_right_answer_of_every_draw_scores_full_and_no_wrong_one_does(
    question_id: str, salt: str, attempt: int
) -> None:
    drawn = asked(question_id, salt, attempt)
    assert mark(drawn, right_answer(drawn)).score == 1
    assert right_in_words(drawn)
    for typed in wrong_answers(drawn):
        assert 0 <= mark(drawn, typed).score < 1, typed


@pytest.mark.parametrize("question_id", IDS)
@given(typed=st.text(max_size=20) | st.text("0123456789 ,.;-", max_size=12))
def test_anything_typed_is_marked_or_answered_by_a_sentence(question_id: str, typed: str) -> None:
    drawn = asked(question_id)
    with contextlib.suppress(NotAnAnswer):
        assert 0 <= mark(drawn, typed).score <= 1
        assert in_words(drawn, typed)


def test_single() -> None:
    drawn = asked("one-right")
    assert mark(drawn, digit(drawn, "over the tokens of a batch")).feedback == ("That would couple the tokens.",)


@pytest.mark.parametrize(
    ("chosen", "score"),
    [("ΔBC", 1), ("ΔB", 2 / 3), ("Δ", 1 / 3), ("ΔA", 0), ("ΔBA", 1 / 3), ("ΔBCA", 2 / 3), ("ΔBCAD", 1 / 3), ("AD", 0)],
)
def test_multiple_gives_partial_credit(chosen: str, score: float) -> None:
    drawn = asked("several-right")
    given = mark(drawn, " ".join(digit(drawn, each) for each in chosen))
    assert given.score == pytest.approx(score)
    missing = [reason for reason in given.feedback if reason.startswith("Missed")]
    assert len(missing) == len(set("ΔBC") - set(chosen))


def test_order_counts_neighbours() -> None:
    drawn = asked("layer-order")
    assert isinstance(drawn.question, Order)
    items = drawn.question.items
    for placed in permutations(items):
        right = sum(items.index(a) < items.index(b) for a, b in pairwise(placed))
        score = mark(drawn, " ".join(digit(drawn, item) for item in placed)).score
        assert score == right / 3
        assert (score == 1) == (placed == items)


def test_match_counts_pairs() -> None:
    drawn = asked("heads-and-names")
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
        ("47.4B", 0, ("Close; within 1 % is asked for.",)),
    ],
)
def test_numeric(typed: str, score: float, feedback: tuple[str, ...]) -> None:
    given = mark(asked("total-size"), typed)
    assert (given.score, given.feedback) == (score, feedback)


def test_a_whole_number_without_tolerance_is_exact() -> None:
    question = QUIZ.question("cache-bytes")
    assert isinstance(question, Numeric)
    drawn = with_values(question, {"layers": 24, "tokens": 1000})
    assert mark(drawn, "98,304,000 bytes").score == mark(drawn, "96000 KiB").score == 1
    assert mark(drawn, "98304001").feedback == ("Close; the exact number is asked for.",)
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
def test_text_reads_over_close_misspellings(typed: str, score: float) -> None:
    assert mark(asked("name-of-it"), typed).score == score


def test_text_tells_the_spelling_and_the_mistake() -> None:
    assert mark(asked("name-of-it"), "rotuer").feedback == ("It is spelt: router.",)
    assert mark(asked("name-of-it"), "Expert").feedback == ("An expert is what is chosen.",)


def test_line() -> None:
    drawn = asked("wrong-line")
    assert mark(drawn, "line 3").score == 1
    assert mark(drawn, "4").feedback == ("The fill is right; look at what is filled.",)
