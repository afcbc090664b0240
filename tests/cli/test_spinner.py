"""Tests of the spinner that a terminal shows during a long grading."""

import io
import sys
from pathlib import Path

import pytest

from grader.cli import spinner
from grader.cli.spinner import Spinner
from tests.cli.terminals import InTerminal
from tests.paths import copy_toolbox


class Screen(io.StringIO):
    """A terminal that records what is written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def terminal_for(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Replace stderr with a terminal. Call it in the test's body, because pytest replaces stderr before that."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_names_the_running_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = copy_toolbox(tmp_path / "course")
    monkeypatch.chdir(root)
    reference = (root / "solutions/toolbox/toolbox.py").read_text()
    (root / "slow.py").write_text(f"{reference}\nimport time\ndef scale(x, factor): time.sleep(1000)\n")
    terminal = InTerminal("exercise", "toolbox", "--file", "slow.py", "--timeout", "3600")
    terminal.until("starting")
    terminal.until("scale")
    terminal.process.kill()


def test_shows_nothing_for_a_short_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal_for(monkeypatch)
    shown = Spinner()
    shown.start("starting")
    shown.update("a test")
    shown.stop()
    assert screen.getvalue() == ""


def test_escapes_markup_in_names(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal_for(monkeypatch)
    monkeypatch.setattr(spinner, "DELAY", 3600)
    monkeypatch.setenv("TERM", "xterm")
    shown = Spinner()
    shown.start("starting")
    shown.update("[red]scale[/red]")
    shown._show()
    shown.stop()
    assert "[red]scale[/red]" in screen.getvalue()


def test_shows_nothing_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    shown = Spinner()
    shown.start("starting")
    assert shown._timer is None
    shown.stop()
