"""A lock on a file for one writer at a time. The operating system releases it when the process ends, even if killed."""

import os
import sys
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.teach.gradebook.database import storage_errors

FILE = ".lock"


def lock(folder: Path) -> int:
    """Lock `folder`, and return the descriptor that holds the lock until it is closed or the process ends.

    Forked processes do not inherit the lock. Raise UsageError if another process holds it.
    """
    with storage_errors(folder):
        handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        with storage_errors(folder):
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

            # not flock: forked judges would inherit it, and keep it after this process is killed
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise UsageError(
            f"{shown(folder)} is being written by another grade batch; wait until it ends, or use another --out."
        ) from None
