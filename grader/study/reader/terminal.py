"""Reads keys and lines from a real terminal, and prints to it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from grader.show.layout import cells
from grader.show.symbols import stream_encoding, writable
from grader.study.reader.reading import STOP_KEY

CONTINUE_KEY = " "
CONTINUE_KEYS = {"\x1b[B": CONTINUE_KEY, "\x1b[6~": CONTINUE_KEY, "\x1b[C": CONTINUE_KEY}  # down, page down, right


class Terminal:
    """A `TerminalIO` on standard input and output."""

    def __init__(self, say: Callable[..., None]):
        """Print lines with `say`."""
        self._say = say

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
        try:
            key = _read_key("\n" + _writable(shown))
        except (EOFError, KeyboardInterrupt):
            key = STOP_KEY
        click.echo("\r\x1b[K\x1b[A", nl=False)
        return CONTINUE_KEYS.get(key, key)

    def line(self, keys: str, shown: str) -> str:
        """Read a line below `keys`, which are erased afterwards."""
        try:
            typed = _read_line(_writable(f"{keys}\n{shown}"))
        except (OSError, UnicodeDecodeError):
            typed = ""
        except KeyboardInterrupt:
            click.echo()
            return STOP_KEY
        if len(shown + typed) < self.columns:  # not wrapped, so the keys above it can be erased
            click.echo("\x1b[2A\x1b[J" + _writable(f"{shown}{typed.strip()}"))
        return typed.strip() if typed else STOP_KEY


def _read_key(prompt: str) -> str:
    """Read one key, including keys typed ahead, which click.getchar would discard."""
    if sys.platform == "win32":
        click.echo(prompt, nl=False)
        return click.getchar()
    with keyboard() as keys:  # before the prompt, so that a quick key is not echoed
        click.echo(prompt, nl=False)
        return read_key(keys)


def _read_line(prompt: str) -> str:
    """Read a line with its newline, empty at the end of input. Ignore leading spaces: space continues reading."""
    if sys.platform == "win32":
        click.echo(prompt, nl=False)
        return sys.stdin.readline()
    text = ""
    with keyboard() as keys:
        click.echo(prompt, nl=False)
        while True:
            try:
                key = read_key(keys)
            except EOFError:
                return ""
            if key in ("\n", "\r"):
                click.echo()
                return text + "\n"
            before = text
            if key in ("\x7f", "\b"):
                text = text[:-1]
            elif key == "\x15":  # Ctrl-U: the line
                text = ""
            elif key == "\x17":  # Ctrl-W: the last word
                text = text.rstrip().rpartition(" ")[0]
            elif key.isprintable() and (text or key != CONTINUE_KEY):
                text += key
            kept = min(len(before), len(text))  # one is a prefix of the other
            removed = cells(before[kept:])
            click.echo("\b" * removed + " " * removed + "\b" * removed + _writable(text[kept:]), nl=False)


@contextmanager
def keyboard() -> Iterator[int]:
    """Set standard input to single keys without echo. Yield its file descriptor."""
    import termios
    import tty

    keys = sys.stdin.fileno()
    before = termios.tcgetattr(keys)
    try:
        tty.setcbreak(keys, termios.TCSADRAIN)
        yield keys
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


def read_key(keys: int) -> str:
    """Read all bytes of one key. Raise EOFError at the end of input."""
    import select

    key = os.read(keys, 1)
    if key == b"\x1b" and select.select([keys], [], [], 0)[0]:  # an arrow, whose bytes arrive together
        key += os.read(keys, 8)
    elif key >= b"\xc0":
        key += os.read(keys, 1 + (key >= b"\xe0") + (key >= b"\xf0"))
    if key in (b"", b"\x04"):
        raise EOFError
    return key.decode("utf-8", "replace")


def _writable(text: str) -> str:
    return writable(text, stream_encoding(sys.stdout))
