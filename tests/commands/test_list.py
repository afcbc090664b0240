"""`grade list`: the map of a course with its exercises and quizzes, and what comes next."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import error, run
from tests.commands.courses import THREE_LESSONS
from tests.commands.quizzes import later, lines, right
from tests.passed import record
from tests.paths import ROOT


def test_list_of_a_new_course(small_course: Path) -> None:
    result = run("list")
    assert result.stdout == run().stdout
    lines = result.stdout.splitlines()
    assert lines[1].split() == ["Small", "course", "0", "of", "3", "0%"]
    assert "  ▸  1 first             ○○" in result.stdout
    assert "no exercises yet in lesson 3" in result.stdout
    assert "    ○ alpha   alpha" in result.stdout
    assert lines[-1].split("   ")[-1] == "grade exercise alpha"
    assert all(len(line) <= 77 for line in lines)


def test_list_shows_what_passed_and_failed(small_course: Path) -> None:
    record(small_course, "alpha", 4)
    record(small_course, "alpha", 1)  # later, and passed is what was ever passed
    record(small_course, "beta", 2)
    result = run("list")
    assert "●✗" in result.stdout
    assert "6/8" in result.stdout
    assert "1 of 3    33%" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("grade exercise beta")
    record(small_course, "beta", 4)
    assert run("list").stdout.splitlines()[-1].endswith("grade exercise gamma")
    record(small_course, "gamma", 4)
    assert run("list").stdout.splitlines()[-1].endswith("grade diff gamma")


def test_list_without_unicode(small_course: Path) -> None:
    record(small_course, "alpha", 4)
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", "list"],
        capture_output=True,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
    )
    assert b"*o" in done.stdout
    assert done.stdout.isascii()


def test_colour_only_on_request(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(small_course, "alpha", 4)
    assert "\x1b[" not in run("list").stdout
    assert "\x1b[32m●" in run("list", color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("list", color=True).stdout


def test_list_of_a_course_without_exercises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.yaml").write_text(THREE_LESSONS)
    assert "no exercises yet" in run("list").stdout


def test_list_names_the_file_that_is_wrong(small_course: Path) -> None:
    with (small_course / "exercises" / "beta" / "exercise.yaml").open("a") as file:
        file.write("minuts: 3\n")
    assert error("list").endswith("unknown key 'minuts'. Did you mean 'minutes'?")


def test_list_shows_quizzes(quiz_course: Path) -> None:
    def row() -> str:
        return next(line for line in run("list").stdout.splitlines() if " 1 all" in line)

    assert row().endswith("   ○")
    quiz, following = run("list").stdout.splitlines()[-2:]
    assert quiz.endswith("grade quiz all-things")
    assert following.split() == ["next", "grade", "lesson", "1", "All", "things"]
    run("quiz", "all", input=lines([*right(quiz_course)[:2], "q"]))
    assert row().endswith("   2 of 9")
    run("quiz", "all", input=lines(["s"] * 7))
    assert row().endswith("   ✗ 2/9")
    assert "grade review" in run("list").stdout
    assert "7 missed" in run("list").stdout
    run("quiz", "all", input=lines(right(quiz_course, attempt=2)))
    assert row().endswith("   ✓ 9/9")
    assert all(len(line) <= 77 for line in run("list").stdout.splitlines())


def test_list_says_what_is_due(quiz_course: Path) -> None:
    run("quiz", "all", input=lines(right(quiz_course)))
    later(quiz_course, days=40)
    assert next(line for line in run("list").stdout.splitlines() if " 1 all" in line).endswith("   due")
    assert "9 due" in run("list").stdout
