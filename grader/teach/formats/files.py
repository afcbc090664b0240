"""Templates of learning platforms, and notes for the user who exports."""

from collections.abc import Sequence
from pathlib import Path

import click

from grader.base.files import reading
from grader.base.text import clean_line, inert

MAX_NAMES = 5  # in a note


def read_template(path: Path) -> str:
    """Return the text of a template with its line endings and byte order mark.

    Raises UsageError if it cannot be read, or is not UTF-8.
    """
    with reading(path):
        return path.read_bytes().decode()


def join_names(names: Sequence[str]) -> str:
    """Join the first few names for a note, and count the others."""
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def print_note(text: str) -> None:
    """Print a note as one line on stderr."""
    click.echo(inert(f"note: {clean_line(text)}"), err=True)
