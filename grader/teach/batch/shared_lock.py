"""A lock that threads hold together, or one thread exclusively."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class SharedLock:
    """A lock with shared and exclusive holders. A thread that waits for exclusive access goes before later ones."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._holders = 0
        self._exclusive = 0  # threads that hold it exclusively, or wait to

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock together with other threads. Wait while a thread holds it exclusively, or waits to."""
        with self._changed:
            self._changed.wait_for(lambda: not self._exclusive)
            self._holders += 1
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock alone. Wait until no other thread holds it."""
        with self._changed:
            self._exclusive += 1
            self._changed.wait_for(lambda: not self._holders)
            self._holders += 1
        try:
            yield
        finally:
            with self._changed:
                self._exclusive -= 1
            self._release()

    def _release(self) -> None:
        with self._changed:
            self._holders -= 1
            self._changed.notify_all()
