"""The client's end of one judge process. Imports neither torch nor pytest."""

import math
import os
import signal
import socket
from contextlib import suppress

from grader.base.errors import ProcessLost, UsageError
from grader.engine.judge.messages import (
    FromJudge,
    InvalidCourse,
    Job,
    RunLab,
    RunLessons,
    Setup,
    StopLab,
    Submit,
    decode_from_judge,
    encode,
)
from grader.engine.pool.liveness import Watchdog
from grader.engine.sandbox.channel import ChannelClosed, receive, send

# Signals that a process raises by what it does. SIGBUS is not among them: it comes from a lack of memory.
_CRASH_SIGNALS = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}


class JudgeLost(ProcessLost):
    """A judge ended without being asked to, or does not answer: a fault of the grader or of the machine."""


class JudgeCrashed(JudgeLost):
    """A judge crashed, or used more CPU than its jobs may take: something that it was given caused it."""


class Judge:
    """A connection to one judge, which answers its jobs in order."""

    def __init__(self, sock: socket.socket, pid: int, warm_pid: int | None = None):
        """`warm_pid` is the process that forks workers for it, if there is one."""
        self._sock = sock
        self._warm_pid = warm_pid
        self.pid = pid

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when a message arrives, for select."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the connection: the judge ends."""
        self._sock.close()

    def shut_down(self) -> None:
        """Cut the connection, so that a thread that waits for a message gets JudgeLost."""
        with suppress(OSError):  # the judge has ended
            self._sock.shutdown(socket.SHUT_RDWR)

    def set_up(self, setup: Setup | RunLab | RunLessons) -> None:
        """Send the exercises that its jobs may be about, or the lab or the lessons to run. Raise JudgeLost."""
        self._send(encode(setup))

    def submit(self, job: Job) -> None:
        """Send a job. Raise JudgeLost."""
        self._send(encode(Submit(job)))

    def stop_lab(self) -> None:
        """Ask for the end of its lab, which then shows what there is. Raise JudgeLost."""
        self._send(encode(StopLab()))

    def watchdog(self, max_cpu: float = math.inf) -> Watchdog:
        """Return a watchdog for the next answer, which may take `max_cpu` seconds of CPU."""
        helpers = () if self._warm_pid is None else (self._warm_pid,)
        return Watchdog(self.pid, *helpers, max_cpu=max_cpu)

    def receive(self) -> FromJudge:
        """Return its next message. Raise UsageError if a file of the course cannot be used, and JudgeLost."""
        try:
            message = decode_from_judge.decode(receive(self._sock)[0])
        except (ChannelClosed, ConnectionError):
            raise JudgeLost("a judge ended before its work was done") from None
        if isinstance(message, InvalidCourse):
            raise UsageError(without_working_directory(message.message))
        return message

    def _send(self, message: bytes) -> None:
        try:
            send(self._sock, message)
        except ChannelClosed:
            raise JudgeLost("a judge ended before its work was done") from None


def lost_by_exit_code(code: int) -> JudgeLost:
    """Return the error for a judge that ended with this exit code; -N means signal N."""
    if code >= 0:
        return JudgeLost(f"a judge ended itself, with exit code {code}")
    if -code == signal.SIGKILL:
        return JudgeLost("a judge was killed, as the system does when memory runs out")
    description = f"signal {-code} ({signal.strsignal(-code)})"
    if -code in _CRASH_SIGNALS:
        return JudgeCrashed(f"a judge crashed with {description}")
    return JudgeLost(f"a judge was ended by {description}")


def without_working_directory(text: str) -> str:
    """Return `text` with the paths below the working directory made relative to it."""
    return text.replace(f"{os.getcwd()}{os.sep}", "")
