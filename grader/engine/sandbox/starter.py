"""The interface by which a judge starts workers."""

import signal
import socket
from dataclasses import dataclass
from typing import Protocol

DUMP_SIGNAL = signal.SIGUSR1  # makes a worker print its traceback, even inside an operation of torch


@dataclass
class WorkerHandle:
    """A running worker: its channel, the pipe that it prints to, and its pidfd where the system has them."""

    pid: int
    sock: socket.socket
    output: int
    pidfd: int | None


@dataclass(frozen=True)
class WorkerExit:
    """How a worker ended: its exit code, or the signal that ended it."""

    code: int | None
    signal: int | None
    cpu_seconds: float | None


class Starter(Protocol):
    """Starts and ends workers."""

    def start(self, memory: int, cpu_seconds: int) -> WorkerHandle:
        """Start a worker that may use `memory` bytes beyond those of the warm process, and so many seconds of CPU."""
        ...

    def end(self, worker: WorkerHandle) -> WorkerExit:
        """Kill a worker if it still runs, and return how it ended."""
        ...

    def dismiss(self, worker: WorkerHandle) -> None:
        """End a worker whose exit does not matter."""
        ...

    def interrupt(self, worker: WorkerHandle) -> None:
        """Ask a worker to print its traceback."""
        ...


class PrestartingStarter:
    """Defers work of another starter to the time between two results, so that nobody waits for it.

    `catch_up` ends the workers that were dismissed, and starts one like the last.
    """

    def __init__(self, starter: Starter):
        self._starter = starter
        self._dismissed: list[WorkerHandle] = []
        self._ready: dict[tuple[int, int], WorkerHandle] = {}  # at most one, by its memory and CPU seconds
        self._last: tuple[int, int] | None = None

    def start(self, memory: int, cpu_seconds: int) -> WorkerHandle:
        """Return the worker that is ready, if it has these limits, otherwise start one."""
        self._last = memory, cpu_seconds
        return self._ready.pop(self._last, None) or self._starter.start(memory, cpu_seconds)

    def end(self, worker: WorkerHandle) -> WorkerExit:
        """Kill a worker if it still runs, and return how it ended."""
        return self._starter.end(worker)

    def dismiss(self, worker: WorkerHandle) -> None:
        """Leave a worker for `catch_up` to end."""
        self._dismissed.append(worker)

    def interrupt(self, worker: WorkerHandle) -> None:
        """Ask a worker to print its traceback."""
        self._starter.interrupt(worker)

    def catch_up(self) -> None:
        """End the dismissed workers, and start one like the last."""
        while self._dismissed:
            self._starter.dismiss(self._dismissed.pop())
        if self._last is not None and not self._ready:
            self._ready[self._last] = self._starter.start(*self._last)
