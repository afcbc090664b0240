"""What a failing call depends on, found by varied calls."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from grader.engine.judge.diagnosis.answer_cache import AnswerCache
from grader.engine.judge.diagnosis.contrasts import find_contrast
from grader.engine.judge.diagnosis.evidence import RecordedTest
from grader.engine.judge.diagnosis.varied_calls import MAX_BYTES
from grader.engine.judge.replay import Answer, replay
from grader.engine.judge.session import LogEntry, SessionLimits
from grader.engine.sandbox.source import execute
from tests.engine.judge.logs import LIMIT, log_of

LIMITS = SessionLimits(5.0, LIMIT)
REFERENCE = """
import torch


def scaled(x, factor):
    return x * factor


def shifted(x, step=1, keep=None, twice=False):
    if step > 5:
        raise ValueError("a step of at most 5")
    y = x + step * (2 if twice else 1)
    return y if keep is None else y * keep
"""
X = torch.tensor([[1.0, 2.0, 4.0], [3.0, 5.0, 8.0]], dtype=torch.float64)
KEEP = torch.tensor([[1, 1, 0], [1, 0, 1]])


def said(
    right: str,
    wrong: str,
    test: Callable[[Any], None],
    sizes: dict[int, str] | None = None,
    weight: int = 0,
    mistakes: Sequence[str] = (),
) -> str | None:
    """Return the sentence about the last call of a test on the reference with some text replaced.

    `weight` is the number of bytes that its answer takes up. `mistakes` are other texts in its place.
    """
    assert right in REFERENCE
    student = execute("student", REFERENCE.replace(right, wrong))
    reference = execute("reference", REFERENCE)
    log = log_of(REFERENCE.replace(right, wrong), test)
    log[-1].weight = weight
    run = RecordedTest("test", log, 0, True, log[-1], sizes or {})

    def ask(asked: Sequence[LogEntry]) -> Answer:
        return list(replay(asked, student, 0, LIMITS))[-1]

    known = [execute("mistake", REFERENCE.replace(right, each)) for each in mistakes]
    return find_contrast(AnswerCache(reference, LIMITS).case(run), run.sizes, reference, known, LIMITS, ask)


CASES = [
    ("y * keep", "y", lambda m: m.shifted(X, 2, keep=KEEP), "Your result is the same whatever `keep` is."),
    (
        "2 if twice else 1",
        "3 if twice else 1",
        lambda m: m.shifted(X, 2, twice=True),
        "Without `twice` your result is right: what does your code do with `twice`?",
    ),
    ("step * (2", "1 * (2", lambda m: m.shifted(X, 3), "Your result is the same whatever `step` is."),
    (
        "step > 5",
        "step > 3",
        lambda m: m.shifted(X, 4),
        ("Without `step` your code runs, and its result is right: what does your code do with `step`?"),
    ),
    (
        "x * factor",
        "x * factor if factor != 5 else x",
        lambda m: m.scaled(X, 5),
        "With factor = B your result is right: where might your code confuse the two?",
    ),
    (
        "x * factor",
        "x[:1] * factor + 0 * x",
        lambda m: m.scaled(X, 3.0),
        "With B = 1 instead of 2 your result is right: which step of your code runs along B?",
    ),
    (
        "step > 5",
        "step > 9",
        lambda m: m.shifted(X, 7),
        "With step = 1 instead of 7 no ValueError would be expected: it is `step` that is not allowed here.",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "test", "sentence"), CASES)
def test_names_what_a_failure_depends_on(right: str, wrong: str, test: Callable[[Any], None], sentence: str) -> None:
    assert said(right, wrong, test, {2: "B"}) == sentence


def test_a_single_number_with_a_right_result_is_not_telling() -> None:
    assert said("x * factor", "x * factor + (factor - 1)", lambda m: m.scaled(X, 4)) is None


def test_a_cut_counts_only_if_both_ends_are_right() -> None:
    """The second row alone is wrong as well, so the number of rows is not the cause."""
    wrong = "x * torch.where(x == 5, 0, factor)"
    assert said("x * factor", wrong, lambda m: m.scaled(X, 3.0), {2: "B"}) is None


def test_a_change_under_which_most_known_mistakes_are_right_says_nothing() -> None:
    wrong, others = "x[:1] * factor + 0 * x", ["x.flip(0) * factor", "x * factor + x - x[:1]", "x + factor"]
    sentence = "With B = 1 instead of 2 your result is right: which step of your code runs along B?"
    assert said("x * factor", wrong, lambda m: m.scaled(X, 3.0), {2: "B"}, mistakes=others[2:]) == sentence
    assert said("x * factor", wrong, lambda m: m.scaled(X, 3.0), {2: "B"}, mistakes=others) is None


def test_a_size_without_a_name_is_not_mentioned() -> None:
    assert said("x * factor", "x[:1] * factor + 0 * x", lambda m: m.scaled(X, 3.0)) is None


def test_a_result_of_zeros_is_not_said_to_be_the_same_whatever_an_argument_is() -> None:
    assert said("x * factor", "x * 0", lambda m: m.scaled(X, 3.0)) is None


def test_a_result_that_is_always_wrong_depends_on_nothing() -> None:
    assert said("x * factor", "x * factor + 1", lambda m: m.scaled(X, 3.0)) is None


def test_a_right_call_has_no_contrast() -> None:
    assert said("x + step", "x - step", lambda m: m.scaled(X, 3.0)) is None


def test_a_call_with_a_large_answer_is_not_repeated() -> None:
    right, wrong, test, sentence = CASES[0]
    assert said(right, wrong, test, weight=MAX_BYTES) == sentence
    assert said(right, wrong, test, weight=MAX_BYTES + 1) is None
