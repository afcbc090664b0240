"""Runs a lab or the code of lessons in a judge. Imports neither torch nor pytest."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
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
from grader.engine.pool.judge_client import Judge, JudgeLost, without_working_directory

_CPU_FACTOR = 2  # times its time limit that code for pictures may use before its judge is given up


def run_lab(
    judges: Judges, lab: RunLab, forbidden: Sequence[Path], stopping: Callable[[], None] | None = None
) -> Iterator[LabOutput | LabEnded]:
    """Run a lab, and yield all that the judge sends until the lab has ended. Raise UsageError and JudgeLost.

    With `stopping`, which is called then, a first Ctrl-C lets the lab show what there is; a second one ends it.
    """
    judge = judges.set_up_single(lab, forbidden, optim=False)  # one worker, which imports what it uses
    with nullcontext() if stopping is None else _interrupt_stops(judge, stopping):
        while True:
            message = judges.receive(judge)
            assert isinstance(message, LabOutput | LabEnded)
            yield message
            if isinstance(message, LabEnded):
                return


@contextmanager
def _interrupt_stops(judge: Judge, stopping: Callable[[], None]) -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        stopping()
        with suppress(JudgeLost):  # which the next message tells
            judge.stop_lab()

    if callable(before):  # a process in the background ignores the signal
        signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
