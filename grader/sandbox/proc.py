"""What Linux tells of a process: how long it has run, how long it could have run and had to wait, and that it ends."""

import os

_PF_EXITING = 4  # include/linux/sched.h
_SCHEDSTAT = 64  # bytes at most of two numbers of nanoseconds, and a count


class Waits:
    """The time that processes have waited for a CPU since this was made, read again and again."""

    def __init__(self, *pids: int):
        self._files: list[int] = []
        self._before = 0
        try:
            for pid in pids:
                self._files.append(_open_schedstat(pid))
        except OSError:  # this system does not count
            self.close()
        self._before = self._nanoseconds()

    def seconds(self) -> float:
        """Seconds that they could have run and were not given a CPU.

        0 where the system does not count them, or one of them has ended.
        """
        return max(0, self._nanoseconds() - self._before) / 1e9

    def _nanoseconds(self) -> int:
        try:
            return sum(int(os.pread(file, _SCHEDSTAT, 0).split()[1]) for file in self._files)
        except ProcessLookupError:
            return 0

    def close(self) -> None:
        """Ends the reading."""
        for file in self._files:
            os.close(file)
        self._files.clear()


def ran(*pids: int) -> float | None:
    """Seconds that processes have run on a CPU; None where the system does not count them, or one has ended."""
    total = 0
    for pid in pids:
        try:
            file = _open_schedstat(pid)
        except OSError:
            return None
        try:
            total += int(os.pread(file, _SCHEDSTAT, 0).split()[0])
        except ProcessLookupError:
            return None
        finally:
            os.close(file)
    return total / 1e9


def exiting(pid: int) -> bool:
    """Whether a process is ending: it no longer runs its program, and gives back what it holds."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return False
    return bool(int(fields[6]) & _PF_EXITING)


def _open_schedstat(pid: int) -> int:
    return os.open(f"/proc/{pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
