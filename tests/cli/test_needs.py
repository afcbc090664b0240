"""Tests of exercises that import other exercises."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.base.result import Outcome, Result
from tests.classes import batch, grades
from tests.three_exercises import ALONE, BASE, HIGH, TOP, WRONG_BASE, WRONG_TOP, three_exercises

pytestmark = pytest.mark.usefixtures("left_behind")  # none is about the start of a warm process

ALONE_HIGH = "def octuple(x):\n    return 8 * x\n"
CIRCLE = "from base import double\n\ndef octuple(x):\n    return 4 * double(x)\n"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return three_exercises(tmp_path / "course")


def write(course: Path, **files: str | None) -> None:
    """Write the student's files."""
    for name, text in files.items():
        if text is not None:
            (course / "exercises" / name / f"{name}.py").write_text(text)


def run(course: Path, exercise: str, *options: str) -> tuple[int, str]:
    """Return exit code and output of `grade exercise`."""
    command = [sys.executable, "-m", "grader.cli", "exercise", exercise, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=course)
    assert done.stderr == ""
    return done.returncode, done.stdout


def result(course: Path, exercise: str) -> Any:
    return json.loads(run(course, exercise, "--json")[1])


@pytest.fixture
def grade(course: Path) -> Callable[..., tuple[int, str]]:
    """Return a function that writes the student's files and grades `top`."""

    def graded(base: str | None, top: str, *options: str) -> tuple[int, str]:
        write(course, base=base, top=top)
        return run(course, "top", *options)

    return graded


def data(grade: Callable[..., tuple[int, str]], base: str | None, top: str) -> Any:
    return json.loads(grade(base, top, "--json")[1])


def test_passes_if_both_are_right(grade: Callable[..., tuple[int, str]]) -> None:
    code, screen = grade(BASE, TOP)
    assert code == 0, screen
    assert "4 of 4 points" in screen


@pytest.mark.parametrize("base", [None, WRONG_BASE, "def double(x:\n", "raise SystemExit\n"])
def test_asks_for_the_imported_exercise_first(grade: Callable[..., tuple[int, str]], base: str | None) -> None:
    code, screen = grade(base, TOP)
    assert code == 1
    assert "○ needs base first" in screen
    assert "This builds on your base, which does not pass its own tests yet." in screen
    assert "grade exercise base" in screen
    assert "wrong" not in screen


def test_a_blocked_result_keeps_the_points_of_other_tests(grade: Callable[..., tuple[int, str]]) -> None:
    found = data(grade, WRONG_BASE, TOP)
    assert (found["outcome"], found["blocked_by"], found["score"]) == ("blocked", "base", 1)
    assert [(test["outcome"], test["failure"]) for test in found["tests"]] == [("passed", None), ("blocked", None)]


def test_reports_its_own_mistake_after_the_other_passes(grade: Callable[..., tuple[int, str]]) -> None:
    assert data(grade, WRONG_BASE, WRONG_TOP)["outcome"] == "blocked"
    found = data(grade, BASE, WRONG_TOP)
    assert (found["outcome"], found["blocked_by"]) == ("graded", None)
    assert {test["outcome"] for test in found["tests"]} == {"wrong_values"}


@pytest.mark.parametrize(
    "top",
    [
        "def quadruple(x):\n    return 3 * x\n",
        "from base import double\n\ndef quadruple(x):\n    return 3 * x\n",
    ],
    ids=["imports nothing", "uses nothing of it"],
)
def test_reports_its_own_mistake_if_the_import_is_not_used(grade: Callable[..., tuple[int, str]], top: str) -> None:
    found = data(grade, WRONG_BASE, top)
    assert (found["outcome"], found["blocked_by"]) == ("graded", None)
    assert {test["outcome"] for test in found["tests"]} == {"wrong_values"}


@pytest.mark.parametrize(
    "top",
    [
        "import base\n\ndef quadruple(x):\n    return base.double(3 * x)\n",
        "from base import *\n\ndef quadruple(x):\n    return double(3 * x)\n",
    ],
)
def test_recognizes_all_forms_of_import(grade: Callable[..., tuple[int, str]], top: str) -> None:
    assert data(grade, WRONG_BASE, top)["blocked_by"] == "base"


def test_a_passing_exercise_is_not_blocked(grade: Callable[..., tuple[int, str]]) -> None:
    assert data(grade, WRONG_BASE, ALONE)["score"] == 4


def test_can_import_any_exercise_and_its_imports(course: Path) -> None:
    write(course, base=BASE, top=TOP, high=HIGH)
    assert result(course, "high")["score"] == 4


def test_can_import_a_later_exercise(course: Path) -> None:
    write(course, base="from high import octuple\n\ndef double(x):\n    return octuple(x) // 4\n", high=ALONE_HIGH)
    assert result(course, "base")["score"] == 4


@pytest.mark.parametrize("base", [None, WRONG_BASE, "def double(x:\n"], ids=["unwritten", "wrong", "no Python"])
def test_names_the_first_exercise_that_does_not_pass(course: Path, base: str | None) -> None:
    write(course, base=base, top=TOP, high=HIGH)
    code, screen = run(course, "high")
    assert code == 1
    assert "○ needs base first" in screen
    assert "grade exercise base" in screen


