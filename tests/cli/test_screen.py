"""Lines that all commands print."""

import sys
from pathlib import Path

import click
import pytest

from grader.cli import _print_error, grade
from grader.cli.screen import page
from tests.command_line import error


def test_an_error_on_a_terminal_is_broken_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _print_error("There is no exercise grouped_query in this course. Did you mean 'grouped_query_attention'?")
    assert capsys.readouterr().err.splitlines() == [
        "error: There is no exercise",
        "grouped_query in this course. Did you",
        "mean 'grouped_query_attention'?",
    ]


@pytest.mark.parametrize(("terminal", "count", "paged"), [(True, 30, True), (True, 5, False), (False, 30, False)])
def test_what_a_terminal_has_no_room_for_goes_through_the_pager(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, count: int, paged: bool
) -> None:
    shown: list[str] = []
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setattr(click, "echo_via_pager", shown.append)
    with click.Context(grade):
        page(*["a line"] * count)
    assert shown == (["a line\n" * count] if paged else [])
    assert capsys.readouterr().out == ("" if paged else "a line\n" * count)


def test_who_is_in_a_folder_that_is_gone_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert error("list") == "The folder that you are in no longer exists: cd to another one."
