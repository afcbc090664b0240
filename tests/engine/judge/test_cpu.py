"""Bounds on the CPU time of the judge itself."""

import sys
import time

import pytest

from grader.engine.judge.cpu import bounded_cpu


class TooMuch(Exception):
    """Raised where a bound is passed."""


def work(seconds: float) -> None:
    """Takes so much CPU time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_what_takes_more_is_stopped() -> None:
    with pytest.raises(TooMuch), bounded_cpu(0.05, TooMuch()):
        work(30.0)


def test_a_bound_within_another_counts_for_itself() -> None:
    with bounded_cpu(0.3, TooMuch()):
        with bounded_cpu(10.0, AssertionError()) as inner:
            work(0.4)
        assert not inner.passed


def test_the_outer_bound_holds_after_an_inner_one() -> None:
    def body() -> None:
        with bounded_cpu(10.0, AssertionError()):
            work(0.01)
        work(30.0)

    with pytest.raises(TooMuch), bounded_cpu(0.1, TooMuch()):
        body()


class Slow:
    """Takes its time to go, where Python swallows exceptions."""

    def __del__(self) -> None:
        work(0.2)


def test_a_bound_that_is_passed_in_a_finalizer_is_not_told_by_python(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    def body() -> None:
        Slow()
        work(30.0)

    with pytest.raises(TooMuch), bounded_cpu(0.05, TooMuch()):
        body()
    assert not told
