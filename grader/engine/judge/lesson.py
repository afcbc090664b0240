"""Code of lessons: the parts run in confined workers, the pictures in the judge."""

import random
import runpy
import traceback
from collections.abc import Callable
from types import FunctionType
from typing import Any

import msgspec
import numpy
import torch

from grader.base.result import Outcome
from grader.base.text import clean
from grader.engine.judge.cpu import cpu_limit
from grader.engine.judge.faults import Fault
from grader.engine.judge.messages import (
    DrawingStarted,
    DrawnPicture,
    FromJudge,
    LessonFailure,
    PartResult,
    PartRun,
    PartScript,
    PicturesDrawn,
    RunLessons,
)
from grader.engine.judge.session import Session, SessionLimits
from grader.engine.sandbox.starter import Starter
from grader.pictures import Picture

_PICTURES = "pictures"  # the module's name


def run_lessons(lessons: RunLessons, starter: Starter, send: Callable[[FromJudge], None]) -> None:
    """Run the parts and then the files of pictures, and send the result of each."""
    for part in lessons.parts:
        send(_run_part(part, SessionLimits(lessons.seconds, lessons.memory, loading=lessons.seconds), starter))
    for path in lessons.pictures:
        send(_PictureFile(path, lessons.seconds, send).draw())


def _run_part(part: PartScript, limits: SessionLimits, starter: Starter) -> PartResult:
    runs: list[PartRun] = []
    for source in part.sources:
        runs.append(_run(source, part.modules, limits, starter))
        if runs[-1].failure is not None:
            break
    return PartResult(tuple(runs))


def _run(source: str, modules: dict[str, str], limits: SessionLimits, starter: Starter) -> PartRun:
    session = Session(starter, "lesson", source, modules, limits, limits.seconds)
    try:
        return PartRun(session.load(), None)
    except Fault as fault:
        return PartRun(session.take_output(), _failure(fault))
    finally:
        session.close()


def _failure(fault: Fault) -> LessonFailure:
    """Return where and why a part stopped."""
    if fault.outcome is Outcome.TIMEOUT:
        line = fault.samples[-1].line if fault.samples else 0
        return LessonFailure(line, f"it was stopped after {fault.seconds:g} s.")
    if fault.threw is None:
        return LessonFailure(0, fault.message)
    frames = fault.threw.frames
    return LessonFailure(frames[-1].line if frames else 0, _message(fault.threw.type_name, fault.threw.message))


def _message(kind: str, message: str) -> str:
    return clean(f"{kind}: {message}".strip(": ").rstrip(".")) + "."


class _TooLong(BaseException):
    """Raised in an author's code after too much CPU time; `except Exception` does not catch it."""


class _PictureFile:
    """A pictures.py whose functions return pictures."""

    def __init__(self, path: str, seconds: float, send: Callable[[FromJudge], None]):
        self._path = path
        self._seconds = seconds  # CPU limit of each function
        self._send = send

    def draw(self) -> PicturesDrawn:
        """Call the public functions; return their pictures and failures."""
        functions = self._attempt("the file", self._public_functions)
        if isinstance(functions, LessonFailure):
            return PicturesDrawn(self._path, (), (functions,))
        pictures: list[DrawnPicture] = []
        failures: list[LessonFailure] = []
        for function in functions:
            returned = self._attempt(function.__name__, function)
            drawn = returned if isinstance(returned, LessonFailure) else _plain(function, returned)
            if isinstance(drawn, LessonFailure):
                failures.append(drawn)
            else:
                pictures.append(drawn)
        return PicturesDrawn(self._path, tuple(pictures), tuple(failures))

    def _public_functions(self) -> list[FunctionType]:
        """Run the file and return the public functions that it defines, in order."""
        names = runpy.run_path(self._path, run_name=_PICTURES)
        functions = [value for name, value in names.items() if not name.startswith("_")]
        return [each for each in functions if isinstance(each, FunctionType) and each.__module__ == _PICTURES]

    def _attempt(self, what: str, run: Callable[[], Any]) -> Any:
        """Call `run` with all seeds 0, and return its result, or where and why it failed."""
        self._send(DrawingStarted(self._path, what))
        torch.manual_seed(0)
        random.seed(0)
        numpy.random.seed(0)
        try:
            with cpu_limit(self._seconds, _TooLong(f"{what} was stopped after {self._seconds:g} s of CPU.")):
                return run()
        except _TooLong as error:
            return LessonFailure(self._line(error), str(error))
        except (Exception, SystemExit) as error:
            return LessonFailure(self._line(error), _message(type(error).__name__, str(error)))

    def _line(self, error: BaseException) -> int:
        """Return the last line of the file in a traceback; 0 if there is none."""
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self._path]
        if isinstance(error, SyntaxError) and error.filename == self._path:
            lines.append(error.lineno)
        return next((line for line in reversed(lines) if line), 0)


def _plain(function: FunctionType, made: Any) -> DrawnPicture | LessonFailure:
    line = function.__code__.co_firstlineno
    try:
        return DrawnPicture(line, msgspec.convert(msgspec.to_builtins(made), Picture))
    except (TypeError, msgspec.ValidationError) as error:
        what = f"{function.__name__} returns one picture of grader.pictures, of plain numbers: {clean(str(error))}."
        return LessonFailure(line, what)
