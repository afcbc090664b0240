"""Where no safe fork exists, judges and workers are spawned: slower, bounded, with the same scores."""

import pytest

from grader.base.result import Outcome, Result
from grader.course import load_course
from grader.engine.judge.materials import materials
from grader.engine.judge.messages import Job
from grader.engine.pool import client
from tests.paths import ROOT

pytestmark = pytest.mark.slow

EXERCISE = "causal_mask"

ENDLESS = "def causal_mask(T, S=None):\n    while True:\n        T += 1\n"
GREEDY = "def causal_mask(T, S=None):\n    return [0] * (1 << 30)\n"


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """Grade the reference, a submission that never returns, and one that uses too much memory."""
    course = load_course(ROOT)
    exercise = course.exercise(EXERCISE)
    sources = {"reference": exercise.reference.read_text("utf-8"), "endless": ENDLESS, "greedy": GREEDY}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "can_fork", lambda: False)
        with client.Judges() as judges:
            judges.prepare([materials(course, exercise)], forbidden=[ROOT])
            jobs = [Job(i, EXERCISE, name, source, "", 0) for i, (name, source) in enumerate(sources.items())]
            return {job.file: result for job, result in judges.grade(jobs)}


def test_the_reference_gets_full_marks(results: dict[str, Result]) -> None:
    assert results["reference"].passed
    assert results["reference"].score == 20


def test_the_result_says_that_nothing_was_confined(results: dict[str, Result]) -> None:
    assert results["reference"].isolation.kind == "process"
    assert results["reference"].isolation.start == "spawn"


def test_an_endless_loop_is_stopped(results: dict[str, Result]) -> None:
    outcomes = [test.outcome for test in results["endless"].tests]
    assert outcomes.count(Outcome.TIMEOUT) == 2  # then the rest is not run
    failure = next(test.failure for test in results["endless"].tests if test.outcome is Outcome.TIMEOUT)
    assert failure is not None
    assert failure.samples is not None
    assert failure.samples.frame is not None
    assert failure.samples.frame.line in (2, 3)


def test_memory_is_bounded(results: dict[str, Result]) -> None:
    assert results["greedy"].tests[0].outcome is Outcome.MEMORY
