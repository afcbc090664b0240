"""What Linux says about a process: its CPU time, how long it waited for a CPU, and whether it is exiting."""

import os
import time

JUDGE_FACTOR = 10  # times the limit of a test for which a judge's waiting for a CPU is subtracted
JUDGE_MIN_SECONDS = 5.0  # the same in seconds, if that is more
_PF_EXITING = 4  # include/linux/sched.h
_SCHEDSTAT_SIZE = 64  # bytes, at most, of two numbers of nanoseconds and a count


class Clock:
    """Measures a worker's time without the time that the worker or the judge waits for a CPU.

    Worker and judge take turns, so the waiting times of both are added. Where they do not take turns, for example when
    an answer arrives in small pieces, the CPU time of the worker counts in any case, and at most `JUDGE_FACTOR` times
    the limit (or `JUDGE_MIN_SECONDS`) of the judge's waiting is subtracted.
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
        """Restart the clock for something that may take `limit` seconds."""
        self._max_judge = max(JUDGE_FACTOR * limit, JUDGE_MIN_SECONDS)
        self._started = time.monotonic()
        self._at_start = self._counts()

    def waited(self) -> float:
        """Return the seconds since the start that do not count; 0 if the system does not say or the worker ended."""
        if self._at_start is None or (now := self._counts()) is None:
            return 0.0
        ran, worker, judge = ((after - before) / 1e9 for after, before in zip(now, self._at_start, strict=True))
        return max(0.0, min(worker + min(judge, self._max_judge), time.monotonic() - self._started - ran))

    def cpu_nanoseconds_if_runnable(self) -> int | None:
        """Return the worker's CPU time if it could run now; while that stands still, it waits for a CPU."""
        return cpu_nanoseconds_if_runnable(self._worker)

    def close(self) -> None:
        """Close the files of /proc."""
        for file in self._files:
            os.close(file)
        self._files.clear()

    def _counts(self) -> tuple[int, int, int] | None:
        """Return nanoseconds: the worker's CPU time, its waiting for a CPU, and the judge's waiting."""
        if not self._files:
            return None
        try:
            worker, judge = (os.pread(file, _SCHEDSTAT_SIZE, 0).split() for file in self._files)
        except ProcessLookupError:  # one has ended
            return None
        return int(worker[0]), int(worker[1]), int(judge[1])


def cpu_seconds(*pids: int) -> float | None:
    """Return the CPU time of these processes; None if the system does not count it or one has ended."""
    counts = [_schedstat(pid) for pid in pids]
    return None if None in counts else sum(count[0] for count in counts if count) / 1e9


def seconds_waiting_for_cpu(pid: int) -> float:
    """Return how long a process was runnable and had no CPU; 0 if the system does not count it."""
    count = _schedstat(pid)
    return 0.0 if count is None else count[1] / 1e9


def _schedstat(pid: int) -> tuple[int, int] | None:
    """Return the nanoseconds on a CPU and waiting for one."""
    try:
        file = _open_schedstat(pid)
    except OSError:
        return None
    try:
        on_cpu, waiting, _ = os.pread(file, _SCHEDSTAT_SIZE, 0).split()
    except ProcessLookupError:
        return None
    finally:
        os.close(file)
    return int(on_cpu), int(waiting)


def is_exiting(pid: int) -> bool:
    """Return whether a process no longer runs its program, and only releases what it holds."""
    fields = _stat(pid)
    return bool(fields) and bool(int(fields[6]) & _PF_EXITING)


def cpu_nanoseconds_if_runnable(pid: int) -> int | None:
    """Return the CPU time of a process that could run now; None if it waits for something or does not exist.

    The kernel adds the time that it waited for a CPU only when it gets one. Until then this number stands still.
    """
    count = _schedstat(pid) if _stat(pid)[:1] == [b"R"] else None
    return None if count is None else count[0]


def _stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the state on; none if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            return stat.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _open_schedstat(pid: int) -> int:
    return os.open(f"/proc/{pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
