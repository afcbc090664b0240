"""The memory of a judge between two submissions. It serves a whole class, and all that it may take is bounded."""

import ctypes
import gc
import resource
import sys

LEFT = 32 << 20  # bytes that submissions may leave behind: to look for them takes a tenth of a second
LARGE = 1 << 20  # bytes of a block that goes back to the system when it is freed
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt, in glibc


class Footprint:
    """The memory of this process at rest."""

    def __init__(self) -> None:
        """Measure it, and have it grow by no more than what is in use."""
        _return_large_blocks()
        self._least = _resident()

    def tidy(self) -> None:
        """Free what submissions have left behind, if it is much.

        A module and its stand-in hold each other, so that only a collection finds them.
        """
        self._least = min(self._least, _resident())
        if _resident() - self._least > LEFT:
            gc.collect()
            self._least = _resident()


def _return_large_blocks() -> None:
    """Have glibc return large blocks to the system at once.

    By itself it soon keeps blocks of up to 32 MiB among small ones, where what is freed still counts as in use.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, 16 * LARGE)


def _resident() -> int:
    """Return how many bytes of memory this process has; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", "rb", buffering=0) as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
