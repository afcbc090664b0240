"""Whether a process that a test had started is gone."""

import os
import select

LONGEST = 60  # seconds until it is taken not to end: a guard, also on a busy machine


def ends(pid: int) -> bool:
    """Wait for the end of a process that may have been started by another, and return whether it came."""
    try:
        gone = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([gone], [], [], LONGEST)[0])
    finally:
        os.close(gone)
