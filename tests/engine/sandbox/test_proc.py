"""What the system tells of processes."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from grader.engine.sandbox import proc

if sys.platform != "linux":
    pytest.skip("processes are looked up in /proc", allow_module_level=True)


def work() -> None:
    """Takes CPU time until the system has counted some of it."""
    before = proc.ran(os.getpid())
    assert before is not None
    while proc.ran(os.getpid()) == before:
        pass


def test_a_process_that_works_has_run() -> None:
    before = proc.ran(os.getpid())
    work()
    after = proc.ran(os.getpid())
    assert before is not None
    assert after is not None
    assert 0 < before < after


@contextlib.contextmanager
def one_cpu_with_a_rival() -> Iterator[None]:
    """This process shares a CPU with one that never waits."""
    allowed = os.sched_getaffinity(0)
    cpu = {min(allowed)}
    rival = os.fork()
    if rival == 0:
        os.sched_setaffinity(0, cpu)
        while True:
            pass
    os.sched_setaffinity(0, cpu)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
        os.kill(rival, signal.SIGKILL)
        os.waitpid(rival, 0)


def sleeping_child() -> int:
    """A child that sleeps: until it does, it may itself wait for a CPU."""
    child = os.fork()
    if child == 0:
        signal.pause()
    while proc.has_run(child) is not None:
        pass
    return child


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_what_a_worker_waits_for_a_cpu_does_not_count() -> None:
    judge = sleeping_child()
    with contextlib.closing(proc.Clock(os.getpid(), judge)) as clock, one_cpu_with_a_rival():
        clock.start(1.0)
        while clock.waited() < 0.05:  # it ends: the rival has its turns
            pass
        clock.start(1.0)
        assert clock.waited() < 0.05
    end(judge)


def test_what_a_judge_waits_counts_beyond_ten_times_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "JUDGE_LEAST", 0.0)
    worker = sleeping_child()
    with contextlib.closing(proc.Clock(worker, os.getpid())) as clock, one_cpu_with_a_rival():
        clock.start(0.002)
        before = proc.waits(os.getpid())
        while proc.waits(os.getpid()) < before + 0.05:
            pass
        assert clock.waited() == pytest.approx(proc.JUDGE * 0.002)
    end(worker)


def test_what_a_worker_has_run_counts_however_long_its_judge_waited() -> None:
    with contextlib.closing(proc.Clock(os.getpid(), os.getpid())) as clock, one_cpu_with_a_rival():
        clock.start(1.0)  # here it is its own judge: all waiting is counted twice
        begun, ran = time.monotonic(), proc.ran(os.getpid())
        assert ran is not None
        while time.monotonic() < begun + 0.2:
            pass
        left = time.monotonic() - begun - clock.waited()
        now = proc.ran(os.getpid())
        assert now is not None
        assert left >= (now - ran) * 0.9


def test_what_has_run_is_told_of_who_could_run_only() -> None:
    first = proc.has_run(os.getpid())
    work()
    second = proc.has_run(os.getpid())
    assert first is not None
    assert second is not None
    assert second > first
    child = sleeping_child()
    while proc.has_run(child) is not None:  # until it sleeps
        pass
    end(child)
    assert proc.has_run(child) is None


def test_of_a_process_that_is_not_there_nothing_is_known() -> None:
    child = sleeping_child()
    with contextlib.closing(proc.Clock(child, os.getpid())) as clock:
        end(child)
        assert clock.waited() == 0.0
    assert proc.ran(os.getpid(), child) is None
    assert proc.waits(child) == 0.0
    assert not proc.exiting(child)
    with contextlib.closing(proc.Clock(child, os.getpid())) as clock:
        assert clock.waited() == 0.0


def test_a_process_that_ends_is_told_from_one_that_runs() -> None:
    assert not proc.exiting(os.getpid())
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended, and its parent has not taken note
    assert proc.exiting(child)
    os.waitpid(child, 0)
