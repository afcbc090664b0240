"""What the system tells of processes."""

import contextlib
import os
import signal
import sys

import pytest

from grader.sandbox import proc

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


def test_who_shares_a_cpu_waits_for_it() -> None:
    cpu = {min(os.sched_getaffinity(0))}
    rival = os.fork()
    if rival == 0:
        os.sched_setaffinity(0, cpu)
        while True:
            pass
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpu)
    try:
        with contextlib.closing(proc.Waits(os.getpid())) as waits:
            while waits.seconds() == 0:  # it ends: the rival has its turns
                pass
            waited = waits.seconds()
    finally:
        os.sched_setaffinity(0, allowed)
        os.kill(rival, signal.SIGKILL)
        os.waitpid(rival, 0)
    assert waited > 0


def test_of_a_process_that_is_not_there_nothing_is_known() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert proc.ran(os.getpid(), child) is None
    with contextlib.closing(proc.Waits(os.getpid(), child)) as waits:
        assert waits.seconds() == 0.0
    assert not proc.exiting(child)


def test_of_a_process_that_has_ended_since_nothing_is_known() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    with contextlib.closing(proc.Waits(child)) as waits:
        os.waitpid(child, 0)
        assert waits.seconds() == 0.0


def test_a_process_that_ends_is_told_from_one_that_runs() -> None:
    assert not proc.exiting(os.getpid())
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended, and its parent has not taken note
    assert proc.exiting(child)
    os.waitpid(child, 0)
