"""Tables as CSV that a spreadsheet takes for text and numbers, whatever a student is called."""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from grader.base.files import whole
from grader.base.text import clean_line
from grader.show.numbers import format_points

# What a spreadsheet takes for the start of a formula, the full-width forms included
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
# and after a semicolon, at which a spreadsheet breaks a line where the comma is for decimals
_LATER_FORMULA = re.compile(r"(;[\s\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def points_cell(points: float | None) -> str:
    """Return points as a cell, empty for None."""
    return "" if points is None else format_points(points)


def cell(text: str | None) -> str:
    """A stranger's text on one line, with an apostrophe before what would be a formula. Numbers stay as they are."""
    line = _LATER_FORMULA.sub(r"\1'", clean_line(text or ""))
    return f"'{line}" if _FORMULA.match(line) and not _NUMBER.fullmatch(line) else line


def write_table(path: Path, rows: Iterable[Sequence[str]], delimiter: str = ",") -> Path:
    """Writes rows of cells as a file, one row at a time."""
    with whole(path) as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return path
