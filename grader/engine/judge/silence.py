"""Keeps what code prints from the screen of whoever waits for a result."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Throws away what is printed meanwhile, by native code as well: LAPACK complains on stdout of a matrix of NaN."""
    kept = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor, _ in kept:
            os.dup2(null, descriptor)
        yield
    finally:
        os.close(null)
        for descriptor, copy in kept:
            os.dup2(copy, descriptor)
            os.close(copy)
