"""Lines that all commands print."""

import sys
from pathlib import Path

import click
import pytest

from grader.cli import _print_error, grade
from grader.cli.screen import page, step
from tests.command_line import error, run
from tests.passed import record
from tests.paths import ROOT


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


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("words", ["list", "list 7", "next", "lesson --list", "lesson 7", "review --list"])
def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, words: str, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = run("--course", str(ROOT), *words.split()).stdout
    assert shown.strip()
    assert [line for line in shown.splitlines() if len(line) > columns] == []


def test_no_line_of_a_history_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, small_course: Path) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for score in (1.25, 4, 0.25):
        record(small_course, "alpha", score)
    for words in (["history"], ["history", "alpha"]):
        lines = run(*words).stdout.splitlines()
        assert [line for line in lines if len(line) > 40] == []
    assert any("1.25/4" in line for line in lines)


def test_a_command_that_does_not_fit_beside_its_word_is_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    command = "grade quiz transformer-variants"
    assert click.unstyle(step("quiz", command, "a remark")) == f"  quiz\n    {command}"
    assert "\n" not in step("quiz", "grade quiz moe")
    assert "\n" not in step("quiz", command + "-of-any-length")  # fits nowhere


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
