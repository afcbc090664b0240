"""Runs a lab or the code of lessons in a judge. Imports neither torch nor pytest."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.base.errors import UsageError
from grader.engine.judge.messages import (
    DrawingStarted,
    LabEnded,
    LabOutput,
    PartResult,
    PicturesDrawn,
    RunLab,
    RunLessons,
)
from grader.engine.pool.client import Judges
from grader.engine.pool.judge_client import JudgeLost, without_working_directory

_CPU_FACTOR = 2  # times its time limit that code for pictures may use before its judge is given up


def run_lab(judges: Judges, lab: RunLab, forbidden: Sequence[Path]) -> Iterator[LabOutput | LabEnded]:
    """Run a lab, and yield all that the judge sends until the lab has ended. Raise UsageError and JudgeLost."""
    judge = judges.set_up_single(lab, forbidden, optim=False)  # one worker, which imports what it uses
    while True:
        message = judges.receive(judge)
        assert isinstance(message, LabOutput | LabEnded)
        yield message
        if isinstance(message, LabEnded):
            return


def run_lessons(judges: Judges, lessons: RunLessons, forbidden: Sequence[Path]) -> Iterator[PartResult | PicturesDrawn]:
    """Run the code of lessons, and yield the outcome of each part and each file of pictures.

    Raise UsageError, also if code for pictures does not end and cannot be interrupted. Raise JudgeLost.
    """
    optim = any("optim" in source for part in lessons.parts for source in part.sources)
    judge = judges.set_up_single(lessons, forbidden, optim=optim)
    left = len(lessons.parts) + len(lessons.pictures)
    painting: DrawingStarted | None = None  # the picture that was begun last
    while left:
        if problem := judge.watchdog(_CPU_FACTOR * lessons.seconds).wait_for(judge):
            raise _stuck(painting, problem)
        message = judges.receive(judge)
        if isinstance(message, DrawingStarted):
            painting = message
            continue
        assert isinstance(message, PartResult | PicturesDrawn)
        yield message
        left -= 1


def _stuck(painting: DrawingStarted | None, problem: str) -> Exception:
    if painting is None:
        return JudgeLost(f"a judge {problem}")
    return UsageError(f"{without_working_directory(painting.path)}: {painting.what} {problem}, and was stopped.")
