"""Reads extensions.csv and adjustments.csv: decisions of the instructor about single students."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.base.text import did_you_mean
from grader.teach.gradebook.late import parse_due_time
from grader.teach.handins.handin import Student

ALIASES = {"exercise": "item", "comment": "reason"}  # other names of columns


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """More time for one student: a new due date, or days after the normal one."""

    student: str  # id
    item: str | None  # None: all items
    due: datetime | None = None
    days: float | None = None


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """Points added or taken away by the instructor, with the reason; without points, a comment."""

    student: str  # id
    item: str
    points: float | None = None
    share: float | None = None  # of the item's maximum
    reason: str

    @property
    def is_comment(self) -> bool:
        """True if it changes no points."""
        return self.points is None and self.share is None


class _Row:
    """A row of a table, with its file and line for error messages."""

    def __init__(self, path: Path, line: int, cells: Mapping[str, str]):
        self.path, self.line, self._cells = path, line, cells

    def __getitem__(self, column: str) -> str:
        return self._cells.get(column, "")

    def error(self, sentence: str) -> UsageError:
        """Return an error that names the file and line."""
        return UsageError(f"{shown(self.path)}:{self.line}: {sentence}")

    def number(self, column: str) -> float | None:
        """Return the number in a cell, with or without %; None if it is empty."""
        text = self[column].removesuffix("%").strip()
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.error(f"'{column}' must be a number such as 1.5 or -2, not {self[column]!r}.")
        return number

    def require_one_of(self, *columns: str) -> None:
        """Raise UsageError unless exactly one of these cells is filled in."""
        if sum(bool(self[column]) for column in columns) != 1:
            raise self.error(f"fill in either {' or '.join(columns)}.")


class NameLookup:
    """Looks up students by id, login or email address, and items by id."""

    def __init__(self, students: Iterable[Student], items: Sequence[str]):
        self._items = items
        self._students: dict[str, set[str]] = {}  # ids by name
        ids = []
        for student in students:
            ids.append(student.id)
            for name in (student.login, student.email):
                if name:
                    self._students.setdefault(name, set()).add(student.id)
        self._students.update({each: {each} for each in ids})

    def student(self, row: _Row) -> str:
        """Return the id of a row's student. Raise UsageError if there is none, or several."""
        name = row["student"]
        if not name:
            raise row.error("the student is missing.")
        found = self._students.get(name)
        if found is None:
            raise row.error(f"no student '{name}' in the gradebook.{did_you_mean(name, self._students)}")
        if len(found) > 1:
            raise row.error(f"'{name}' is the login or address of {len(found)} students; use the id.")
        (student,) = found
        return student

    def item(self, row: _Row) -> str | None:
        """Return the item of a row; None if the cell is empty. Raise UsageError for an unknown item."""
        name = row["item"]
        if name and name not in self._items:
            raise row.error(f"nothing was handed in as '{name}'.{did_you_mean(name, self._items)}")
        return name or None


def read_extensions(path: Path, names: NameLookup) -> list[Extension]:
    """Read extensions.csv. Raise UsageError with file and line for anything wrong in it."""
    extensions = []
    seen: dict[tuple[str, str | None], int] = {}
    for row in _rows(path, needed=("student",), optional=("item", "due", "days")):
        student, item = names.student(row), names.item(row)
        if (first := seen.setdefault((student, item), row.line)) != row.line:
            raise row.error(f"the extension in line {first} is for the same student and item; keep one of them.")
        row.require_one_of("due", "days")
        try:
            due = parse_due_time(row["due"]) if row["due"] else None
        except ValueError as error:
            raise row.error(str(error)) from None
        days = row.number("days")
        if days is not None and not 0 <= days <= 10_000:
            raise row.error(f"'days' must be from 0 to 10000, not {row['days']!r}.")
        extensions.append(Extension(student=student, item=item, due=due, days=days))
    return extensions


def read_adjustments(path: Path, names: NameLookup) -> list[Adjustment]:
    """Read adjustments.csv. Raise UsageError with file and line for anything wrong in it."""
    adjustments = []
    seen: dict[Adjustment, int] = {}
    for row in _rows(path, needed=("student", "item", "reason"), optional=("points", "percent")):
        student, item = names.student(row), names.item(row)
        if item is None:
            raise row.error("the exercise is missing.")
        if not row["reason"]:
            raise row.error("the reason is missing; the student will read it.")
        if row["points"] and row["percent"]:
            raise row.error("fill in either points or percent, or neither for a comment.")
        percent = row.number("percent")
        adjustment = Adjustment(
            student=student,
            item=item,
            points=row.number("points"),
            share=None if percent is None else percent / 100,
            reason=row["reason"],
        )
        if (first := seen.setdefault(adjustment, row.line)) != row.line:
            raise row.error(f"the same row is already in line {first}; remove one.")
        adjustments.append(adjustment)
    return adjustments


def _rows(path: Path, needed: tuple[str, ...], optional: tuple[str, ...]) -> Iterator[_Row]:
    """Yield the rows that are not empty, with cells by the names in the first row."""
    text = read_text(path)
    first = text.lstrip().partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","  # spreadsheets use ; in locales with decimal commas
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1  # of the row's beginning: a cell may contain line breaks
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            row = _Row(path, line, dict(zip(header or (), cells, strict=False)))
            if header is None:
                header = _header(row, cells, needed, optional) if any(cells) else None
            elif len(cells) > len(header) and any(cells):
                raise row.error(f"{len(cells)} cells for {len(header)} columns; put a cell with {delimiter} in quotes.")
            elif any(cells):
                yield row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{shown(path)}:{line}: not valid CSV: {error}.") from None
    if header is None:
        raise UsageError(f"{shown(path)}:1: the file is empty; its first row must be {', '.join(needed + optional)}.")


def _header(row: _Row, cells: list[str], needed: tuple[str, ...], optional: tuple[str, ...]) -> list[str]:
    columns = [ALIASES.get(cell.lower(), cell.lower()) for cell in cells]
    for column in needed:
        if column not in columns:
            raise row.error(f"the column '{column}' is missing; the first row must be {', '.join(needed + optional)}.")
    for column in columns:
        if column and column not in needed + optional:
            raise row.error(f"unknown column '{column}'.{did_you_mean(column, needed + optional)}")
        if column and columns.count(column) > 1:
            raise row.error(f"the column '{column}' is given twice.")
    return columns
