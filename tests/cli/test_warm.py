"""Tests of `grade warm`, which shows and stops the process that a grading leaves running."""

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


def start_warm_process() -> int:
    """Start a warm process and return its pidfd."""
    with Judges(resident=True) as judges:
        judges.prepare([], forbidden=[])
        assert judges.warm_pid is not None
        return os.pidfd_open(judges.warm_pid)


def has_exited(process: int) -> bool:
    return bool(select.select([process], [], [], 60)[0])


def test_says_that_none_is_running(staying: Path) -> None:
    shown = run("warm").stdout
    assert "No warm process is running." in shown
    assert "The next grade exercise starts one and leaves it running." in shown
    assert run("warm", "--stop").stdout == "\n  No warm process is running.\n"


@pytest.mark.parametrize(("variable", "value"), [("CI", "true"), ("ARCHGRADE_WARM", "0")])
def test_names_the_variable_that_disables_it(
    variable: str, value: str, staying: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert f"None is started, because {variable} is set to '{value}'" in run("warm").stdout


def test_shows_and_stops_a_process(staying: Path) -> None:
    process = start_warm_process()
    shown = run("warm").stdout
    assert re.search(r"warm   torch [\d.]+\S* on Python [\d.]+, process \d+\n", shown)
    assert re.search(r"since    \d\d:\d\d, less than a minute ago\n", shown)
    assert re.search(r"memory   \d{2,4} MiB\n", shown)
    assert "judges   none running" in shown
    assert "exits    after 15 minutes without a grading" in shown
    assert "grade warm --stop" in shown
    assert re.fullmatch(r"\n  Process \d+ has exited\.\n", run("warm", "--stop").stdout)
    assert has_exited(process)
    assert "No warm process is running." in run("warm").stdout


def test_kills_a_process_that_does_not_answer(staying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.engine.pool.resident.RESPONSE_TIMEOUT", 0.2)
    process = start_warm_process()
    signal.pidfd_send_signal(process, signal.SIGSTOP)
    assert "does not answer" in run("warm").stdout
    assert "did not answer and was killed." in run("warm", "--stop").stdout
    assert has_exited(process)
