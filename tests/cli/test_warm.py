"""`grade warm`: what it says of the process that a grading left behind, and how it ends that."""

import os
import re
import select
import signal
import sys
from pathlib import Path

import pytest

from grader.engine.pool.client import Judges
from tests.command_line import run

if sys.platform != "linux":
    pytest.skip("a warm process stays on Linux", allow_module_level=True)


def left_behind() -> int:
    """The descriptor of a warm process that a command left behind."""
    with Judges(resident=True) as judges:
        judges.prepare([], forbidden=[])
        assert judges.warm_pid is not None
        return os.pidfd_open(judges.warm_pid)


def has_ended(process: int) -> bool:
    return bool(select.select([process], [], [], 60)[0])


def test_none_runs(staying: Path) -> None:
    shown = run("warm").stdout
    assert "No warm process is running." in shown
    assert "The next grade exercise starts one, and leaves it behind." in shown
    assert run("warm", "--stop").stdout == "\n  No warm process is running.\n"


@pytest.mark.parametrize(("variable", "value"), [("CI", "true"), ("ARCHGRADE_WARM", "0")])
def test_none_may_stay(variable: str, value: str, staying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    assert f"None is left behind, because {variable} is set to '{value}'" in run("warm").stdout


def test_it_says_what_runs_and_ends_it(staying: Path) -> None:
    process = left_behind()
    shown = run("warm").stdout
    assert re.search(r"warm   torch [\d.]+\S* on Python [\d.]+, process \d+\n", shown)
    assert re.search(r"since    \d\d:\d\d, less than a minute ago\n", shown)
    assert re.search(r"memory   \d{2,4} MiB\n", shown)
    assert "judges   none at work" in shown
    assert "ends     after 15 minutes without a grading" in shown
    assert "grade warm --stop" in shown
    assert re.fullmatch(r"\n  Process \d+ has ended\.\n", run("warm", "--stop").stdout)
    assert has_ended(process)
    assert "No warm process is running." in run("warm").stdout


def test_one_that_does_not_answer_is_killed(staying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.engine.pool.resident.RESPONSE_TIMEOUT", 0.2)
    process = left_behind()
    signal.pidfd_send_signal(process, signal.SIGSTOP)
    assert "does not answer" in run("warm").stdout
    assert "did not answer, and was killed." in run("warm", "--stop").stdout
    assert has_ended(process)
