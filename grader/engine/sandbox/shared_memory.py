"""Memory for what is too large to copy through a socket: shared from judge to worker, and ready in huge pages."""

import mmap
import os
from collections.abc import Iterable

LARGE = 1 << 20  # bytes from which it pays

Blob = bytearray | mmap.mmap


def can_share() -> bool:
    """Whether memory without a name in any file system can be had here: on Linux."""
    return hasattr(os, "memfd_create")


def share(views: Iterable[memoryview]) -> int:
    """The descriptor of new memory with the bytes of these buffers. The caller closes it."""
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
    """What `share` made, as writable memory of this process's own. Closes the descriptor."""
    try:
        return mmap.mmap(descriptor, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    finally:
        os.close(descriptor)


def room(size: int) -> Blob:
    """Writable memory for so many bytes. That of a large one is taken from the system as it is filled."""
    if size < LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return bytearray(size)
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # what is shared gets no huge pages
    memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
