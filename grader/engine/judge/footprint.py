"""Memory of a judge between submissions: one judge grades a whole class within a limit."""

import ctypes
import gc
import resource
import sys

MAX_GARBAGE = 32 << 20  # bytes that submissions may leave behind: a collection takes a tenth of a second
LARGE_BLOCK = 1 << 20  # bytes of a block that is returned to the system when it is freed
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt, in glibc


class Footprint:
    """The memory of this process between two submissions."""

    def __init__(self) -> None:
        """Measure it, and make glibc return freed memory early."""
        _return_large_blocks()
        self._least = _resident()

    def tidy(self) -> None:
        """Collect garbage if submissions have left much behind.

        A module and its proxy refer to each other, so only a collection frees them.
        """
        self._least = min(self._least, _resident())
        if _resident() - self._least > MAX_GARBAGE:
            gc.collect()
            self._least = _resident()


def _return_large_blocks() -> None:
    """Make glibc return large blocks to the system as soon as they are freed.

    By default it soon allocates blocks of up to 32 MiB among small ones, where freed memory still counts as in use.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)
        libc.mallopt(_M_TRIM_THRESHOLD, 16 * LARGE_BLOCK)


def _resident() -> int:
    """Return the resident bytes of this process; 0 if the system does not report them."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", "rb", buffering=0) as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
