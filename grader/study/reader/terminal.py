"""Reads keys and lines from a real terminal, and prints to it."""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from grader.show.layout import cells
from grader.show.symbols import stream_encoding, writable
from grader.study.reader.reading import BACK_KEY, REDRAW_KEY, STOP_KEY

if sys.platform != "win32":
    from grader.study.reader.keyboard import Keyboard

CONTINUE_KEY = " "
KEYS = {
    **dict.fromkeys(("\x1b[B", "\x1b[6~", "\x1b[C"), CONTINUE_KEY),  # down, page down, right
    **dict.fromkeys(("\x1b[A", "\x1b[5~", "\x1b[D", "\x7f"), BACK_KEY),  # up, page up, left, backspace
}


@contextmanager
def open_terminal(say: Callable[..., None]) -> "Iterator[Terminal]":
    """Return a terminal that prints lines with `say`."""
    if sys.platform == "win32":
        yield Terminal(say, None)
        return
    with Keyboard() as keyboard:
        yield Terminal(say, keyboard)


class Terminal:
    """A `TerminalIO` on standard input and output."""

    def __init__(self, say: Callable[..., None], keyboard: "Keyboard | None"):
        """Print lines with `say`. Read keys from `keyboard`, or where there is none through click."""
        self._say = say
        self._keyboard = keyboard
        self._typed = ""  # of the line that is being read

    @property
    def rows(self) -> int:
        """The height of the screen in lines."""
        return shutil.get_terminal_size().lines

    @property
    def columns(self) -> int:
        """The width of the screen in cells, at least 20."""
        return max(shutil.get_terminal_size().columns, 20)

    def say(self, lines: Sequence[str]) -> None:
        """Print lines."""
        self._say(*lines)

    def clear(self) -> None:
        """Clear the screen."""
        click.clear()

    def key(self, shown: str) -> str:
        """Read one key with `shown` as the last line, which is erased afterwards."""
        click.echo("\n" + _writable(shown), nl=False)
        try:
            key = self._read_key()
        except (EOFError, KeyboardInterrupt):
            key = STOP_KEY
        click.echo("\r\x1b[K\x1b[A", nl=False)
        return KEYS.get(key, key)

    def line(self, keys: str, shown: str) -> str:
        """Read a line below `keys`, which are erased afterwards."""
        click.echo(_writable(f"{keys}\n{shown}{self._typed}"), nl=False)
        try:
            typed = self._read_line()
        except (OSError, UnicodeDecodeError):
            typed = ""
        except KeyboardInterrupt:
            click.echo()
            return STOP_KEY
        if typed == REDRAW_KEY:
            return typed
        if len(shown + typed) < self.columns:  # not wrapped, so the keys above it can be erased
            click.echo("\x1b[2A\x1b[J" + _writable(f"{shown}{typed.strip()}"))
        return typed.strip() if typed else STOP_KEY

    def _read_key(self) -> str:
        """Read one key, including keys typed ahead, which click.getchar would discard."""
        return click.getchar() if self._keyboard is None else self._keyboard.read()

    def _read_line(self) -> str:
        """Read a line with its newline, empty at the end of input. Ignore leading spaces: space continues reading.

        Before a redraw, keep what was typed for the next call.
        """
        if self._keyboard is None:
            return sys.stdin.readline()
        while True:
            try:
                key = self._keyboard.read()
            except EOFError:
                return ""
            if key == REDRAW_KEY:
                return key
            before = self._typed
            if key in ("\n", "\r"):
                click.echo()
                self._typed = ""
                return before + "\n"
            if key in ("\x7f", "\b"):
                self._typed = before[:-1]
            elif key == "\x15":  # Ctrl-U: the line
                self._typed = ""
            elif key == "\x17":  # Ctrl-W: the last word
                self._typed = before.rstrip().rpartition(" ")[0]
            elif key.isprintable() and (before or key != CONTINUE_KEY):
                self._typed += key
            kept = min(len(before), len(self._typed))  # one is a prefix of the other
            removed = cells(before[kept:])
            click.echo("\b" * removed + " " * removed + "\b" * removed + _writable(self._typed[kept:]), nl=False)


def _writable(text: str) -> str:
    return writable(text, stream_encoding(sys.stdout))
