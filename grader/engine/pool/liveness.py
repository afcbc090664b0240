"""Whether a process of ours gets on: told by the CPU time that it takes, since on a busy machine everything waits."""

import math
import time

from grader.engine.sandbox.proc import ran

LOOK = 1.0  # seconds between two looks; a judge that waits for a worker wakes as often
STILL = 60  # looks in a row without any CPU time after which a process is taken for stuck


class Pulse:
    """Looks at a process which is to answer, and at those that work for it, once every `LOOK` seconds.

    They may take `most` seconds of CPU until then. Where the system does not count CPU time, the clock stands for it.
    """

    def __init__(self, pid: int, *helpers: int, most: float = math.inf):
        self._pid = pid
        self._helpers = helpers
        self._most = most
        self._begun = time.monotonic()
        self._own_before = ran(pid)
        self._before = self._last = ran(pid, *helpers)
        self._still = 0
        self.overspent = False  # whether the process alone has taken more: its helpers may work for others, too

    def complaint(self) -> str | None:
        """Looks once, and says why no answer is to be expected any more: None as long as one is."""
        own, used = ran(self._pid), ran(self._pid, *self._helpers)
        if own is None or used is None or self._own_before is None or self._before is None:
            elapsed = time.monotonic() - self._begun
            return f"did not answer for {self._most:.0f} s" if elapsed > self._most else None
        self._still = self._still + 1 if used == self._last else 0
        self._last = used
        if self._still >= STILL:
            return f"did nothing for {STILL * LOOK:.0f} s"
        self.overspent = own - self._own_before > self._most
        return f"took more than {self._most:.0f} s of CPU" if used - self._before > self._most else None
