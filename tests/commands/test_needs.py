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

COURSE = "title: Two\nlessons:\n  - {number: 1, slug: two, title: Two, short: two}\n"
YAML = """\
title: {id}
lesson: 1
level: 1
minutes: 5
points: 4
needs: [{needs}]
hints: [one, two, three]
passed: ok
"""
MISTAKES = """
from {id} import {name}
from grader.testing import replaces


@replaces("{name}")
def nothing(x):
    \"\"\"It returns its argument.\"\"\"
    return x
"""
STUB = 'def {name}(x):\n    """A number."""\n    raise NotImplementedError\n'
TESTS = """
from grader.testing import assert_equal, points


@points(1)
def test_one_{name}(submission):
    \"\"\"one\"\"\"
    assert_equal(submission.{name}(1), {one})


@points(3)
def test_many_{name}(submission):
    \"\"\"many\"\"\"
    assert_equal([submission.{name}(x) for x in range(5)], {many})
"""
BASE = "def double(x):\n    return 2 * x\n"
WRONG_BASE = "def double(x):\n    return 2 * x if x < 3 else 0\n"
TOP = "from base import double\n\ndef quadruple(x):\n    return double(double(x))\n"
ALONE = "def quadruple(x):\n    return 4 * x\n"
WRONG_TOP = "from base import double\n\ndef quadruple(x):\n    return double(x)\n"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    root = tmp_path / "course"
    root.mkdir()
    (root / "course.yaml").write_text(COURSE)
    for name, function, factor, needs in (("base", "double", 2, ""), ("top", "quadruple", 4, "base")):
        folder, solution = root / "exercises" / name, root / "solutions" / name
        folder.mkdir(parents=True)
        solution.mkdir(parents=True)
        (folder / "exercise.yaml").write_text(YAML.format(id=name, needs=needs))
        (folder / f"{name}.py").write_text(STUB.format(name=function))
        many = [factor * x for x in range(5)]
        tests = TESTS.format(name=function, one=factor, many=many)
        public, hidden = tests.split("\n\n\n@points(3)")
        (folder / "test_public.py").write_text(f"{public}\n")
        (solution / "test_hidden.py").write_text(f"{public.split('@points')[0]}@points(3){hidden}")
        (solution / f"{name}.py").write_text({"base": BASE, "top": TOP}[name])
        (solution / "mistakes.py").write_text(MISTAKES.format(id=name, name=function))
    return root


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
