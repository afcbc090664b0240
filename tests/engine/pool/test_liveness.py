"""CPU time tells a stuck process from one that works or waits for a CPU."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from grader.engine.pool import liveness
from grader.engine.pool.liveness import Watchdog
from grader.engine.sandbox.proc import cpu_seconds

if sys.platform != "linux":
    pytest.skip("CPU time is counted in /proc", allow_module_level=True)


@contextmanager
def running(code: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a Python process that runs `code`, and wait until it does."""
    command = [sys.executable, "-c", f"print(flush=True)\n{code}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def wait_for_cpu_time(process: "subprocess.Popen[bytes]") -> None:
    used = cpu_seconds(process.pid)
    while cpu_seconds(process.pid) == used:
        pass


def check(watchdog: Watchdog, count: int) -> list[str | None]:
    return [watchdog.check() for _ in range(count)]


def test_a_sleeping_process_is_stuck_after_the_allowed_checks() -> None:
    with running("import signal; signal.pause()") as process:
        watchdog, count = Watchdog(process.pid), 1
        while (problem := watchdog.check()) is None:  # it may not sleep yet
            count += 1
    assert problem == f"did nothing for {liveness.MAX_STALLED_CHECKS} s"
    assert count >= liveness.MAX_STALLED_CHECKS


def test_a_working_process_is_never_stuck() -> None:
    with running("while True: pass") as process:
        watchdog = Watchdog(process.pid)
        for _ in range(3 * liveness.MAX_STALLED_CHECKS):
            wait_for_cpu_time(process)
            assert watchdog.check() is None


def test_a_stopped_process_is_stuck() -> None:
    with running("while True: pass") as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert (
            check(Watchdog(process.pid), liveness.MAX_STALLED_CHECKS + 1)[-1]
            == f"did nothing for {liveness.MAX_STALLED_CHECKS} s"
        )


def test_a_process_that_exceeds_its_cpu_time_is_over_budget() -> None:
    with running("while True: pass") as process:
        watchdog = Watchdog(process.pid, max_cpu=0.2)
        while (problem := watchdog.check()) is None:
            wait_for_cpu_time(process)
    assert problem == "took more than 0 s of CPU"
    assert watchdog.is_over_budget


def test_a_process_is_not_stuck_while_a_helper_works() -> None:
    with running("import signal; signal.pause()") as still, running("while True: pass") as busy:
        watchdog = Watchdog(still.pid, busy.pid)
        for _ in range(2 * liveness.MAX_STALLED_CHECKS):
            wait_for_cpu_time(busy)
            assert watchdog.check() is None


def test_cpu_time_of_a_helper_does_not_put_the_process_over_budget() -> None:
    with running("import signal; signal.pause()") as still, running("while True: pass") as busy:
        watchdog = Watchdog(still.pid, busy.pid, max_cpu=0.2)
        while (problem := watchdog.check()) is None:
            wait_for_cpu_time(busy)
    assert problem == "took more than 0 s of CPU"
    assert not watchdog.is_over_budget


def test_the_clock_is_used_where_cpu_time_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "cpu_seconds", lambda *pids: None)
    assert check(Watchdog(1, max_cpu=3600.0), 2 * liveness.MAX_STALLED_CHECKS) == [None] * (
        2 * liveness.MAX_STALLED_CHECKS
    )
    assert Watchdog(1, max_cpu=-1.0).check() == "did not answer for -1 s"
