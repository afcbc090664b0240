"""The latest text is graded, even if processes are killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from grader.base.errors import UsageError
from grader.course import Course, load_course
from grader.course.workspace.filling import init
from grader.engine.pool.client import Judges
from grader.study.grading import own_submission
from grader.study.watch.grading import BackgroundGrader, GradingTask, TaskResult
from tests.course.workspace.installation import install
from tests.paths import copy_toolbox

Results = SimpleQueue[TaskResult | UsageError]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return load_course(copy_toolbox(tmp_path / "course"))


@pytest.fixture
def results() -> Results:
    """Return the queue of results."""
    return SimpleQueue()


@pytest.fixture
def started() -> "SimpleQueue[str]":
    """Return the queue of tests that start."""
    return SimpleQueue()


@pytest.fixture
def grading(results: Results, started: "SimpleQueue[str]") -> Iterator[BackgroundGrader]:
    with BackgroundGrader(results.put, started.put) as grading:
        yield grading


def task(course: Course, code: str = "") -> GradingTask:
    """Return a task for the reference followed by this code."""
    exercise = course.exercise("toolbox")
    exercise.stub.write_text(f"{exercise.reference.read_text()}\n{code}\n")
    return GradingTask.of(course, exercise, own_submission(exercise))


def score(results: Results) -> float:
    """Wait for the next result and return its score."""
    result = results.get(timeout=600)
    assert isinstance(result, TaskResult)
    return result.result.score


def test_one_judge_grades_all_texts_of_an_exercise(
    course: Course, grading: BackgroundGrader, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    grading.submit(task(course))
    assert score(results) == 31
    monkeypatch.setattr(Judges, "prepare", None)
    grading.submit(task(course, "def scale(x, factor): return x"))
    assert score(results) == 30


def test_a_new_text_cancels_the_previous_one(
    course: Course, grading: BackgroundGrader, results: Results, started: "SimpleQueue[str]"
) -> None:
    grading.submit(task(course, "import time\ndef scale(x, factor): time.sleep(1000)"))
    started.get(timeout=600)
    grading.submit(task(course))
    assert score(results) == 31
    assert results.empty()


def test_reports_a_syntax_error_without_a_judge(
    course: Course, grading: BackgroundGrader, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Judges, "grade", None)
    grading.submit(task(course, "def more(:"))
    result = results.get(timeout=600)
    assert isinstance(result, TaskResult)
    assert (result.result.outcome.value, result.ran) == ("syntax_error", False)


def test_grades_the_next_text_after_the_warm_process_is_killed(
    staying: Path, course: Course, grading: BackgroundGrader, results: Results
) -> None:
    grading.submit(task(course))
    assert score(results) == 31
    assert grading._judges is not None
    assert grading._judges.warm_pid is not None
    os.kill(grading._judges.warm_pid, signal.SIGKILL)
    grading.submit(task(course, "def scale(x, factor): return x"))
    assert score(results) == 30


def test_reports_a_broken_test_file(course: Course, grading: BackgroundGrader, results: Results) -> None:
    tests = course.exercise("toolbox").hidden_tests
    tests.write_text("import nothing_of_this_name\n")
    grading.submit(task(course))
    error = results.get(timeout=600)
    assert isinstance(error, UsageError)
    assert "test_hidden.py" in str(error)


def test_an_outdated_workspace_is_not_graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = install(tmp_path, monkeypatch) / "solutions/base/test_hidden.py"
    course = load_course(init(tmp_path / "mine").root)
    exercise = course.exercise("base")
    GradingTask.of(course, exercise, own_submission(exercise))
    hidden.write_text(hidden.read_text() + "\n# newer\n")
    with pytest.raises(UsageError, match="base in this workspace differs from base in the installed course"):
        GradingTask.of(course, exercise, own_submission(exercise))
