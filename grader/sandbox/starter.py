"""What a judge is given to start workers with."""

import socket
from dataclasses import dataclass
from typing import Protocol


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

    def interrupt(self, started: Started) -> None:
        """Asks a worker to print where it is."""
        ...
