"""A worker process: its channel, its clock, and what it prints."""

import os
import re
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import TypeVar

from grader.base.result import Output
from grader.base.text import clean
from grader.engine.sandbox import channel, wire
from grader.engine.sandbox.proc import Clock, is_exiting
from grader.engine.sandbox.starter import Starter, WorkerExit, WorkerHandle

T = TypeVar("T")

DUMP_SECONDS = 1.0  # for a worker that does not answer to print where it is
_DUMPED_FRAME = re.compile(rb'File "([^"\n]{1,200})", line (\d{1,7}) in ([^\n]{1,200})\n')
_SERVE = str(Path(channel.__file__).with_name("worker.py")), "serve"  # calls all code of the student


class WorkerProcess:
    """A worker, from its start to its end. Its output and its clock can be read after the end, too."""

    def __init__(self, starter: Starter, memory: int, cpu_seconds: int, more_seconds: Callable[[], float]):
        """Start a worker. `more_seconds` extends the deadline of an answer that is late."""
        self._starter = starter
        self._started = started = starter.start(memory, cpu_seconds)
        self._clock = Clock(started.pid, os.getpid())
        self._waited = 0.0  # the clock's last value
        self._last_output: Output | None = None
        self.is_running = True
        self.line = channel.WorkerChannel(
            started.sock,
            started.output,
            started.pidfd,
            memory,
            self._clock.waited,
            more_seconds,
            self._clock.cpu_nanoseconds_if_runnable,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._started.pid

    def start_clock(self, limit: float) -> None:
        """Reset the clock, for a test with this time limit in seconds."""
        self._waited = 0.0
        if self.is_running:
            self._clock.start(limit)

    def waited(self) -> float:
        """Return the seconds since `start_clock` that worker or judge waited for a CPU, and that do not count."""
        return self._clock.waited() if self.is_running else self._waited

    def take_output(self) -> Output | None:
        """Return what was printed since the last call; None if nothing."""
        if not self.is_running:
            output, self._last_output = self._last_output, None
            return output
        printed, dropped = self.line.take_output()
        return Output(clean(printed.decode("utf-8", "replace")), dropped) if printed or dropped else None

    def is_alive(self) -> bool:
        """Return whether the process is not about to end; False if the system cannot tell."""
        return self._started.pidfd is not None and not is_exiting(self._started.pid)

    def dump_frame(self, files: Container[str]) -> wire.SeenFrame | None:
        """Return the innermost frame in one of `files`, even inside an operation of torch; None if there is none."""
        self._last_output = self.take_output()
        self._starter.interrupt(self._started)
        printed = b""
        deadline = time.monotonic() + DUMP_SECONDS - self.waited()  # the line adds the time that does not count
        # The dump arrives in pieces, mixed with other output.
        while len(printed) < channel.MAX_OUTPUT and self.line.wait_for_output(deadline):
            printed += self.line.take_output()[0]
            for groups in _DUMPED_FRAME.findall(printed):
                file, line, function = (part.decode("utf-8", "replace") for part in groups)
                if file in files:
                    return wire.SeenFrame(clean(file), int(line), clean(function), None, None, None, [], {})
                if (file, function) == _SERVE:
                    return None
        return None

    def end(self) -> WorkerExit:
        """End the process if it still runs, and return how it ended."""
        return self._close(self._starter.end)

    def dismiss(self) -> None:
        """End the process without asking how it ended."""
        self._close(self._starter.dismiss)

    def _close(self, end: Callable[[WorkerHandle], T]) -> T:
        assert self.is_running
        self._waited = self._clock.waited()
        ended = end(self._started)
        self._last_output = self._last_output or self.take_output()
        self.line.close()
        self._clock.close()
        self.is_running = False
        return ended
