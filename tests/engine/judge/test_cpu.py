"""Limits on the CPU time of the judge itself."""

import sys
import time

import pytest

from grader.engine.judge.cpu import cpu_limit


class TooMuch(Exception):
    """Raised when a limit is exceeded."""


def work(seconds: float) -> None:
    """Use so many seconds of CPU time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_code_that_exceeds_the_limit_is_stopped() -> None:
    with pytest.raises(TooMuch), cpu_limit(0.05, TooMuch()):
        work(30.0)


def test_a_nested_limit_counts_its_own_body() -> None:
    with cpu_limit(0.3, TooMuch()):
        with cpu_limit(10.0, AssertionError()) as inner:
            work(0.4)
        assert not inner.is_exceeded


def test_an_outer_limit_holds_after_an_inner_one() -> None:
    def body() -> None:
        with cpu_limit(10.0, AssertionError()):
            work(0.01)
        work(30.0)

    with pytest.raises(TooMuch), cpu_limit(0.1, TooMuch()):
        body()


class Slow:
    """An object whose finalizer is slow; Python swallows exceptions there."""

    def __del__(self) -> None:
        work(0.2)


def test_an_excess_raised_in_a_finalizer_is_not_reported_by_python(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    def body() -> None:
        Slow()
        work(30.0)

    with pytest.raises(TooMuch), cpu_limit(0.05, TooMuch()):
        body()
    assert not told
