"""Turns exceptions of the student's code into messages: type, text, and the frames of their code."""

import builtins
import types
from collections.abc import Iterable, Set
from difflib import get_close_matches
from typing import Any

from torch import Tensor

from grader.engine.sandbox.describe import describe_frame, name_of, position_of
from grader.engine.sandbox.wire import MAX_ARGS, MAX_FRAMES, MAX_MESSAGE, SeenFrame, Threw

_MAX_NAME = 80  # characters of a name for which a similar one is searched


def describe_exception(
    id_: int, error: BaseException, files: Set[str], own_files: Set[str], signature: str | None = None
) -> Threw:
    """Return the message that the student's code raised `error` during a request.

    Args:
        id_: The id of the request.
        error: What was raised.
        files: The names of the student's files, whose frames are described. Other frames are only counted.
        own_files: The executor's files, whose frames are not even counted.
        signature: The signature of the function, if the arguments did not fit it.
    """
    kind = type(error)
    bases = builtin_bases(kind)
    try:
        frames, hidden = _frames(error, files, own_files)
    except BaseException:  # the student's objects may raise when they are inspected
        frames, hidden = [], 0
    message = _message(error) + _suggestion(error)
    return Threw(id_, name_of(kind), bases, message, frames, hidden, signature, _arguments(error))


def builtin_bases(kind: type) -> list[str]:
    """Return the names of the builtin classes in an exception class's MRO."""
    mro = type.__dict__["__mro__"].__get__(kind)
    return [name for base in mro if getattr(builtins, name := name_of(base), None) is base]


def _frames(error: BaseException, files: Set[str], own_files: Set[str]) -> tuple[list[SeenFrame], int]:
    """Return the frames of the student's code, innermost last, and the number of other frames."""
    own: list[types.TracebackType] = []
    hidden = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            own.append(trace)
        elif trace.tb_frame.f_code.co_filename not in own_files:
            hidden += 1
        trace = trace.tb_next
    last = own[-MAX_FRAMES:]
    frames = [describe_frame(trace.tb_frame, trace.tb_lineno, position_of(trace), trace is own[-1]) for trace in last]
    return frames, hidden + len(own[:-MAX_FRAMES])


def _arguments(error: BaseException) -> list[str | int | float | bool | None] | None:
    """Return the arguments of an exception; None unless all are plain and short."""
    args: Any = BaseException.__dict__["args"].__get__(error)
    if len(args) > MAX_ARGS:
        return None
    for arg in args:
        whole = type(arg) is int and arg.bit_length() < 64
        text = type(arg) is str and len(arg) <= MAX_MESSAGE and arg.isprintable()
        if not (whole or text or arg is None or type(arg) in (bool, float)):
            return None
    return list(args)


def _message(error: BaseException) -> str:
    """Return an exception's text, although its `__str__` may be the student's and do anything."""
    try:
        text = str(error)
        start = str.__getitem__(text, slice(MAX_MESSAGE)).encode("utf-8", "replace").decode()
        more = str.__len__(text) - MAX_MESSAGE
    except BaseException as again:
        return f"(its message could not be made: {name_of(type(again))})"
    return start if more <= 0 else f"{start} [+{more:,} characters]"


def _suggestion(error: BaseException) -> str:
    """Return the similar name that Python suggests when it prints a traceback, or nothing."""
    names: Iterable[str] = ()
    if type(error) is NameError and error.__traceback__ is not None:
        trace = error.__traceback__
        while trace.tb_next is not None:
            trace = trace.tb_next
        names = {**trace.tb_frame.f_globals, **trace.tb_frame.f_locals, **vars(builtins)}
    elif type(error) is AttributeError and type(error.obj) in (Tensor, types.ModuleType):
        names = dir(Tensor) if type(error.obj) is Tensor else vars(error.obj)
    else:
        return ""
    wanted = error.name
    if type(wanted) is not str or len(wanted) > _MAX_NAME:
        return ""
    known = [name for name in names if type(name) is str and len(name) <= _MAX_NAME]
    similar = get_close_matches(wanted, known, n=1, cutoff=0.7)
    return f". Did you mean: '{similar[0]}'?" if similar else ""
