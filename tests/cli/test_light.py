"""Tests of the command `grade` itself: help, errors, interrupts, closed pipes, and what light commands import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.cli import READER_GONE
from tests.command_line import error, run, telling_imports
from tests.paths import ROOT


def test_help_lists_all_commands() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in ("list", "exercise", "hint", "shell", "diff", "new", "check"):
        assert f"\n  {name} " in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


STUDENTS = [["hint", "alpha"], ["next"], ["history"], ["read", "alpha"], ["progress"]]
LIGHT = [["--help"], ["list"], [], ["--version"], *STUDENTS]


@pytest.mark.parametrize("args", LIGHT, ids=" ".join)
def test_light_commands_import_nothing_heavy(small_course: Path, args: list[str]) -> None:
    command = telling_imports(args, {"torch", "pytest", "numpy", "sqlite3", "rich", "pygments"})
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)})
    assert done.stdout
    assert done.stderr == "loaded []\n"


@pytest.mark.parametrize("line", ["grade exercise alpha ", "grade lesson 1.", "grade glossary a", "grade lab "])
def test_completion_imports_nothing_heavy(small_course: Path, line: str) -> None:
    command = telling_imports([], {"torch", "pytest", "numpy", "sqlite3", "rich", "pygments"})
    asked = {"_GRADE_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    environment = {"PYTHONPATH": str(ROOT), **asked}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == "loaded []\n"


def test_rejects_an_unknown_command_or_option(small_course: Path) -> None:
    assert error("lst") == "No command 'lst'. Did you mean 'list'?"
    assert error("xyzzy") == "No command 'xyzzy'. grade --help lists the commands."
    assert "--nothing" in error("list", "--nothing")
    assert "Missing" in error("quiz")


def test_needs_a_course_here_or_as_an_option(small_course: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        assert "course.yaml" in error("list")
        assert "grade exercise alpha" in run("--course", str(small_course), "list").stdout


def test_an_interrupt_prints_nothing(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("grader.cli.list.load_course", interrupted)
    result = run("list")
    assert (result.exit_code, result.stderr.strip()) == (130, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_prints_nothing(small_course: Path, unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", "list"],
        stdout=writer,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (READER_GONE, b"")
