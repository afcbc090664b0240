"""Templates of learning platforms, and remarks for whoever has exports written."""

from collections.abc import Sequence
from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.base.text import clean_line, inert

MOST_NAMED = 5


def read(path: Path) -> str:
    """The text of a template, its line ends and its byte order mark as they are. UsageError if it cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{shown(path)}: there is no such file.") from None
    except OSError as error:
        raise UsageError(f"{shown(path)}: cannot be read: {error.strerror}.") from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{shown(path)}:{line}: not UTF-8; take the file as it was downloaded.") from None


def several(names: Sequence[str]) -> str:
    """Names for a remark: the first few, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def remark(text: str) -> None:
    """Says one line on stderr."""
    click.echo(inert(f"note: {clean_line(text)}"), err=True)
