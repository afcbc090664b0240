"""Exceptions of the student's code as messages: what each says of itself, and the frames of theirs that it left."""

import builtins
import types
from collections.abc import Iterable, Set
from difflib import get_close_matches
from typing import Any

from torch import Tensor

from grader.engine.sandbox.describe import name_of, position_of, see
from grader.engine.sandbox.wire import MAX_ARGS, MAX_FRAMES, MAX_MESSAGE, SeenFrame, Threw

_NAME = 80  # characters of a name that is looked for among others


def threw(id_: int, error: BaseException, files: Set[str], ours: Set[str], signature: str | None = None) -> Threw:
    """The message that the student's code raised `error` in the request of this id.

    `files` are the student's. Frames of any other are only counted, and those of `ours`, which lie between, not even
    that. `signature`: of the function, where the call did not fit it.
    """
    kind = type(error)
    bases = builtin_bases(kind)
    try:
        frames, hidden = _frames(error, files, ours)
    except BaseException:  # the student's objects may resist being looked at
        frames, hidden = [], 0
    message = _message(error) + _near(error)
    return Threw(id_, name_of(kind), bases, message, frames, hidden, signature, _arguments(error))


def builtin_bases(kind: type) -> list[str]:
    """The names of Python's own classes that an exception's class is one of, nearest first."""
    mro = type.__dict__["__mro__"].__get__(kind)
    return [name for base in mro if getattr(builtins, name := name_of(base), None) is base]


def _frames(error: BaseException, files: Set[str], ours: Set[str]) -> tuple[list[SeenFrame], int]:
    """The frames of the student's code, innermost last, and how many others there were."""
    own: list[types.TracebackType] = []
    hidden = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            own.append(trace)
        elif trace.tb_frame.f_code.co_filename not in ours:
            hidden += 1
        trace = trace.tb_next
    last = own[-MAX_FRAMES:]
    frames = [see(trace.tb_frame, trace.tb_lineno, position_of(trace), trace is own[-1]) for trace in last]
    return frames, hidden + len(own[:-MAX_FRAMES])


def _arguments(error: BaseException) -> list[str | int | float | bool | None] | None:
    """What an exception was made of, where that is plain and short."""
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
    """An exception's text. Its `__str__` is the student's and may do anything."""
    try:
        text = str(error)
        start = str.__getitem__(text, slice(MAX_MESSAGE)).encode("utf-8", "replace").decode()
        more = str.__len__(text) - MAX_MESSAGE
    except BaseException as again:
        return f"(its message could not be made: {name_of(type(again))})"
    return start if more <= 0 else f"{start} [+{more:,} characters]"


def _near(error: BaseException) -> str:
    """The name that was meant, perhaps: what Python adds to such a message when it prints a traceback."""
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
    if type(wanted) is not str or len(wanted) > _NAME:
        return ""
    known = [name for name in names if type(name) is str and len(name) <= _NAME]
    near = get_close_matches(wanted, known, n=1, cutoff=0.7)
    return f". Did you mean: '{near[0]}'?" if near else ""
