"""What the light commands share: the course that is meant, and lines on the terminal."""

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from grader.course import find_course
from grader.show.symbols import stream_encoding, writable

COLUMNS = 77


def course_root() -> Path:
    """The folder of the course: --course, else the nearest upward. UsageError where there is none."""
    return find_course(Path.cwd(), click.get_current_context().find_root().obj)


def say(*lines: str, err: bool = False) -> None:
    """Prints lines: without colour where there is no terminal, in ASCII where the stream has no more.

    In a job of GitHub Actions none of them is obeyed as a command, whatever students are called.
    """
    encoding = stream_encoding(sys.stderr if err else sys.stdout)
    for line in lines:
        text = writable(line.rstrip(), encoding)
        if "GITHUB_ACTIONS" in os.environ:
            from grader.base.text import inert

            text = inert(text)
        click.echo(text, err=err)


def page(*lines: str) -> None:
    """Prints lines, in a pager where they are more than a terminal has."""
    if not sys.stdout.isatty() or len(lines) < shutil.get_terminal_size().lines:
        say(*lines)
        return
    text = writable("\n".join([*lines, ""]), stream_encoding(sys.stdout))
    click.echo_via_pager(text if click.get_current_context().find_root().color is not False else click.unstyle(text))


def columns() -> int:
    """How wide the terminal is."""
    return max(shutil.get_terminal_size().columns, 20)


def interactive() -> bool:
    """Whether somebody sits at a terminal that can do what we need."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def prose(text: str, indent: int = 4) -> list[str]:
    """Text as lines that fit the terminal, of at most 77 columns; blank lines in it stay."""
    lines: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        wrapped = textwrap.wrap(" ".join(paragraph.split()), min(columns(), COLUMNS) - indent, break_on_hyphens=False)
        lines += ["", *(" " * indent + line for line in wrapped)]
    return lines[1:]


def broken(text: str) -> str:
    """Text broken at spaces, where a terminal would break it within words."""
    rows = (textwrap.wrap(row, columns(), break_long_words=False, break_on_hyphens=False) for row in text.split("\n"))
    return "\n".join("\n".join(row) for row in rows)


def dim(text: str) -> str:
    return click.style(text, dim=True)


def bold(text: str) -> str:
    return click.style(text, bold=True)


def number(points: float) -> str:
    """`10`, `2.5`"""
    return f"{points:.10g}"


def step(word: str, command: str, remark: str = "") -> str:
    """One of the last lines of a screen: a command to paste. A remark that there is no room for is left out."""
    head = f"  {dim(f'{word:<7}')}   "
    room = min(columns(), COLUMNS) - 12 - 1 - len(remark)
    if remark and len(command) + 1 < room:
        return f"{head}{command:<{min(max(len(command) + 1, 33), room)}} {dim(remark)}"
    return head + command


def written_lines(written: Sequence[Path], out: Path) -> Iterator[str]:
    """The files right in the folder `out`, and how many are in each folder below it."""
    yield from (f"  {path}" for path in written if path.parent == out)
    folders = Counter(path.relative_to(out).parts[0] for path in written if path.parent != out)
    for folder, count in folders.items():
        yield f"  {out / folder}{os.sep}   {count:,} file{'' if count == 1 else 's'}"
