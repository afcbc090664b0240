"""Turns at work that threads do side by side, and that one of them may want to do with nobody beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """Who waits to be alone is let in as soon as those at work are done; nobody else begins until then."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._working = 0
        self._wants_alone = 0

    @contextmanager
    def beside_others(self) -> Iterator[None]:
        """Waits while somebody is alone, or wants to be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._wants_alone)
            self._working += 1
        try:
            yield
        finally:
            self._done()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until nobody is at work."""
        with self._changed:
            self._wants_alone += 1
            self._changed.wait_for(lambda: not self._working)
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._wants_alone -= 1
            self._done()

    def _done(self) -> None:
        with self._changed:
            self._working -= 1
            self._changed.notify_all()
