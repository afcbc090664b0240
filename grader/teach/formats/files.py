"""Templates of learning platforms, and remarks for whoever has exports written."""

from collections.abc import Sequence
from pathlib import Path

import click

from grader.base.files import reading
from grader.base.text import clean_line, inert

MOST_NAMED = 5


def read(path: Path) -> str:
    """The text of a template, its line ends and its byte order mark as they are. UsageError if it cannot be read."""
    with reading(path):
        return path.read_bytes().decode()


def several(names: Sequence[str]) -> str:
    """Names for a remark: the first few, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def remark(text: str) -> None:
    """Says one line on stderr."""
    click.echo(inert(f"note: {clean_line(text)}"), err=True)
