"""Tests of exercises whose tests need a package: without it, they are skipped with a message."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.classes import batch, complaints, grades

pytestmark = pytest.mark.usefixtures("left_behind")  # none is about the start of a warm process

MISSING = "archgrade_has_no_such_package"
INSTALL = "pip install --no-deps archgrade-has-no-such-package"
YAML = """\
title: twice
lesson: 1
level: 1
minutes: 5
points: 10
hints: [one, two, three]
passed: ok
"""
STUB = 'def double(x):\n    """A number."""\n    raise NotImplementedError\n'
RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return 2 * x if x < 100 else 0\n"
PUBLIC = '''
from grader.testing import assert_equal, points


@points(4)
def test_small(submission):
    """small numbers"""
    assert_equal(submission.double(3), 6)
'''
HIDDEN = '''
import test_public
from grader.testing import assert_equal, needs, points, seconds


@points(6)
@needs(test_public.test_small, packages=["{package}"])
@seconds(7)
def test_real(submission):
    """real numbers"""
    assert_equal(submission.double(300), 600)
'''
DEPENDENT = '''

@points(1)
@needs(test_real)
def test_more(submission):
    """more"""
    assert_equal(submission.double(4), 8)
'''
VARIATIONS = """
from grader.testing import replaces


@replaces("double")
def {name}(x):
    \"\"\"{name}\"\"\"
    return {value}
"""


def course(root: Path, package: str, more: str = "") -> Path:
    folder, solution = root / "exercises" / "twice", root / "solutions" / "twice"
    folder.mkdir(parents=True)
    solution.mkdir(parents=True)
    (root / "course.yaml").write_text("title: One\nlessons:\n  - {number: 1, slug: one, title: One, short: one}\n")
    (folder / "exercise.yaml").write_text(YAML)
    (folder / "README.md").write_text("# twice\n")
    (folder / "twice.py").write_text(STUB)
    (folder / "test_public.py").write_text(PUBLIC)
    (solution / "twice.py").write_text('def double(x):\n    """A number."""\n    return 2 * x\n')
    (solution / "test_hidden.py").write_text(HIDDEN.format(package=package) + more)
    for file, variations in (
        ("mistakes.py", {"same": "x", "square": "x * x", "zero": "0 * x"}),
        ("variants.py", {"shift": "x << 1", "add": "x + x", "right": "x * 2"}),
    ):
        (solution / file).write_text("".join(VARIATIONS.format(name=n, value=v) for n, v in variations.items()))
    return root


def run(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "grader.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)


def grade(root: Path, text: str) -> Any:
    (root / "exercises" / "twice" / "twice.py").write_text(text)
    done = run(root, "exercise", "twice", "--json")
    assert done.stderr == ""
    return json.loads(done.stdout)


def summary(found: Any) -> tuple[str, float, float, list[str]]:
    return found["outcome"], found["score"], found["max_score"], [test["outcome"] for test in found["tests"]]


def test_counts_the_points_if_the_package_is_installed(tmp_path: Path) -> None:
    root = course(tmp_path, "numpy")
    assert summary(grade(root, RIGHT)) == ("graded", 10, 10, ["passed", "passed"])
    assert summary(grade(root, WRONG)) == ("graded", 4, 10, ["passed", "wrong_values"])


def test_skips_the_test_with_a_message_if_the_package_is_missing(tmp_path: Path) -> None:
    root = course(tmp_path, MISSING)
    found = grade(root, WRONG)
    assert summary(found) == ("graded", 4, 4, ["passed", "unavailable"])
    done = run(root, "exercise", "twice")
    assert done.returncode == 0
    assert "4 of 4 points" in done.stdout
    assert "real numbers" in done.stdout
    shown = " ".join(done.stdout.split())
    assert f"Not available here: {MISSING} is not installed. To run this test: {INSTALL}" in shown


def test_an_unfinished_file_is_graded_without_the_package(tmp_path: Path) -> None:
    found = grade(course(tmp_path, MISSING), "def double(x):\n    y = x\n    raise NotImplementedError\n")
    assert summary(found) == ("graded", 0, 4, ["not_started", "unavailable"])


def test_check_names_the_tests_that_it_could_not_run(tmp_path: Path) -> None:
    done = run(course(tmp_path, MISSING), "check", "twice", "--seeds", "2")
    assert done.returncode == 0, done.stdout
    assert "not checked: test_real: Not available here" in done.stdout
    done = run(course(tmp_path / "other", "numpy"), "check", "twice", "--seeds", "2")
    assert done.returncode == 0, done.stdout
    assert "not checked" not in done.stdout


def test_batch_refuses_to_grade_without_the_package(tmp_path: Path) -> None:
    handed_in = tmp_path / "submissions" / "ada"
    handed_in.mkdir(parents=True)
    (handed_in / "twice.py").write_text(RIGHT)
    done = batch(course(tmp_path / "poor", MISSING), handed_in.parent, "--out", tmp_path / "out")
    assert done.returncode == 2
    told = f"Tests of twice need {MISSING}, and scores without them would not compare; run {INSTALL}."
    assert told in complaints(done.stderr)
    rich = course(tmp_path / "rich", "numpy")
    assert batch(rich, handed_in.parent, "--out", tmp_path / "out2").returncode == 0
    assert [each.points.measured for each in grades(tmp_path / "out2").values() if each.points] == [10]


@pytest.mark.parametrize("package", [MISSING, "numpy"])
def test_rejects_a_test_that_needs_one_with_a_required_package(tmp_path: Path, package: str) -> None:
    root = course(tmp_path, package, DEPENDENT)
    (root / "exercises" / "twice" / "twice.py").write_text(RIGHT)
    done = run(root, "exercise", "twice")
    assert done.returncode == 2
    assert "test_more needs 'test_real', which is not available everywhere" in " ".join(done.stderr.split())
