"""map.csv: what an instructor knows of single files: whose they are, and for what.

file,student,exercise
class/ada/moe-router.py,,moe_router
upload/work (2).zip,ada,
"""

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import read_text
from grader.base.text import did_you_mean
from grader.engine.submission.files import visible
from grader.teach.handins.handin import Student
from grader.teach.handins.items import Item

_COLUMNS = ("file", "student", "exercise")


@dataclass(frozen=True)
class Told:
    """What a row says of a file. Empty: as it is found."""

    student: Student | None
    item: Item | None


class Mapping:
    """The rows, by the files that they name: as the lists print them, or the end of that from a folder on."""

    def __init__(self, path: Path, rows: dict[str, tuple[int, Told]]):
        self._path = path
        self._rows = rows
        self._named: defaultdict[str, set[str]] = defaultdict(set)  # what was found, by row

    def of(self, file: str) -> Told | None:
        """What is said of a file. UsageError where the same row is of another one, too."""
        parts = file.split("/")
        for i in range(len(parts)):
            key = "/".join(parts[i:])
            if key in self._rows:
                line, told = self._rows[key]
                self._named[key].add(file)
                if len(self._named[key]) > 1:
                    both = " and ".join(sorted(self._named[key]))
                    raise UsageError(f"{visible(self._path)}:{line}: names {both}; write more of the path.")
                return told
        return None

    def unused(self) -> list[str]:
        """The files that were not found."""
        return [key for key in self._rows if key not in self._named]


def read_mapping(path: Path, exercises: Sequence[str], quizzes: Sequence[str]) -> Mapping:
    """The rows of a CSV file. UsageError with file and line for what is wrong in it."""
    name = visible(path)
    text = read_text(path)
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",", strict=True)
    rows: dict[str, tuple[int, Told]] = {}
    try:
        columns = [cell.strip().lower() for cell in next(reader, [])]
        if sorted(columns) != sorted(_COLUMNS):
            raise UsageError(f"{name}:1: the first row must be {','.join(_COLUMNS)}.")
        for cells in reader:
            if any(each.strip() for each in cells):
                named = dict(zip(columns, cells, strict=False))
                file, told = _row(f"{name}:{reader.line_num}", named, exercises, quizzes)
                if file in rows:
                    raise UsageError(f"{name}:{reader.line_num}: {file} stands in line {rows[file][0]} already.")
                rows[file] = reader.line_num, told
    except csv.Error as error:
        raise UsageError(f"{name}:{reader.line_num}: not valid CSV: {error}.") from None
    return Mapping(path, rows)


def _row(place: str, cells: dict[str, str], exercises: Sequence[str], quizzes: Sequence[str]) -> tuple[str, Told]:
    file, student, exercise = (cells.get(column, "").strip() for column in _COLUMNS)
    if not file:
        raise UsageError(f"{place}: the file is missing.")
    if not student and not exercise:
        raise UsageError(f"{place}: fill in student, exercise, or both.")
    item = None
    if exercise in exercises:
        item = Item("exercise", exercise)
    elif exercise in quizzes:
        item = Item("quiz", exercise)
    elif exercise:
        hint = did_you_mean(exercise, [*exercises, *quizzes])
        raise UsageError(f"{place}: there is no exercise or quiz '{visible(exercise)}'.{hint}")
    return file.removeprefix("./"), Told(Student(id=visible(student)) if student else None, item)
