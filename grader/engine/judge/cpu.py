"""A bound on what the judge itself takes: the tests and the known mistakes of a course are trusted, and may not end."""

import contextlib
import signal
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

OWN_CPU = 10  # times the limit of a test: CPU that the judge may take for it, and a known mistake for a question of it


@dataclass
class Bound:
    """Whether it was passed: what it stopped may have caught the exception by which it was."""

    passed: bool = False


@contextlib.contextmanager
def bounded_cpu(seconds: float, excess: BaseException) -> Iterator[Bound]:
    """Stops the body by raising `excess` in it, once it has taken so many seconds of this process's CPU.

    Within another bound it counts for itself alone.
    """
    bound = Bound()
    if not hasattr(signal, "setitimer"):
        yield bound
        return

    def stop(number: int, frame: types.FrameType | None) -> NoReturn:
        bound.passed = True
        raise excess

    def unraisable(caught: Any) -> None:
        if caught.exc_value is not excess:  # which may have struck where Python swallows exceptions: in a finalizer
            before_unraisable(caught)

    before_unraisable, sys.unraisablehook = sys.unraisablehook, unraisable
    before = signal.signal(signal.SIGPROF, stop)
    outer, again = signal.setitimer(signal.ITIMER_PROF, seconds, seconds)  # again, where the first was caught
    try:
        yield bound
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        signal.setitimer(signal.ITIMER_PROF, outer, again)
        sys.unraisablehook = before_unraisable
