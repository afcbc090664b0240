"""What Linux tells of a process: how long it has run, how long it could have run and had to wait, and that it ends."""

import os
import time

JUDGE = 10  # times the limit of a test: how long its judge may have waited for a CPU before that counts
JUDGE_LEAST = 5.0  # seconds that it may have waited in any case
_PF_EXITING = 4  # include/linux/sched.h
_SCHEDSTAT = 64  # bytes at most of two numbers of nanoseconds, and a count


class Clock:
    """The time that a worker has had since the start: it stands still while the worker waits for a CPU, or the judge.

    The two take turns, so the waiting of both is added. Where they do not, as when an answer comes in drops, what the
    worker has run counts in any case, and of what the judge has waited no more is given than `JUDGE` times the limit,
    or `JUDGE_LEAST`.
    """

    def __init__(self, worker: int, judge: int):
        self._worker = worker
        self._files: list[int] = []
        try:
            for pid in (worker, judge):
                self._files.append(_open_schedstat(pid))
        except OSError:  # this system does not count
            self.close()
        self.start(0.0)

    def start(self, limit: float) -> None:
        """Starts anew, for something that may take so many seconds."""
        self._most = max(JUDGE * limit, JUDGE_LEAST)
        self._begun = time.monotonic()
        self._before = self._counts()

    def waited(self) -> float:
        """Seconds since the start that do not count; 0 where the system does not tell, or the worker has ended."""
        if self._before is None or (now := self._counts()) is None:
            return 0.0
        ran, worker, judge = ((after - before) / 1e9 for after, before in zip(now, self._before, strict=True))
        return max(0.0, min(worker + min(judge, self._most), time.monotonic() - self._begun - ran))

    def has_run(self) -> int | None:
        """Nanoseconds that the worker has run, if it could run now: where they stand still, it waits for a CPU."""
        return has_run(self._worker)

    def close(self) -> None:
        """Ends the reading."""
        for file in self._files:
            os.close(file)
        self._files.clear()

    def _counts(self) -> tuple[int, int, int] | None:
        """Nanoseconds that the worker has run, that it has waited, and that the judge has waited."""
        if not self._files:
            return None
        try:
            worker, judge = (os.pread(file, _SCHEDSTAT, 0).split() for file in self._files)
        except ProcessLookupError:  # one has ended
            return None
        return int(worker[0]), int(worker[1]), int(judge[1])


def ran(*pids: int) -> float | None:
    """Seconds that processes have run on a CPU; None where the system does not count them, or one has ended."""
    counts = [_schedstat(pid) for pid in pids]
    return None if None in counts else sum(count[0] for count in counts if count) / 1e9


def waits(pid: int) -> float:
    """Seconds that a process could have run and was not given a CPU; 0 where the system does not count them."""
    count = _schedstat(pid)
    return 0.0 if count is None else count[1] / 1e9


def _schedstat(pid: int) -> tuple[int, int] | None:
    try:
        file = _open_schedstat(pid)
    except OSError:
        return None
    try:
        on_cpu, waiting, _ = os.pread(file, _SCHEDSTAT, 0).split()
    except ProcessLookupError:
        return None
    finally:
        os.close(file)
    return int(on_cpu), int(waiting)


def exiting(pid: int) -> bool:
    """Whether a process is ending: it no longer runs its program, and gives back what it holds."""
    fields = _stat(pid)
    return bool(fields) and bool(int(fields[6]) & _PF_EXITING)


def has_run(pid: int) -> int | None:
    """Nanoseconds that a process has run, if it could run now; None if it waits for something, or is not there.

    What it waits for a CPU is counted when it is given one. Until then this number stands still.
    """
    count = _schedstat(pid) if _stat(pid)[:1] == [b"R"] else None
    return None if count is None else count[0]


def _stat(pid: int) -> list[bytes]:
    """The fields of a process from its state on; none where it is not there."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            return stat.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _open_schedstat(pid: int) -> int:
    return os.open(f"/proc/{pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
