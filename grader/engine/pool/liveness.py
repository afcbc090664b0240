"""Tells a process that makes progress from one that is stuck.

CPU time decides, not the clock: on a busy machine every process is slow.
"""

import math
import select
import socket
import time
from typing import Protocol

from grader.engine.sandbox.proc import cpu_seconds

CHECK_INTERVAL = 1.0  # seconds between two checks; a judge that waits for a worker wakes as often
MAX_STALLED_CHECKS = 60  # checks in a row without any CPU time after which a process counts as stuck


class _Selectable(Protocol):
    def fileno(self) -> int: ...


class Watchdog:
    """Watches a process that owes an answer, and the helpers that work for it.

    Together they may use `max_cpu` seconds of CPU. Where the system does not count CPU time, the clock is used instead.
    """

    def __init__(self, pid: int, *helpers: int, max_cpu: float = math.inf):
        self._pid = pid
        self._helpers = helpers
        self._max_cpu = max_cpu
        self._started = time.monotonic()
        self._own_at_start = cpu_seconds(pid)
        self._at_start = self._last = cpu_seconds(pid, *helpers)
        self._stalled_checks = 0
        self.is_over_budget = False  # whether the process alone used more; its helpers may work for others, too

    def check(self) -> str | None:
        """Return None while an answer may still come, otherwise why it will not.

        Call it once every `CHECK_INTERVAL` seconds.
        """
        own, used = cpu_seconds(self._pid), cpu_seconds(self._pid, *self._helpers)
        if own is None or used is None or self._own_at_start is None or self._at_start is None:
            elapsed = time.monotonic() - self._started
            return f"did not answer for {self._max_cpu:.0f} s" if elapsed > self._max_cpu else None
        self._stalled_checks = self._stalled_checks + 1 if used == self._last else 0
        self._last = used
        if self._stalled_checks >= MAX_STALLED_CHECKS:
            return f"did nothing for {MAX_STALLED_CHECKS * CHECK_INTERVAL:.0f} s"
        self.is_over_budget = own - self._own_at_start > self._max_cpu
        return f"took more than {self._max_cpu:.0f} s of CPU" if used - self._at_start > self._max_cpu else None

    def wait_for(self, connection: socket.socket | _Selectable) -> str | None:
        """Wait until `connection` is readable and return None, or return why it will not be."""
        while not select.select([connection], [], [], CHECK_INTERVAL)[0]:
            if problem := self.check():
                return problem
        return None
