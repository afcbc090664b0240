"""Results of submissions, made from the results of their tests."""

from collections.abc import Sequence
from typing import Any

import msgspec

from grader.base.result import Frame, Outcome, Raised, Result, SourceLine, TestResult
from grader.base.text import clean, clean_line
from grader.engine.judge.collect import CollectedExercise
from grader.engine.judge.faults import Fault
from grader.engine.judge.frames import exception_of
from grader.engine.judge.messages import Job


def result_of(
    job: Job, exercise: CollectedExercise, tests: Sequence[TestResult], fault: Fault | None, **rest: Any
) -> Result:
    """Return the result of a job. `fault` says why the file could not be loaded, if it could not.

    `rest` are the other fields of Result.
    """
    outcome, message, exception = Outcome.GRADED, None, None
    if fault is not None:
        outcome = fault.outcome
        message = fault.message if outcome is not Outcome.NOT_STARTED else None
        if fault.threw is not None:
            exception = exception_of(fault.threw, job.source, job.exercise, job.file, {})
        elif outcome is Outcome.SYNTAX_ERROR and fault.line is not None:
            exception = _syntax_error(fault, job)
    return Result(
        exercise=job.exercise,
        file=job.file,
        sha256=job.sha256,
        outcome=outcome,
        score=sum(test.points for test in tests),
        max_score=sum(test.points for test in exercise.tests if not test.missing and (job.long or not test.is_long)),
        message=message,
        exception=exception,
        tests=tuple(tests),
        hidden_tests=exercise.materials.hidden is not None,
        seed=job.seed,
        **rest,
    )


def blocked_result(result: Result, by: str, why: str | None) -> Result:
    """Return a result without its failures, because the exercise `by` that this one imports may have caused them.

    `why` says why there is no file for `by`; None if there is one, which does not pass.
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
