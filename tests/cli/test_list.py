"""Tests of `grade list`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader.course.progress import PartRead, Progress
from tests.cli.courses import THREE_LESSONS
from tests.cli.quizzes import later, lines, right
from tests.command_line import error, run
from tests.passed import record
from tests.paths import ROOT


def row(lesson: str, screen: str) -> str:
    """Return the line of a lesson on the map, by its short name."""
    return next(line for line in screen.splitlines() if f" {lesson} " in line)


def following(screen: str) -> tuple[str, str]:
    """Return the command in the last line, and why it is next."""
    _, command, why = re.split(r" {2,}", screen.splitlines()[-1].strip())
    return command, why


def part(course: Path, name: str, *due: str) -> None:
    """Write a part of the first lesson that contains these exercises."""
    folder = course / "lessons" / "01-first-things"
    folder.mkdir(parents=True, exist_ok=True)
    fences = "".join(f"\n```exercise {exercise}\n```\n" for exercise in due)
    (folder / f"{name}.md").write_text(f"---\ntitle: {name}\n---\n\nText.\n{fences}")


def test_shows_a_new_course(small_course: Path) -> None:
    result = run("list")
    assert result.stdout == run().stdout
    lines = result.stdout.splitlines()
    assert lines[1].split() == ["Small", "course", "about", "1", "h", "left", "0", "of", "3", "0%"]
    assert row("first", result.stdout) == "  ▸  1 first                     ○○             0/8"
    assert "no exercises yet in lesson 3" in result.stdout
    assert "    ○ alpha   alpha" in result.stdout
    assert following(result.stdout) == ("grade exercise alpha", "level 1, 10 min")
    assert all(len(line) <= 77 for line in lines)


def test_shows_what_passed_and_failed(small_course: Path) -> None:
    record(small_course, "alpha", 4)
    record(small_course, "alpha", 1)  # later, and passed is what was ever passed
    record(small_course, "beta", 2)
    result = run("list")
    assert "●✗" in result.stdout
    assert "6/8" in result.stdout
    assert "1 of 3    33%" in result.stdout
    assert following(result.stdout) == ("grade exercise beta", "2 of 4 points so far")
    record(small_course, "beta", 4)
    assert following(run("list").stdout) == ("grade exercise gamma", "level 1, 10 min")
    record(small_course, "gamma", 4)
    assert run("list").stdout.splitlines()[-1].endswith("grade diff gamma")


def test_counts_the_parts_that_are_read(small_course: Path) -> None:
    part(small_course, "1-one")
    part(small_course, "2-two")
    assert row("first", run("list").stdout).split()[2:5] == ["first", "0/2", "○○"]
    progress = Progress.load(small_course)
    progress.record(PartRead(lesson="first-things", part=2, slug="two"))
    assert " first              1/2 " in run("list").stdout


def test_shows_exercises_in_the_order_of_the_lesson(small_course: Path) -> None:
    assert listed(small_course) == ["alpha", "beta"]
    part(small_course, "1-one", "beta")
    part(small_course, "2-two", "alpha")
    assert listed(small_course) == ["beta", "alpha"]
    part(small_course, "1-one")
    assert listed(small_course) == ["alpha", "beta"]  # what no part asks for comes last
    part(small_course, "1-one", "beta")
    record(small_course, "beta", 4)
    assert "●○" in row("first", run("list").stdout)


def listed(course: Path) -> list[str]:
    """Return the ids of the exercises below the map."""
    return [line.split()[1] for line in run("list").stdout.splitlines() if line.startswith(("    ○ ", "    ● "))]


def test_shows_the_exercises_of_one_lesson_or_all(small_course: Path) -> None:
    assert [line.split()[1] for line in run("list", "1").stdout.splitlines()[2:4]] == ["alpha", "beta"]
    assert run("list", "first").stdout == run("list", "1").stdout
    every = run("list", "--all").stdout
    assert "2 Second things" in every
    assert "○ gamma   gamma" in every
    assert "level 1" in every
    assert error("list", "3") == "Lesson 3 has no exercises yet; grade list shows which lessons do."
    assert error("list", "11") == "No lesson '11' in this course. grade lesson --list shows them all."


def test_shows_how_to_restore_a_missing_file(small_course: Path) -> None:
    (small_course / "exercises" / "beta" / "beta.py").unlink()
    shown = run("list").stdout
    assert "○!" in row("first", shown)
    assert "    ! beta    missing: grade reset beta" in shown


@pytest.mark.parametrize("columns", [60, 70, 77])
def test_the_map_fits_the_terminal(quiz_course: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    run("quiz", "all", input=lines(["s"] * 9))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        real = run("list").stdout + run("list", "--all").stdout
    assert max(map(len, (run("list").stdout + real).splitlines())) <= columns


def test_says_why_an_exercise_is_next(small_course: Path) -> None:
    record(small_course, "beta", 2)
    record(small_course, "beta", 4)
    assert following(run("list").stdout) == ("grade exercise alpha", "easier, and skipped")


def test_uses_ascii_without_unicode(small_course: Path) -> None:
    record(small_course, "alpha", 4)
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", "list"],
        capture_output=True,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
    )
    assert b"*o" in done.stdout
    assert done.stdout.isascii()


def test_uses_colour_only_if_supported_and_allowed(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(small_course, "alpha", 4)
    assert "\x1b[" not in run("list").stdout
    assert "\x1b[32m●" in run("list", color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("list", color=True).stdout


def test_suggests_grade_new_for_a_course_without_exercises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.yaml").write_text(THREE_LESSONS)
    assert "no exercises yet" in run("list").stdout


def test_names_an_invalid_file(small_course: Path) -> None:
    with (small_course / "exercises" / "beta" / "exercise.yaml").open("a") as file:
        file.write("minuts: 3\n")
    assert error("list").endswith("unknown key 'minuts'. Did you mean 'minutes'?")


def test_shows_quizzes(quiz_course: Path) -> None:
    def row() -> str:
        return next(line for line in run("list").stdout.splitlines() if " 1 all" in line)

    assert row().endswith("   ○")
    quiz, following = run("list").stdout.splitlines()[-2:]
    assert quiz.endswith("grade quiz all-things")
    assert following.split() == ["next", "grade", "lesson", "1.1", "All", "things"]
    run("quiz", "all", input=lines([*right(quiz_course)[:2], "q"]))
    assert row().endswith("   2 of 9")
    run("quiz", "all", input=lines(["s"] * 7))
    assert row().endswith("   ✗ 2/9")
    assert "grade review" in run("list").stdout
    assert "7 missed" in run("list").stdout
    run("quiz", "all", input=lines(right(quiz_course, attempt=2)))
    assert row().endswith("   ✓ 9/9")
    assert all(len(line) <= 77 for line in run("list").stdout.splitlines())


def test_shows_what_is_due_for_review(quiz_course: Path) -> None:
    run("quiz", "all", input=lines(right(quiz_course)))
    later(quiz_course, days=40)
    assert next(line for line in run("list").stdout.splitlines() if " 1 all" in line).endswith("   due")
    assert "9 due" in run("list").stdout


def test_exits_with_141_if_the_reader_has_gone(small_course: Path) -> None:
    """The exit code is that of any program that SIGPIPE ends."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "grader.cli", "list"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
