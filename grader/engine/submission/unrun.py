"""Results of submissions that are not run, and of those that crash the judge."""

import platform

import msgspec

from grader import __version__
from grader.base.result import Frame, Isolation, Outcome, Raised, Result, SourceLine, Versions
from grader.course.model import Exercise
from grader.engine.submission.examine import Finding
from grader.engine.submission.read import Submission


def result_without_running(finding: Finding, submission: Submission, exercise: Exercise) -> Result:
    """Return the result of a file that is not run because of a finding in its text."""
    raised = None
    if finding.outcome is Outcome.SYNTAX_ERROR:
        frames: tuple[Frame, ...] = ()
        if finding.line is not None:
            lines = submission.text.split("\n")
            numbers = range(max(1, finding.line - 2), min(len(lines), finding.line + 1) + 1)
            source = tuple(SourceLine(n, lines[n - 1]) for n in numbers)
            column = None if finding.column is None else max(0, finding.column - 1)
            frames = (Frame(submission.file, finding.line, "<module>", source, column),)
        raised = Raised("SyntaxError", finding.message, frames)
    message = finding.message if finding.outcome is not Outcome.NOT_STARTED else None
    hidden_tests = exercise.solution is not None
    result = _unrun(finding.outcome, message, submission.file, exercise.id, exercise.points, hidden_tests)
    return msgspec.structs.replace(result, sha256=submission.sha256, exception=raised)


def unreadable_result(sentence: str, file: str, item: str, max_score: float) -> Result:
    """Return the result of a file that cannot be read as Python, a notebook or a quiz form, with the reason."""
    return _unrun(Outcome.UNREADABLE, sentence, file, item, max_score, hidden_tests=True)


def crashed_result(reason: str, file: str, sha256: str, reference: Result) -> Result:
    """Return the result of a submission that crashes its judge. `reference` is the result of the reference."""
    message = f"The tests did not finish on this file, although they do on the reference: {reason}."
    own = {"file": file, "sha256": sha256, "outcome": Outcome.TAMPERED, "message": message, "score": 0.0}
    return msgspec.structs.replace(reference, **own, tests=(), output=None, seconds=0.0)


def _unrun(outcome: Outcome, message: str | None, file: str, item: str, max_score: float, hidden_tests: bool) -> Result:
    return Result(
        exercise=item,
        file=file,
        sha256=None,
        outcome=outcome,
        score=0.0,
        max_score=max_score,
        message=message,
        hidden_tests=hidden_tests,
        isolation=Isolation("none"),
        versions=Versions(__version__, platform.python_version()),
        seed=0,
        seconds=0.0,
    )
