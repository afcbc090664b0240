"""What the system tells of processes."""

import contextlib
import os
import sys
import time

import pytest

from grader.sandbox import proc

if sys.platform != "linux":
    pytest.skip("processes are looked up in /proc", allow_module_level=True)


def test_a_process_that_works_has_run() -> None:
    before = proc.ran(os.getpid())
    assert before is not None
    for _ in range(100_000):
        pass
    after = proc.ran(os.getpid())
    assert after is not None
    assert after > before


def test_waiting_is_counted_up() -> None:
    with contextlib.closing(proc.Waits(os.getpid())) as waits:
        before = waits.seconds()
        for _ in range(20):
            time.sleep(0)  # gives its turn away
        assert waits.seconds() >= before > 0


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
