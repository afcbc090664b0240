"""Says on a terminal what is being done, once nothing has been seen for a while."""

import sys
from threading import Lock, Timer
from typing import TYPE_CHECKING

from grader.show.symbols import supports_unicode

if TYPE_CHECKING:
    from rich.status import Status

SILENCE = 0.3  # seconds of nothing, after which one asks oneself whether anything happens


class Spinner:
    """A line on standard error that is gone when it has been stopped. Where there is no terminal, nothing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._text = ""
        self._timer: Timer | None = None
        self._status: Status | None = None

    def start(self, text: str) -> None:
        """Says this from some moment on, unless it is stopped before."""
        self.stop()
        if not sys.stderr.isatty():
            return
        with self._lock:
            self._text = text
            self._timer = Timer(SILENCE, self._show)
            self._timer.daemon = True
            self._timer.start()

    def says(self, text: str) -> None:
        """Says this from now on."""
        with self._lock:
            self._text = text
            if self._status is not None:
                self._status.update(_plain(text))

    def stop(self) -> None:
        """Says no more."""
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
                self._status = Console(stderr=True, highlight=False).status(_plain(self._text), spinner=spinner)
                self._status.start()


def _plain(text: str) -> str:
    """Text that holds no markup."""
    from rich.markup import escape

    return escape(text)
