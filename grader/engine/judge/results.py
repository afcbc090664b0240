"""The result of a submission, from those of its tests."""

from collections.abc import Sequence
from typing import Any

import msgspec

from grader.base.result import Frame, Outcome, Raised, Result, SourceLine, TestResult
from grader.base.text import clean, clean_line
from grader.engine.judge.collect import Tested
from grader.engine.judge.frames import raised
from grader.engine.judge.messages import Job
from grader.engine.judge.session import Fault


def result_of(job: Job, exercise: Tested, tests: Sequence[TestResult], fault: Fault | None, **rest: Any) -> Result:
    """The result of a job: its score, and its outcome; with a fault, that of a file that could not be run."""
    outcome, message, exception = Outcome.GRADED, None, None
    if fault is not None:
        outcome = fault.outcome
        message = fault.message if outcome is not Outcome.NOT_STARTED else None
        if fault.threw is not None:
            exception = raised(fault.threw, job.source, job.exercise, job.file, {})
        elif outcome is Outcome.SYNTAX_ERROR and fault.line is not None:
            exception = _syntax_error(fault, job)
    return Result(
        exercise=job.exercise,
        file=job.file,
        sha256=job.sha256,
        outcome=outcome,
        score=sum(test.points for test in tests),
        max_score=sum(test.points for test in exercise.tests if not test.missing and (job.long or not test.long)),
        message=message,
        exception=exception,
        tests=tuple(tests),
        hidden_tests=exercise.materials.hidden is not None,
        seed=job.seed,
        **rest,
    )


def blocked(result: Result, by: str, why: str | None) -> Result:
    """The result, with nothing said of the tests that failed: what is at fault may be the file that they build on.

    `why`: there is no such file, and this is the reason.
    """
    silent = {"outcome": Outcome.BLOCKED, "failure": None}
    tests = tuple(msgspec.structs.replace(each, **silent) if each.is_failing else each for each in result.tests)
    message = f"This builds on your {by}, which does not pass its own tests yet."
    if why is not None:
        message = f"{result.exercise} imports {by}: {clean(why)}"
    whole = {"outcome": Outcome.BLOCKED, "message": message, "blocked_by": by}
    return msgspec.structs.replace(result, tests=tests, exception=None, diagnoses=(), advice_errors=(), **whole)


def _syntax_error(fault: Fault, job: Job) -> Raised:
    line = fault.line or 1
    lines = job.source.split("\n")
    around = range(max(1, line - 2), min(len(lines), line + 1) + 1)
    source = tuple(SourceLine(n, clean_line(lines[n - 1])) for n in around)
    column = None if fault.column is None else max(0, fault.column - 1)
    return Raised("SyntaxError", fault.message, (Frame(job.file, line, "<module>", source, column),))
