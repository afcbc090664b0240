"""Limits on the memory, CPU time and files of a process.

They are all that bounds a worker where it cannot be confined, and they bound a judge's memory.
"""

import resource
import sys

OPEN_FILES = 64
STACK = 8 << 20  # bytes


def limit_resources(memory: int, cpu_seconds: int) -> None:
    """Limit this process for good: bytes of memory beyond its current use, seconds of CPU, open files, no writing.

    Memory is limited on Linux only: macOS does not enforce RLIMIT_AS.
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


def limit_data_memory(memory: int) -> None:
    """Limit this process to `memory` bytes beyond its current use, without the files that it maps. Linux only.

    Elsewhere RLIMIT_DATA does not count mapped memory.
    """
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb", buffering=0) as statm:
            in_use = int(statm.read().split()[5]) * resource.getpagesize()
        limit(resource.RLIMIT_DATA, in_use + memory)


def limit(what: int, value: int, grace: int = 0) -> None:
    """Lower the soft limit to `value` and the hard limit to `value + grace`, unless they are lower already."""
    _, ceiling = resource.getrlimit(what)
    hard = value + grace if ceiling == resource.RLIM_INFINITY else min(value + grace, ceiling)
    resource.setrlimit(what, (min(value, hard), hard))
