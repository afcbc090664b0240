"""pytest on the public tests of exercises, as a student or an editor runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.three_exercises import BASE, TOP, three_exercises

NEEDS = """
from grader.testing import assert_equal, needs, points, requires


@points(1)
def test_first(submission):
    \"\"\"first\"\"\"
    assert_equal(submission.double(1), 2)


@points(1)
@needs("test_first")
def test_second(submission, rng):
    \"\"\"second\"\"\"
    assert len(rng.sizes(2)) == 2


@points(1)
@requires("no_such_package")
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
    """What pytest says. archgrade is installed; nothing else leads it to its plugin. Students have no Hypothesis."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-rsf", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_the_students_files_are_tested_in_all_folders_at_once(course: Path) -> None:
    write(course, base=BASE, top=TOP, high="def octuple(x):\n    return x\n")
    said = pytest_in(course, "exercises", "-W", "error::pytest.PytestUnknownMarkWarning")
    assert "1 failed, 2 passed" in said  # top imports double from the student's base
    assert "the result: wrong values" in said
    assert "yours:\nE       1\nE       \nE       expected:\nE       8" in said
    assert "assert_equal(submission.octuple(1), 8)" in said
    assert "compare(actual" not in said  # the assertion's own lines are hidden


def test_what_is_not_there_or_not_written_fails_by_itself(course: Path) -> None:
    write(course, base="import nothing_of_this_name\n")
    (course / "exercises" / "top" / "top.py").unlink()
    said = pytest_in(course, "exercises")
    assert "ModuleNotFoundError: No module named 'nothing_of_this_name'" in said
    assert "top.py is missing; bring it back, or begin anew with grade reset top." in said
    assert "NotImplementedError" in said


def test_needs_and_requires_leave_tests_out(course: Path) -> None:
    write(course, base="def double(x):\n    return x\n")
    (course / "exercises" / "base" / "test_public.py").write_text(NEEDS)
    said = pytest_in(course / "exercises" / "base")
    assert "1 failed, 2 skipped" in said
    assert "needs test_first to pass" in said
    assert "no_such_package is not installed" in said
    write(course, base=BASE)
    assert "2 passed, 1 skipped" in pytest_in(course / "exercises" / "base")


def test_elsewhere_there_is_no_submission(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_it(submission):\n    pass\n")
    assert "is not in the folder of an exercise, and has no submission." in pytest_in(tmp_path, "test_other.py")
