"""Tables as CSV, with cells that no spreadsheet reads as a formula."""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from grader.base.files import open_atomic
from grader.base.text import clean_line
from grader.show.numbers import format_points

# The start of a formula, full-width characters included
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
# A formula after a semicolon, which separates cells where the comma is the decimal mark
_LATER_FORMULA = re.compile(r"(;[\s\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def points_cell(points: float | None) -> str:
    """Return points as a cell, empty for None."""
    return "" if points is None else format_points(points)


def csv_cell(text: str | None) -> str:
    """Return untrusted text on one line, with an apostrophe before every formula. Numbers are unchanged."""
    line = _LATER_FORMULA.sub(r"\1'", clean_line(text or ""))
    return f"'{line}" if _FORMULA.match(line) and not _NUMBER.fullmatch(line) else line


def write_table(path: Path, rows: Iterable[Sequence[str]], delimiter: str = ",") -> Path:
    """Write rows of cells to a file, one row at a time."""
    with open_atomic(path) as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return path
