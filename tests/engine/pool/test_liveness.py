"""What is stuck is told from what works, or waits for a CPU, by the CPU time that it takes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from grader.engine.pool import liveness
from grader.engine.pool.liveness import Pulse

if sys.platform != "linux":
    pytest.skip("CPU time is counted in /proc", allow_module_level=True)


@contextmanager
def running(code: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A Python process that has said that it runs `code`."""
    command = [sys.executable, "-c", f"print(flush=True)\n{code}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def until_it_has_worked(process: "subprocess.Popen[bytes]") -> None:
    used = liveness.ran(process.pid)
    while liveness.ran(process.pid) == used:
        pass


def looks(watched: Pulse, count: int) -> list[str | None]:
    return [watched.complaint() for _ in range(count)]


def test_a_process_that_sleeps_is_stuck_after_so_many_looks() -> None:
    with running("import signal; signal.pause()") as process:
        watched, count = Pulse(process.pid), 1
        while (said := watched.complaint()) is None:  # it may yet be on its way to sleep
            count += 1
    assert said == f"did nothing for {liveness.STILL} s"
    assert count >= liveness.STILL


def test_a_process_that_works_is_not_stuck_however_often_one_looks() -> None:
    with running("while True: pass") as process:
        watched = Pulse(process.pid)
        for _ in range(3 * liveness.STILL):
            until_it_has_worked(process)
            assert watched.complaint() is None


def test_a_stopped_process_is_stuck() -> None:
    with running("while True: pass") as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert looks(Pulse(process.pid), liveness.STILL + 1)[-1] == f"did nothing for {liveness.STILL} s"


def test_one_that_works_for_ever_has_a_bound() -> None:
    with running("while True: pass") as process:
        watched = Pulse(process.pid, most=0.2)
        while (said := watched.complaint()) is None:
            until_it_has_worked(process)
    assert said == "took more than 0 s of CPU"
    assert watched.overspent


def test_of_several_one_that_works_is_enough() -> None:
    with running("import signal; signal.pause()") as still, running("while True: pass") as busy:
        watched = Pulse(still.pid, busy.pid)
        for _ in range(2 * liveness.STILL):
            until_it_has_worked(busy)
            assert watched.complaint() is None


def test_what_a_helper_takes_is_not_taken_by_the_process_alone() -> None:
    with running("import signal; signal.pause()") as still, running("while True: pass") as busy:
        watched = Pulse(still.pid, busy.pid, most=0.2)
        while (said := watched.complaint()) is None:
            until_it_has_worked(busy)
    assert said == "took more than 0 s of CPU"
    assert not watched.overspent


def test_without_a_count_of_cpu_time_the_clock_stands_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "ran", lambda *pids: None)
    assert looks(Pulse(1, most=3600.0), 2 * liveness.STILL) == [None] * (2 * liveness.STILL)
    assert Pulse(1, most=-1.0).complaint() == "did not answer for -1 s"