def test_names_an_imported_file_that_cannot_be_read(course: Path) -> None:
    write(course, high="from base import double\n\ndef octuple(x):\n    return 4 * double(x)\n")
    file = course / "exercises/base/base.py"
    file.rename(course / "elsewhere.py")
    file.symlink_to(course / "elsewhere.py")
    found = result(course, "high")
    assert (found["outcome"], found["blocked_by"]) == ("blocked", "base")
    assert found["message"].startswith("high imports base: exercises/base/base.py is a link, ")


def test_passes_if_a_failed_import_is_caught(course: Path) -> None:
    write(course, high=f"try:\n    from base import nothing\nexcept ImportError:\n    pass\n\n{ALONE_HIGH}")
    assert result(course, "high")["score"] == 4


def test_circular_imports_do_not_block_each_other(course: Path) -> None:
    write(course, base="from high import octuple\n\ndef double(x):\n    return octuple(x) // 4\n", high=CIRCLE)
    for exercise in ("base", "high"):
        found = result(course, exercise)
        assert (found["outcome"], found["blocked_by"]) == ("import_error", None)
        assert found["message"].startswith("ImportError: cannot import name ")


def test_other_exercises_are_available_only_if_imported(course: Path) -> None:
    write(course, base=BASE, high="import importlib\n\ndef octuple(x):\n    return importlib.import_module('base')\n")
    found = result(course, "high")
    assert "No module named 'base'" in found["tests"][0]["failure"]["message"]


def test_grade_shell_repeats_a_call_with_imports(course: Path) -> None:
    write(course, base=BASE, high="from base import double\n\ndef octuple(x):\n    return 3 * double(x)\n")
    assert run(course, "high")[0] == 1
    command = [sys.executable, "-m", "grader.cli", "shell", "high"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=course, input="print(high.octuple(5))\n"
    )
    assert done.returncode == 0, done.stderr
    assert "30" in done.stdout


def test_batch_uses_each_students_own_exercises(course: Path, tmp_path: Path) -> None:
    class_of = {"ada": (BASE, TOP), "ben": (WRONG_BASE, TOP), "cleo": (None, TOP), "dora": (BASE, WRONG_TOP)}
    hand_in(tmp_path / "submissions", {who: {"base": base, "top": top} for who, (base, top) in class_of.items()})
    out = tmp_path / "out"
    roster = tmp_path / "roster.csv"
    roster.write_text("id,name\n" + "".join(f"{number},{name}\n" for number, name in enumerate(class_of)))
    run = batch(course, tmp_path / "submissions", "--out", out, "--exercise", "top", "--roster", roster)
    assert run.returncode == 0, run.stderr
    assert "4 files of 4 students" in run.stdout  # what it builds on is read, and not graded
    found = {grade.student.name: grade.outcome for grade in grades(out).values()}
    assert found == {
        "ada": Outcome.GRADED, "ben": Outcome.BLOCKED, "cleo": Outcome.BLOCKED, "dora": Outcome.GRADED
    }  # fmt: skip


def hand_in(submissions: Path, files: dict[str, dict[str, str | None]]) -> None:
    """Write a folder for each student, with their file of each exercise."""
    for student, texts in files.items():
        (submissions / student).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            if text is not None:
                (submissions / student / f"{name}.py").write_text(text)


def test_batch_can_import_any_exercise_that_was_handed_in(course: Path, tmp_path: Path) -> None:
    submissions, out = tmp_path / "submissions", tmp_path / "out"
    files: dict[str, str | None] = {"top": TOP, "high": HIGH}
    hand_in(submissions, {"ada": files | {"base": BASE}, "ben": files | {"base": WRONG_BASE}, "cleo": files})
    assert batch(course, submissions, "--out", out, "--exercise", "high").returncode == 0
    found = {who: grade.result for who, grade in grades(out).items() if isinstance(grade.result, Result)}
    assert found["ada"].passed
    assert [(found[who].outcome, found[who].blocked_by) for who in ("ben", "cleo")] == [(Outcome.BLOCKED, "base")] * 2
    assert found["cleo"].message == "high imports base: that exercise was not handed in."


def test_batch_grades_again_after_an_imported_exercise_changes(course: Path, tmp_path: Path) -> None:
    submissions, out = tmp_path / "submissions", tmp_path / "out"
    hand_in(submissions, {"ada": {"base": BASE, "top": TOP, "high": HIGH}, "ben": {"top": TOP, "high": HIGH}})
    again = (course, submissions, "--out", out, "--exercise", "high")
    assert "2 grades measured" in batch(*again).stdout
    assert "0 grades measured, 2 reused" in batch(*again).stdout
    (submissions / "ben/base.py").write_text(WRONG_BASE)
    assert "1 grade measured, 1 reused" in batch(*again).stdout
    tests = course / "solutions/base/test_hidden.py"
    tests.write_text(f"{tests.read_text()}\n# changed\n")
    assert "2 grades measured" in batch(*again).stdout
