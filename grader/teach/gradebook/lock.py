"""One writer at a time: a lock on a file, which the operating system frees when its process ends, however it ends."""

import os
import sys
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.teach.gradebook.database import told

FILE = ".lock"


def lock(folder: Path) -> int:
    """Locks `folder` and returns the descriptor that holds the lock until it is closed, or its process ends.

    The processes that this one forks do not inherit the lock. UsageError where another process holds it.
    """
    with told(folder):
        handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        with told(folder):
            _take(handle, folder)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _take(handle: int, folder: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            # not flock, which would pass to the judges that are forked, and outlive a killed coordinator in them
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise UsageError(
            f"{shown(folder)} is being written by another grade batch; wait until it has ended, or give another --out."
        ) from None
