"""Suppression of output from code that runs in the judge."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def suppressed_output() -> Iterator[None]:
    """Discard stdout and stderr, also of native code: LAPACK writes to stdout about a matrix of NaN."""
    saved = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor, _ in saved:
            os.dup2(null, descriptor)
        yield
    finally:
        os.close(null)
        for descriptor, copy in saved:
            os.dup2(copy, descriptor)
            os.close(copy)
