"""Reads single keys from a POSIX terminal, which a shell gets back in its own mode while the program is stopped."""

import os
import select
import signal
import sys
import termios
import tty
from types import FrameType
from typing import Any

from grader.study.reader.reading import REDRAW_KEY

SHOW_CURSOR = "\x1b[?25h"


class Keyboard:
    """Standard input without echo and line editing, as long as this context is open.

    Ctrl-Z returns the terminal to the shell. `fg` takes it again.
    """

    def __init__(self) -> None:
        self._keys = sys.stdin.fileno()
        self._changed, self._change = os.pipe()
        self._modes: list[Any] = []  # of the terminal, and signal handlers, to restore
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Keyboard":
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        os.close(self._changed)
        os.close(self._change)

    @property
    def files(self) -> list[int]:
        """The file descriptors of which one is readable when `read` will not wait."""
        return [self._keys, self._changed]

    def take(self) -> None:
        """Set the terminal to single keys."""
        self._modes = termios.tcgetattr(self._keys)
        handlers = {signal.SIGTSTP: self._stop, signal.SIGCONT: self._continue, signal.SIGWINCH: self._resize}
        self._handlers = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        tty.setcbreak(self._keys, termios.TCSADRAIN)

    def release(self) -> None:
        """Restore the terminal as it was."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)

    def read(self) -> str:
        """Wait for a key and return all its bytes, or `REDRAW_KEY`. Raise EOFError at the end of input."""
        ready, _, _ = select.select(self.files, [], [])
        if self._changed in ready:
            os.read(self._changed, 1 << 10)
            return REDRAW_KEY
        key = os.read(self._keys, 1)
        if key == b"\x1b" and select.select([self._keys], [], [], 0)[0]:  # an arrow, whose bytes arrive together
            key += os.read(self._keys, 8)
        elif key >= b"\xc0":
            key += os.read(self._keys, 1 + (key >= b"\xe0") + (key >= b"\xf0"))
        if key in (b"", b"\x04"):
            raise EOFError
        return key.decode("utf-8", "replace")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)
        os.write(sys.stdout.fileno(), SHOW_CURSOR.encode())
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)  # returns after `fg`
        signal.signal(signal.SIGTSTP, self._stop)
        self._continue(number, frame)

    def _continue(self, number: int, frame: FrameType | None) -> None:
        if os.tcgetpgrp(self._keys) == os.getpgrp():  # not in the background
            tty.setcbreak(self._keys, termios.TCSADRAIN)
            self._resize(number, frame)

    def _resize(self, number: int, frame: FrameType | None) -> None:
        os.write(self._change, b"!")
