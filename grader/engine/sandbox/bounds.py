"""Bounds on what a process may use: all that holds a worker where it cannot be confined, and a judge's memory."""

import resource
import sys

OPEN_FILES = 64
STACK = 8 << 20  # bytes


def bound(memory: int, cpu_seconds: int) -> None:
    """Bound this process for good: bytes of memory beyond what it has now, seconds of CPU, files, and no writing.

    Elsewhere than on Linux memory stays unbounded: macOS does not hold RLIMIT_AS.
    """
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb", buffering=0) as statm:
            in_use = int(statm.read().split()[0]) * resource.getpagesize()
        limit(resource.RLIMIT_AS, in_use + memory)
        limit(resource.RLIMIT_MSGQUEUE, 0)
    limit(resource.RLIMIT_CPU, cpu_seconds, grace=1)  # SIGXCPU, and SIGKILL a second later
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    limit(resource.RLIMIT_STACK, STACK)
    limit(resource.RLIMIT_MEMLOCK, 0)


def bound_data(memory: int) -> None:
    """Bound the memory of this process to so many bytes beyond what it has now. Files that it maps do not count.

    Elsewhere than on Linux it stays unbounded, since RLIMIT_DATA does not count what is mapped there.
    """
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb", buffering=0) as statm:
            in_use = int(statm.read().split()[5]) * resource.getpagesize()
        limit(resource.RLIMIT_DATA, in_use + memory)


def limit(what: int, value: int, grace: int = 0) -> None:
    """Lower a limit to `value`, and for good to `value + grace`. One that is lower already stays."""
    _, ceiling = resource.getrlimit(what)
    hard = value + grace if ceiling == resource.RLIM_INFINITY else min(value + grace, ceiling)
    resource.setrlimit(what, (min(value, hard), hard))
