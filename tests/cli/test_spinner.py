"""While a grading takes long, a terminal says which test runs; what ends at once says nothing."""

import io
import sys
from pathlib import Path

import pytest

from grader.cli import spinner
from grader.cli.spinner import Spinner
from tests.cli.terminals import InTerminal
from tests.paths import copy_toolbox


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def terminal_for(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A terminal in the place of standard error. It is for a test's body: pytest puts its own there before that."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_the_test_that_runs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = copy_toolbox(tmp_path / "course")
    monkeypatch.chdir(root)
    reference = (root / "solutions/toolbox/toolbox.py").read_text()
    (root / "slow.py").write_text(f"{reference}\nimport time\ndef scale(x, factor): time.sleep(1000)\n")
    terminal = InTerminal("exercise", "toolbox", "--file", "slow.py", "--timeout", "3600")
    terminal.until("starting")
    terminal.until("scale")
    terminal.process.kill()


def test_what_ends_at_once_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal_for(monkeypatch)
    shown = Spinner()
    shown.start("starting")
    shown.says("a test")
    shown.stop()
    assert screen.getvalue() == ""


def test_markup_in_a_name_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal_for(monkeypatch)
    monkeypatch.setattr(spinner, "SILENCE", 3600)
    monkeypatch.setenv("TERM", "xterm")
    shown = Spinner()
    shown.start("starting")
    shown.says("[red]scale[/red]")
    shown._show()
    shown.stop()
    assert "[red]scale[/red]" in screen.getvalue()


def test_without_a_terminal_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    shown = Spinner()
    shown.start("starting")
    assert shown._timer is None
    shown.stop()
