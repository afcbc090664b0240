"""A terminal to read in: lines that scroll, single keys, and lines that are typed."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from grader.show.layout import cells
from grader.show.symbols import stream_encoding, writable
from grader.study.reader.reading import STOP

ON = " "
ARROWS = {"\x1b[B": ON, "\x1b[6~": ON, "\x1b[C": ON}  # down, page down, right


class Terminal:
    """A `Desk`: standard output and input."""

    def __init__(self, say: Callable[..., None]):
        """`say` prints lines."""
        self._say = say

    @property
    def rows(self) -> int:
        return shutil.get_terminal_size().lines

    @property
    def columns(self) -> int:
        return max(shutil.get_terminal_size().columns, 20)

    def say(self, lines: Sequence[str]) -> None:
        self._say(*lines)

    def clear(self) -> None:
        click.clear()

    def key(self, shown: str) -> str:
        try:
            key = _pressed("\n" + _writable(shown))
        except (EOFError, KeyboardInterrupt):
            key = STOP
        click.echo("\r\x1b[K\x1b[A", nl=False)
        return ARROWS.get(key, key)

    def line(self, keys: str, shown: str) -> str:
        try:
            typed = _typed(_writable(f"{keys}\n{shown}"))
        except (OSError, UnicodeDecodeError):
            typed = ""
        except KeyboardInterrupt:
            click.echo()
            return STOP
        if len(shown + typed) < self.columns:  # it is one line: the keys above it go
            click.echo("\x1b[2A\x1b[J" + _writable(f"{shown}{typed.strip()}"))
        return typed.strip() if typed else STOP


def _pressed(prompt: str) -> str:
    """One key. What was typed before it was asked for counts too: click.getchar would throw it away."""
    if sys.platform == "win32":
        click.echo(prompt, nl=False)
        return click.getchar()
    with keyboard() as keys:  # before the prompt: a quick key after it is not shown by the terminal
        click.echo(prompt, nl=False)
        return read_key(keys)


def _typed(prompt: str) -> str:
    """A line with its end; none at the end of input. The key that reads on does nothing before the first letter."""
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
            elif key == "\x15":  # the line
                text = ""
            elif key == "\x17":  # the last word
                text = text.rstrip().rpartition(" ")[0]
            elif key.isprintable() and (text or key != ON):
                text += key
            kept = min(len(before), len(text))  # one begins with the other
            gone = cells(before[kept:])
            click.echo("\b" * gone + " " * gone + "\b" * gone + _writable(text[kept:]), nl=False)


@contextmanager
def keyboard() -> Iterator[int]:
    """Standard input, key by key and not shown."""
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
    """One key: all bytes of a letter, or of an arrow. EOFError at the end of input."""
    import select

    key = os.read(keys, 1)
    if key == b"\x1b" and select.select([keys], [], [], 0)[0]:  # an arrow: all of it arrives at once
        key += os.read(keys, 8)
    elif key >= b"\xc0":
        key += os.read(keys, 1 + (key >= b"\xe0") + (key >= b"\xf0"))
    if key in (b"", b"\x04"):
        raise EOFError
    return key.decode("utf-8", "replace")


def _writable(text: str) -> str:
    return writable(text, stream_encoding(sys.stdout))
