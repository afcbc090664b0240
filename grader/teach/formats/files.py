"""Templates of learning platforms, and notes for the user who exports."""

from collections.abc import Sequence
from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.base.text import clean_line, inert

MAX_NAMES = 5  # in a note


def read_template(path: Path) -> str:
    """Return the text of a template with its line endings and byte order mark.

    Raises UsageError if it cannot be read, or is not UTF-8.
    """
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
        raise UsageError(f"{shown(path)}:{line}: not UTF-8; use the file as it was downloaded.") from None


def join_names(names: Sequence[str]) -> str:
    """Join the first few names for a note, and count the others."""
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def print_note(text: str) -> None:
    """Print a note as one line on stderr."""
    click.echo(inert(f"note: {clean_line(text)}"), err=True)
