"""What test files import: marks, and assertions that a failure screen can explain.

Tests of an exercise are plain pytest functions. Yours (the student's value) always stands left, the expected one right.

    from grader.testing import assert_close, needs, points

    @points(2)
    @needs("test_shape")
    def test_weights_sum_to_one(submission, rng):
        \"\"\"the k weights of every token sum to 1\"\"\"
        T, E, k = 5, 7, 3
        weights, _ = submission.route(rng.randn(T, E), k)
        assert_close(weights.sum(-1), torch.ones(T, dtype=torch.float64), name="sum of weights")

Variables of the test that hold whole numbers (here T, E and k) name the axes on the failure screen, so sizes should be
pairwise different.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import pytest

from grader.engine.judge.compare import Disagreement, compare
from grader.engine.judge.side_effects import generator_complaint, memory_complaint

__all__ = [
    *("assert_close", "assert_equal", "assert_generator_kept", "assert_own_memory"),
    *("needs", "points", "replaces", "requires", "seconds"),
]

T = TypeVar("T")


def points(n: float) -> pytest.MarkDecorator:
    """What a test is worth. Every test of an exercise has this mark."""
    return pytest.mark.points(n)


def needs(*tests: str) -> pytest.MarkDecorator:
    """Tests of the same exercise, by name, without which this one says nothing: it is skipped unless they passed."""
    return pytest.mark.needs(*tests)


def requires(*packages: str) -> pytest.MarkDecorator:
    """Packages, by the names that are imported, without which this test is not available.

    Then it is left out of the points, and the screen says so; a batch refuses to grade without them.
    """
    return pytest.mark.requires(*packages)


def seconds(n: float) -> pytest.MarkDecorator:
    """What this one test may take, where that is not the limit of the exercise."""
    return pytest.mark.seconds(n)


def replaces(name: str, *, ends: Literal["timeout", "memory"] | None = None) -> Callable[[T], T]:
    """Marks a function or class in `mistakes.py` or `variants.py` as standing in for `name` of the reference.

    `ends` is for a mistake whose answers are right, and which takes too long or too much memory for them: it must fail
    by this outcome and by no other. There is no answer that would show it, so no diagnosis names it.
    """

    def mark(definition: T) -> T:
        return definition

    return mark


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    name: str | None = None,
    check_dtype: bool = True,
) -> None:
    """Fails unless `actual` equals `expected` up to rounding: tensors, numbers, and nested tuples, lists and dicts.

    Shapes must be equal, and dtypes unless `check_dtype` is False. |actual - expected| <= atol + rtol * |expected|, by
    default 1e-9 for float64, 1e-5 for float32, 1e-3 for float16, 1.6e-2 for bfloat16, nothing for integers. `name` is
    what the screen calls the value; leave it out where `actual` is what a call returned.
    """
    __tracebackhide__ = True
    difference = compare(actual, expected, rtol=rtol, atol=atol, check_dtype=check_dtype)
    if difference:
        raise Disagreement(difference, name, actual)


def assert_equal(actual: Any, expected: Any, *, name: str | None = None) -> None:
    """Fails unless `actual` equals `expected` exactly: indices, masks, shapes, dtypes, whole numbers, None.

    A float is no whole number: 64.0 does not equal 64.
    """
    __tracebackhide__ = True
    difference = compare(actual, expected, rtol=0.0, atol=0.0)
    if difference:
        raise Disagreement(difference, name, actual)


def assert_own_memory(submission: Any, value: Any, *, name: str | None = None) -> None:
    """Fails where tensors of what the last call returned share memory, so that a change to one would show in another.

    `value` is that result, or a part of it, as it was returned. Its tensors may not share memory with each other, with
    another part of the result or with an argument of the call, and each number has its own place: after `expand` it has
    not. Arguments and result are at most 4 MiB; of more nothing is known. `name` is what the screen calls the value.
    """
    complaint = memory_complaint(submission, value, name)
    if complaint is not None:
        raise AssertionError(complaint)


def assert_generator_kept(submission: Any) -> None:
    """Fails unless the last call left torch's own random generator in the state in which it found it."""
    complaint = generator_complaint(submission)
    if complaint is not None:
        raise AssertionError(complaint)
