"""pytest on the public tests of exercises, as students and editors run it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.three_exercises import BASE, TOP, three_exercises

NEEDS = """
from grader.testing import assert_equal, needs, points


@points(1)
def test_first(submission):
    \"\"\"first\"\"\"
    assert_equal(submission.double(1), 2)


@points(1)
@needs(test_first)
def test_second(submission, rng):
    \"\"\"second\"\"\"
    assert len(rng.sizes(2)) == 2


@points(1)
@needs(packages=["no_such_package"])
def test_third(submission):
    \"\"\"third\"\"\"
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return three_exercises(tmp_path / "course")


def write(course: Path, **sources: str) -> None:
    for name, source in sources.items():
        (course / "exercises" / name / f"{name}.py").write_text(source)


def pytest_in(folder: Path, *words: str) -> str:
    """Return the output of pytest, which finds the plugin by its entry point. Students have no Hypothesis."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-rsf", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_tests_the_files_of_all_exercises_in_one_run(course: Path) -> None:
    write(course, base=BASE, top=TOP, high="def octuple(x):\n    return x\n")
    said = pytest_in(course, "exercises", "-W", "error::pytest.PytestUnknownMarkWarning")
    assert "1 failed, 2 passed" in said  # top imports double from the student's base
    assert "the result: wrong values" in said
    assert "yours:\nE       1\nE       \nE       expected:\nE       8" in said
    assert "assert_equal(submission.octuple(1), 8)" in said
    assert "compare(actual" not in said  # the assertion's own lines are hidden


def test_missing_broken_and_unwritten_files_fail_separately(course: Path) -> None:
    write(course, base="import nothing_of_this_name\n")
    (course / "exercises" / "top" / "top.py").unlink()
    said = pytest_in(course, "exercises")
    assert "ModuleNotFoundError: No module named 'nothing_of_this_name'" in said
    assert "top.py is missing; restore it, or start over with grade reset top." in said
    assert "NotImplementedError" in said


def test_needs_and_requires_skip_tests(course: Path) -> None:
    write(course, base="def double(x):\n    return x\n")
    (course / "exercises" / "base" / "test_public.py").write_text(NEEDS)
    said = pytest_in(course / "exercises" / "base")
    assert "1 failed, 2 skipped" in said
    assert "needs test_first to pass" in said
    assert "no_such_package is not installed" in said
    write(course, base=BASE)
    assert "2 passed, 1 skipped" in pytest_in(course / "exercises" / "base")


def test_outside_of_exercises_there_is_no_submission(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_it(submission):\n    pass\n")
    assert "is not in the folder of an exercise, so there is no submission." in pytest_in(tmp_path, "test_other.py")
