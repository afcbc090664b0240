"""What a judge is given to start workers with."""

import signal
import socket
from dataclasses import dataclass
from typing import Protocol

DUMP_SIGNAL = signal.SIGUSR1  # makes a worker print where it is, even inside an operation of torch


@dataclass
class Started:
    """A running worker: its channel, the pipe of what it prints, and a descriptor that tells of its end."""

    pid: int
    sock: socket.socket
    output: int
    gone: int | None


@dataclass(frozen=True)
class Ended:
    """How a worker ended: its exit code, or the signal that ended it."""

    code: int | None
    signal: int | None
    cpu_seconds: float | None


class Starter(Protocol):
    """Starts and ends workers."""

    def start(self, memory: int, cpu_seconds: int) -> Started:
        """A fresh worker with so much memory, in bytes beyond the warm process's, and so many seconds of CPU."""
        ...

    def end(self, started: Started) -> Ended:
        """Ends a worker if it still runs, and says how it ended."""
        ...

    def dismiss(self, started: Started) -> None:
        """Ends a worker of which nothing more is to be known."""
        ...

    def interrupt(self, started: Started) -> None:
        """Asks a worker to print where it is."""
        ...


class Ahead:
    """Another starter's workers, for who waits for each verdict: what can be done between two of them is done then.

    Those that were dismissed are ended, and one that is like the last is started.
    """

    def __init__(self, starter: Starter):
        self._starter = starter
        self._dismissed: list[Started] = []
        self._ready: dict[tuple[int, int], Started] = {}  # by what it was started with; one at most
        self._last: tuple[int, int] | None = None

    def start(self, memory: int, cpu_seconds: int) -> Started:
        self._last = memory, cpu_seconds
        return self._ready.pop(self._last, None) or self._starter.start(memory, cpu_seconds)

    def end(self, started: Started) -> Ended:
        return self._starter.end(started)

    def dismiss(self, started: Started) -> None:
        self._dismissed.append(started)

    def interrupt(self, started: Started) -> None:
        self._starter.interrupt(started)

    def catch_up(self) -> None:
        """Does what was left for later."""
        while self._dismissed:
            self._starter.dismiss(self._dismissed.pop())
        if self._last is not None and not self._ready:
            self._ready[self._last] = self._starter.start(*self._last)
