"""Memory for blobs that are too large to copy through a socket: shared from judge to worker, and in huge pages."""

import mmap
import os
from collections.abc import Iterable

LARGE = 1 << 20  # bytes from which sharing pays off

Blob = bytearray | mmap.mmap


def can_share() -> bool:
    """Return whether this system has memory without a name in any file system (memfd), as Linux does."""
    return hasattr(os, "memfd_create")


def share(views: Iterable[memoryview]) -> int:
    """Return the descriptor of new memory that holds the bytes of these buffers. The caller closes it."""
    descriptor = os.memfd_create("blob", os.MFD_CLOEXEC)
    try:
        for view in views:
            while view.nbytes:
                view = view[os.write(descriptor, view) :]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def attach(descriptor: int, size: int) -> mmap.mmap:
    """Map memory of `share` as writable memory, private to this process. Close the descriptor."""
    try:
        return mmap.mmap(descriptor, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    finally:
        os.close(descriptor)


def allocate(size: int) -> Blob:
    """Return `size` bytes of writable memory. The system provides that of a large blob as it is filled."""
    if size < LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return bytearray(size)
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # shared memory gets no huge pages
    memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
