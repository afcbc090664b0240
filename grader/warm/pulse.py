"""Whether a process of ours gets on: told by the CPU time that it takes, since on a busy machine everything waits."""

import math
import time

from grader.sandbox.proc import ran

LOOK = 1.0  # seconds between two looks; a judge that waits for a worker wakes as often
STILL = 60  # looks in a row without any CPU time after which a process is taken for stuck


class Pulse:
    """Looks at processes which are to answer together, once every `LOOK` seconds.

    They may take `most` seconds of CPU until then. Where the system does not count CPU time, the clock stands for it.
    """

    def __init__(self, *pids: int, most: float = math.inf):
        self._pids = pids
        self._most = most
        self._begun = time.monotonic()
        self._before = self._last = ran(*pids)
        self._still = 0

    def complaint(self) -> str | None:
        """Looks once, and says why no answer is to be expected any more: None as long as one is."""
        used = ran(*self._pids)
        if used is None or self._before is None:
            elapsed = time.monotonic() - self._begun
            return f"did not answer for {self._most:.0f} s" if elapsed > self._most else None
        self._still = self._still + 1 if used == self._last else 0
        self._last = used
        if self._still >= STILL:
            return f"did nothing for {STILL * LOOK:.0f} s"
        return f"took more than {self._most:.0f} s of CPU" if used - self._before > self._most else None
