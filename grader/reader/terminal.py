"""A terminal to read in: lines that scroll, single keys, and lines that are typed."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence

import click

from grader.reader.reading import STOP
from grader.report.marks import encoding_of, writable

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
        click.echo("\n" + _writable(shown), nl=False)
        try:
            key = _pressed()
        except (EOFError, KeyboardInterrupt):
            key = STOP
        click.echo("\r\x1b[K\x1b[A", nl=False)
        return ARROWS.get(key, key)

    def line(self, keys: str, shown: str) -> str:
        click.echo(_writable(f"{keys}\n{shown}"), nl=False)
        try:
            typed = sys.stdin.readline()
        except (OSError, UnicodeDecodeError):
            typed = ""
        except KeyboardInterrupt:
            click.echo()
            return STOP
        if len(shown + typed) < self.columns:  # it is one line: the keys above it go
            click.echo("\x1b[2A\x1b[J" + _writable(f"{shown}{typed.strip()}"))
        return typed.strip() if typed else STOP


def _pressed() -> str:
    """One key. What was typed before it was asked for counts too: click.getchar would throw it away."""
    if sys.platform == "win32":
        return click.getchar()
    import select
    import termios
    import tty

    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard, termios.TCSADRAIN)
        key = os.read(keyboard, 1)
        if key == b"\x1b" and select.select([keyboard], [], [], 0)[0]:  # an arrow: all of it arrives at once
            key += os.read(keyboard, 8)
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
    if key in (b"", b"\x04"):
        raise EOFError
    return key.decode("utf-8", "replace")


def _writable(text: str) -> str:
    return writable(text, encoding_of(sys.stdout))
