"""A limit on the judge's own CPU time: tests and known mistakes are trusted, but may not terminate."""

import contextlib
import signal
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

# A test may use this many times its time limit of the judge's own CPU time, and so may a known mistake for one call.
JUDGE_CPU_FACTOR = 10


@dataclass
class CpuLimit:
    """A CPU limit in force. `is_exceeded` is reliable even if the body caught the exception that stopped it."""

    is_exceeded: bool = False


@contextlib.contextmanager
def cpu_limit(seconds: float, excess: BaseException) -> Iterator[CpuLimit]:
    """Raise `excess` in the body once it has used so many seconds of this process's CPU time.

    A nested limit suspends the outer one. Does nothing on systems without interval timers.
    """
    limit = CpuLimit()
    if not hasattr(signal, "setitimer"):
        yield limit
        return

    def stop(number: int, frame: types.FrameType | None) -> NoReturn:
        limit.is_exceeded = True
        raise excess

    def report_unraisable(caught: Any) -> None:
        if caught.exc_value is not excess:  # raised in a finalizer, where Python swallows exceptions
            outer_hook(caught)

    outer_hook, sys.unraisablehook = sys.unraisablehook, report_unraisable
    outer_handler = signal.signal(signal.SIGPROF, stop)
    # The timer repeats, in case the body catches the first exception.
    outer_delay, outer_interval = signal.setitimer(signal.ITIMER_PROF, seconds, seconds)
    try:
        yield limit
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, outer_handler)
        signal.setitimer(signal.ITIMER_PROF, outer_delay, outer_interval)
        sys.unraisablehook = outer_hook
