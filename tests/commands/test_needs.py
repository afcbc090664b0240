"""An exercise that builds on another: what is graded, and what is said first."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.result import Outcome
from tests.classes import batch, grades
from tests.two_exercises import ALONE, BASE, TOP, WRONG_BASE, WRONG_TOP, two_exercises


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return two_exercises(tmp_path / "course")


@pytest.fixture
def grade(course: Path) -> Callable[..., tuple[int, str]]:
    """Writes the student's files and grades `top`."""

    def run(base: str | None, top: str, *options: str) -> tuple[int, str]:
        for name, text in (("base", base), ("top", top)):
            if text is not None:
                (course / "exercises" / name / f"{name}.py").write_text(text)
        command = [sys.executable, "-m", "grader.cli", "exercise", "top", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=course)
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


def data(grade: Callable[..., tuple[int, str]], base: str | None, top: str) -> Any:
    return json.loads(grade(base, top, "--json")[1])


def test_with_both_right_it_passes(grade: Callable[..., tuple[int, str]]) -> None:
    code, screen = grade(BASE, TOP)
    assert code == 0, screen
    assert "4 of 4 points" in screen


@pytest.mark.parametrize("base", [None, WRONG_BASE, "def double(x:\n", "raise SystemExit\n"])
def test_what_it_builds_on_comes_first(grade: Callable[..., tuple[int, str]], base: str | None) -> None:
    code, screen = grade(base, TOP)
    assert code == 1
    assert "○ needs base first" in screen
    assert "This builds on your base, which does not pass its own tests yet." in screen
    assert "grade exercise base" in screen
    assert "wrong" not in screen


def test_the_result_has_the_points_that_are_sure(grade: Callable[..., tuple[int, str]]) -> None:
    found = data(grade, WRONG_BASE, TOP)
    assert (found["outcome"], found["blocked_by"], found["score"]) == ("blocked", "base", 1)
    assert [(test["outcome"], test["failure"]) for test in found["tests"]] == [("passed", None), ("blocked", None)]


def test_a_mistake_of_its_own_is_told_once_the_other_passes(grade: Callable[..., tuple[int, str]]) -> None:
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
def test_who_does_not_build_on_it_is_told_of_their_own_mistake(grade: Callable[..., tuple[int, str]], top: str) -> None:
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
def test_all_forms_of_import_build_on_it(grade: Callable[..., tuple[int, str]], top: str) -> None:
    assert data(grade, WRONG_BASE, top)["blocked_by"] == "base"


def test_what_passes_needs_nothing(grade: Callable[..., tuple[int, str]]) -> None:
    assert data(grade, WRONG_BASE, ALONE)["score"] == 4


def test_in_a_class_each_builds_on_their_own(course: Path, tmp_path: Path) -> None:
    class_of = {"ada": (BASE, TOP), "ben": (WRONG_BASE, TOP), "cleo": (None, TOP), "dora": (BASE, WRONG_TOP)}
    for student, (base, top) in class_of.items():
        folder = tmp_path / "submissions" / student
        folder.mkdir(parents=True)
        (folder / "top.py").write_text(top)
        if base is not None:
            (folder / "base.py").write_text(base)
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
