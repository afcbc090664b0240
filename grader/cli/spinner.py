"""A spinner on a terminal, which appears after a short delay."""

import sys
from threading import Lock, Timer
from typing import TYPE_CHECKING

from grader.show.symbols import supports_unicode

if TYPE_CHECKING:
    from rich.status import Status

DELAY = 0.3  # seconds; shorter operations show no spinner


class Spinner:
    """A line on standard error that says what is being done, and disappears when stopped.

    Shows nothing if standard error is not a terminal.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._text = ""
        self._timer: Timer | None = None
        self._status: Status | None = None

    def start(self, text: str) -> None:
        """Show this text after a delay, unless stopped before."""
        self.stop()
        if not sys.stderr.isatty():
            return
        with self._lock:
            self._text = text
            self._timer = Timer(DELAY, self._show)
            self._timer.daemon = True
            self._timer.start()

    def update(self, text: str) -> None:
        """Change the text."""
        with self._lock:
            self._text = text
            if self._status is not None:
                self._status.update(_escape(text))

    def stop(self) -> None:
        """Remove the line."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if self._status is not None:
                self._status.stop()
            self._timer = self._status = None

    def _show(self) -> None:
        from rich.console import Console

        spinner = "dots" if supports_unicode(sys.stderr) else "line"
        with self._lock:
            if self._timer is not None:
                self._status = Console(stderr=True, highlight=False).status(_escape(self._text), spinner=spinner)
                self._status.start()


def _escape(text: str) -> str:
    """Escape rich's markup."""
    from rich.markup import escape

    return escape(text)
