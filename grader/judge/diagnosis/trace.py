"""Which lines of a module run while something is asked of it: what does not run cannot be what is wrong."""

import contextlib
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Trace:
    """The lines that have run, the first of each function among them, and how often a line has."""

    lines: set[int] = field(default_factory=set)
    steps: int = 0


@contextlib.contextmanager
def traced(module: types.ModuleType) -> Iterator[Trace]:
    """What runs of a module's file until the end of the block."""
    found = Trace()

    def in_frame(frame: types.FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            found.lines.add(frame.f_lineno)
            found.steps += 1
        return in_frame

    def at_call(frame: types.FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != module.__file__:
            return None
        found.lines.add(frame.f_code.co_firstlineno)
        return in_frame

    before = sys.gettrace()
    sys.settrace(at_call)
    try:
        yield found
    finally:
        sys.settrace(before)
