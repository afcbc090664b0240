"""What tests of a course import: marks, assertions that a failure screen can explain, and the types of fixtures.

A test is a plain pytest function. The student's value always stands left, the expected one right.

    import test_public
    from grader.testing import Rng, Submission, assert_close, needs, points

    @points(2)
    @needs(test_public.test_shape)
    def test_weights_sum_to_one(submission: Submission, rng: Rng):
        \"\"\"the k weights of every token sum to 1\"\"\"
        T, E, k = 5, 7, 3
        weights, _ = submission.route(rng.randn(T, E), k)
        assert_close(weights.sum(-1), torch.ones(T, dtype=torch.float64), name="sum of weights")

Axes have the names of the test's variables: whole numbers in local variables (here T, E and k) name the axes of that
length on the failure screen, so sizes must be pairwise different.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar

import pytest

from grader.engine.judge.compare import Disagreement, compare
from grader.engine.judge.side_effects import generator_complaint, memory_complaint
from grader.engine.sandbox.proxy import RemoteSubmission as Submission

__all__ = [
    *("INTERFACE", "Rng", "Submission", "assert_close", "assert_equal", "assert_generator_kept"),
    *("assert_own_memory", "needs", "points", "replaces", "seconds"),
]

INTERFACE = 1  # the version of what course authors import; raised when a name is removed or changes its meaning

T = TypeVar("T")


def points(n: float) -> pytest.MarkDecorator:
    """Set the points of a test. Every test of an exercise has this mark."""
    return pytest.mark.points(n)


def needs(*tests: Callable[..., Any], packages: Iterable[str] = ()) -> pytest.MarkDecorator:
    """Skip a test unless other tests passed, and leave it out where a package is not installed.

    Args:
        tests: Test functions of the same exercise that stand before this one. In test_hidden.py, `import test_public`
            gives those of test_public.py.
        packages: Packages, by the names that are imported. Without them the test has no points, the screen says so,
            and a batch refuses to grade.

    Raises:
        TypeError: If a test is not a function, such as its name.
    """
    for test in tests:
        if not inspect.isfunction(test):
            raise TypeError(f"needs takes test functions, not {test!r}; write @needs(test_example), without quotes")
    return pytest.mark.needs(*(test.__name__ for test in tests), packages=tuple(packages))


def seconds(n: float) -> pytest.MarkDecorator:
    """Set the time limit of a test, in place of that of the exercise."""
    return pytest.mark.seconds(n)


def replaces(
    name: str, *, ends: Literal["timeout", "memory"] | None = None, **parameters: list[Any]
) -> Callable[[T], T]:
    """Mark a function or class in mistakes.py or variants.py as a version of `name` of the reference.

    Args:
        name: A function or class of the reference.
        ends: For a mistake whose answers are right but take too long or too much memory: it must fail with this outcome
            and no other.
        parameters: Lists of values, `axis=[0, 1]`. The definition stands for a version with each combination of them.
            A function takes them as keyword-only parameters, `*, axis: int`; a class has annotations without a value,
            `axis: int`. In the advice, `{axis}` becomes the value.
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
    """Fail unless `actual` equals `expected` up to rounding: tensors, numbers, nested tuples, lists and dicts.

    Shapes must be equal, and dtypes unless `check_dtype` is False. |actual - expected| <= atol + rtol * |expected|, by
    default 1e-9 for float64, 1e-5 for float32 and Python floats, 1e-3 for float16, 1.6e-2 for bfloat16, 0 for integers.
    `name` is what the screen calls the value; leave it out if `actual` is exactly what a call returned.
    """
    __tracebackhide__ = True
    difference = compare(actual, expected, rtol=rtol, atol=atol, check_dtype=check_dtype)
    if difference:
        raise Disagreement(difference, name, actual)


def assert_equal(actual: Any, expected: Any, *, name: str | None = None) -> None:
    """Fail unless `actual` equals `expected` exactly: indices, masks, shapes, dtypes, whole numbers, None.

    A float is not a whole number: 64.0 does not equal 64.
    """
    __tracebackhide__ = True
    difference = compare(actual, expected, rtol=0.0, atol=0.0)
    if difference:
        raise Disagreement(difference, name, actual)


def assert_own_memory(submission: Submission, value: Any, *, name: str | None = None) -> None:
    """Fail if tensors of the last call's result share memory, so that a change to one would show in another.

    `value` is that result as it was returned, or a part of it. Its tensors may not share memory with each other, with
    another part of the result or with an argument of the call, and each number must have its own place, which it has
    not after `expand`. Arguments and result are at most 4 MiB; larger ones are not examined. `name` is what the screen
    calls the value.
    """
    complaint = memory_complaint(submission, value, name)
    if complaint is not None:
        raise AssertionError(complaint)


def assert_generator_kept(submission: Submission) -> None:
    """Fail unless the last call left torch's own random generator in the state in which it found it."""
    complaint = generator_complaint(submission)
    if complaint is not None:
        raise AssertionError(complaint)
