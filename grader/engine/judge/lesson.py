"""Runs the code of lessons in a judge: that of the parts in confined workers, that of the pictures here."""

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
from grader.engine.judge.cpu import bounded_cpu
from grader.engine.judge.messages import (
    Drawing,
    FromJudge,
    Painted,
    Painting,
    PartRan,
    PartScript,
    Ran,
    RunLessons,
    Stopped,
)
from grader.engine.judge.session import Fault, Limits, Session
from grader.engine.sandbox.starter import Starter
from grader.pictures import Picture

_PICTURES = "pictures"  # the module's name


def run_lessons(lessons: RunLessons, starter: Starter, say: Callable[[FromJudge], None]) -> None:
    """Says of each part what it printed, and then of each file with pictures what it computed."""
    for part in lessons.parts:
        say(_part(part, Limits(lessons.seconds, lessons.memory, loading=lessons.seconds), starter))
    for path in lessons.pictures:
        say(_Painter(path, lessons.seconds, say).painted())


def _part(part: PartScript, limits: Limits, starter: Starter) -> PartRan:
    runs: list[Ran] = []
    for source in part.sources:
        runs.append(_run(source, limits, starter))
        if runs[-1].stopped is not None:
            break
    return PartRan(tuple(runs))


def _run(source: str, limits: Limits, starter: Starter) -> Ran:
    session = Session(starter, "lesson", source, {}, limits, limits.seconds)
    stopped: Stopped | None = None
    try:
        try:
            printed = session.load()
        except Fault as fault:
            printed = session.take_output()
            stopped = _stopped(fault)
    finally:
        session.close()
    return Ran(printed, stopped)


def _stopped(fault: Fault) -> Stopped:
    """Where a part could not go on, and why, in the words of its exception."""
    if fault.outcome is Outcome.TIMEOUT:
        line = fault.samples[-1].line if fault.samples else 0
        return Stopped(line, f"it was stopped after {fault.seconds:g} s.")
    if fault.threw is None:
        return Stopped(0, fault.message)
    frames = fault.threw.frames
    return Stopped(frames[-1].line if frames else 0, _words(fault.threw.type_name, fault.threw.message))


def _words(kind: str, message: str) -> str:
    return clean(f"{kind}: {message}".strip(": ").rstrip(".")) + "."


class _TooLong(BaseException):
    """Stops the code of an author. No `except Exception` there catches it."""


class _Painter:
    """Runs the functions of one pictures.py."""

    def __init__(self, path: str, seconds: float, say: Callable[[FromJudge], None]):
        self._path = path
        self._seconds = seconds  # of CPU, for each function
        self._say = say

    def painted(self) -> Painted:
        """The pictures that the public functions return, and what is wrong, each with its line."""
        functions = self._attempt("the file", self._public)
        if isinstance(functions, Stopped):
            return Painted(self._path, (), (functions,))
        drawings: list[Drawing] = []
        wrong: list[Stopped] = []
        for function in functions:
            made = self._attempt(function.__name__, function)
            drawing = made if isinstance(made, Stopped) else _plain(function, made)
            if isinstance(drawing, Stopped):
                wrong.append(drawing)
            else:
                drawings.append(drawing)
        return Painted(self._path, tuple(drawings), tuple(wrong))

    def _public(self) -> list[FunctionType]:
        """The public functions that the file defines, in their order."""
        names = runpy.run_path(self._path, run_name=_PICTURES)
        functions = [value for name, value in names.items() if not name.startswith("_")]
        return [each for each in functions if isinstance(each, FunctionType) and each.__module__ == _PICTURES]

    def _attempt(self, what: str, run: Callable[[], Any]) -> Any:
        """What `run` returns on seed 0, or the line of the file in which it stopped, and why."""
        self._say(Painting(self._path, what))
        torch.manual_seed(0)
        random.seed(0)
        numpy.random.seed(0)
        try:
            with bounded_cpu(self._seconds, _TooLong(f"{what} was stopped after {self._seconds:g} s of CPU.")):
                return run()
        except _TooLong as error:
            return Stopped(self._line(error), str(error))
        except (Exception, SystemExit) as error:
            return Stopped(self._line(error), _words(type(error).__name__, str(error)))

    def _line(self, error: BaseException) -> int:
        """The last line of the file that ran; 0 where none did."""
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self._path]
        if isinstance(error, SyntaxError) and error.filename == self._path:
            lines.append(error.lineno)
        return next((line for line in reversed(lines) if line), 0)


def _plain(function: FunctionType, made: Any) -> Drawing | Stopped:
    line = function.__code__.co_firstlineno
    try:
        return Drawing(line, msgspec.convert(msgspec.to_builtins(made), Picture))
    except (TypeError, msgspec.ValidationError) as error:
        what = f"{function.__name__} returns one picture of grader.pictures, of plain numbers: {clean(str(error))}."
        return Stopped(line, what)
