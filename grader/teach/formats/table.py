"""Tables as CSV that a spreadsheet takes for text and numbers, whatever a student is called."""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from grader.base.files import open_atomic
from grader.base.text import clean_line

# What a spreadsheet takes for the start of a formula, the full-width forms included
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
# and after a semicolon, at which a spreadsheet breaks a line where the comma is for decimals
_LATER_FORMULA = re.compile(r"(;[\s\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def number(value: float | None) -> str:
    """A number with a point and at most four decimals; nothing for None."""
    if value is None:
        return ""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def signed(value: float) -> str:
    """As `number`, with its sign."""
    return f"+{number(value)}" if value > 0 else number(value)


def cell(text: str | None) -> str:
    """A stranger's text on one line, with an apostrophe before what would be a formula. Numbers stay as they are."""
    line = _LATER_FORMULA.sub(r"\1'", clean_line(text or ""))
    return f"'{line}" if _FORMULA.match(line) and not _NUMBER.fullmatch(line) else line


def write_table(path: Path, rows: Iterable[Sequence[str]], delimiter: str = ",") -> Path:
    """Writes rows of cells as a file, one row at a time."""
    with open_atomic(path) as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return path
