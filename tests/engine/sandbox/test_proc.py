"""CPU times and states of processes."""

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
    """Use CPU time until the system has counted some of it."""
    before = proc.cpu_seconds(os.getpid())
    assert before is not None
    while proc.cpu_seconds(os.getpid()) == before:
        pass


def test_cpu_time_of_a_working_process_grows() -> None:
    before = proc.cpu_seconds(os.getpid())
    work()
    after = proc.cpu_seconds(os.getpid())
    assert before is not None
    assert after is not None
    assert 0 < before < after


@contextlib.contextmanager
def one_cpu_with_a_rival() -> Iterator[None]:
    """Make this process share a CPU with one that never waits."""
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
    """Fork a child, and wait until it sleeps: before, it may wait for a CPU."""
    child = os.fork()
    if child == 0:
        signal.pause()
    while proc.cpu_nanoseconds_if_runnable(child) is not None:
        pass
    return child


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_time_that_a_worker_waits_for_a_cpu_does_not_count() -> None:
    judge = sleeping_child()
    with contextlib.closing(proc.Clock(os.getpid(), judge)) as clock, one_cpu_with_a_rival():
        clock.start(1.0)
        while clock.waited() < 0.05:  # ends, since the rival also gets the CPU
            pass
        clock.start(1.0)
        assert clock.waited() < 0.05
    end(judge)


def test_time_that_a_judge_waits_counts_beyond_ten_times_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "JUDGE_MIN_SECONDS", 0.0)
    worker = sleeping_child()
    with contextlib.closing(proc.Clock(worker, os.getpid())) as clock, one_cpu_with_a_rival():
        clock.start(0.002)
        before = proc.seconds_waiting_for_cpu(os.getpid())
        while proc.seconds_waiting_for_cpu(os.getpid()) < before + 0.05:
            pass
        assert clock.waited() == pytest.approx(proc.JUDGE_FACTOR * 0.002)
    end(worker)


def test_cpu_time_of_a_worker_counts_however_long_its_judge_waited() -> None:
    with contextlib.closing(proc.Clock(os.getpid(), os.getpid())) as clock, one_cpu_with_a_rival():
        clock.start(1.0)  # worker and judge are the same process, so waiting is counted twice
        begun, ran = time.monotonic(), proc.cpu_seconds(os.getpid())
        assert ran is not None
        while time.monotonic() < begun + 0.2:
            pass
        left = time.monotonic() - begun - clock.waited()
        now = proc.cpu_seconds(os.getpid())
        assert now is not None
        assert left >= (now - ran) * 0.9


def test_cpu_time_if_runnable_is_none_for_a_sleeping_process() -> None:
    first = proc.cpu_nanoseconds_if_runnable(os.getpid())
    work()
    second = proc.cpu_nanoseconds_if_runnable(os.getpid())
    assert first is not None
    assert second is not None
    assert second > first
    child = sleeping_child()
    while proc.cpu_nanoseconds_if_runnable(child) is not None:  # until it sleeps
        pass
    end(child)
    assert proc.cpu_nanoseconds_if_runnable(child) is None


def test_a_missing_process_has_no_times() -> None:
    child = sleeping_child()
    with contextlib.closing(proc.Clock(child, os.getpid())) as clock:
        end(child)
        assert clock.waited() == 0.0
    assert proc.cpu_seconds(os.getpid(), child) is None
    assert proc.seconds_waiting_for_cpu(child) == 0.0
    assert not proc.is_exiting(child)
    with contextlib.closing(proc.Clock(child, os.getpid())) as clock:
        assert clock.waited() == 0.0


def test_a_process_that_has_ended_and_is_not_reaped_is_exiting() -> None:
    assert not proc.is_exiting(os.getpid())
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended, and is not reaped
    assert proc.is_exiting(child)
    os.waitpid(child, 0)
