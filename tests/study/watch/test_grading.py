"""The last text is graded, whatever becomes of the processes that grade it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from grader.base.errors import UsageError
from grader.course import Course, load_course
from grader.engine.pool.client import Judges
from grader.study.grading import own_submission
from grader.study.watch.grading import Grading, Task, Verdict
from tests.paths import copy_toolbox

Told = SimpleQueue[Verdict | UsageError]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return load_course(copy_toolbox(tmp_path / "course"))


@pytest.fixture
def told() -> Told:
    """What the grading tells."""
    return SimpleQueue()


@pytest.fixture
def begun() -> "SimpleQueue[str]":
    """The tests that begin."""
    return SimpleQueue()


@pytest.fixture
def grading(told: Told, begun: "SimpleQueue[str]") -> Iterator[Grading]:
    with Grading(told.put, begun.put) as grading:
        yield grading


def task(course: Course, code: str = "") -> Task:
    """The reference, with this code after it."""
    exercise = course.exercise("toolbox")
    exercise.stub.write_text(f"{exercise.reference.read_text()}\n{code}\n")
    return Task.of(course, exercise, own_submission(exercise))


def score(told: Told) -> float:
    """That of the next verdict."""
    verdict = told.get(timeout=600)
    assert isinstance(verdict, Verdict)
    return verdict.result.score


def test_one_judge_serves_the_texts_of_an_exercise(
    course: Course, grading: Grading, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    grading.begin(task(course))
    assert score(told) == 31
    monkeypatch.setattr(Judges, "prepare", None)
    grading.begin(task(course, "def scale(x, factor): return x"))
    assert score(told) == 30


def test_a_new_text_breaks_off_the_one_before(
    course: Course, grading: Grading, told: Told, begun: "SimpleQueue[str]"
) -> None:
    grading.begin(task(course, "import time\ndef scale(x, factor): time.sleep(1000)"))
    begun.get(timeout=600)
    grading.begin(task(course))
    assert score(told) == 31
    assert told.empty()


def test_a_text_that_cannot_run_is_told_without_a_judge(
    course: Course, grading: Grading, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Judges, "grade", None)
    grading.begin(task(course, "def more(:"))
    verdict = told.get(timeout=600)
    assert isinstance(verdict, Verdict)
    assert (verdict.result.outcome.value, verdict.ran) == ("syntax_error", False)


def test_after_a_warm_process_was_ended_the_next_text_is_graded(
    staying: Path, course: Course, grading: Grading, told: Told
) -> None:
    grading.begin(task(course))
    assert score(told) == 31
    assert grading._judges is not None
    assert grading._judges.warm_pid is not None
    os.kill(grading._judges.warm_pid, signal.SIGKILL)
    grading.begin(task(course, "def scale(x, factor): return x"))
    assert score(told) == 30


def test_a_fault_of_the_course_is_told(course: Course, grading: Grading, told: Told) -> None:
    tests = course.exercise("toolbox").hidden_tests
    tests.write_text("import nothing_of_this_name\n")
    grading.begin(task(course))
    error = told.get(timeout=600)
    assert isinstance(error, UsageError)
    assert "test_hidden.py" in str(error)
