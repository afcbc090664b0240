"""The file map, map.csv: assigns single files to a student, an item, or both.

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
from grader.base.files import reading
from grader.base.text import did_you_mean
from grader.engine.submission.files import visible
from grader.teach.handins.file_names import ItemRef
from grader.teach.handins.handin import Student

_COLUMNS = ("file", "student", "exercise")


@dataclass(frozen=True)
class FileMapRow:
    """A row of the file map."""

    student: Student | None  # None: as found
    item: ItemRef | None  # None: as found


class FileMap:
    """The rows of a file map by file: a path as the lists print it, or the last parts of one."""

    def __init__(self, path: Path, rows: dict[str, tuple[int, FileMapRow]]):
        self._path = path
        self._rows = rows
        self._matches: defaultdict[str, set[str]] = defaultdict(set)  # files found, by row

    def row(self, file: str) -> FileMapRow | None:
        """Return the row for a file, or None. Raise UsageError if the row has already matched a different file."""
        parts = file.split("/")
        for i in range(len(parts)):
            key = "/".join(parts[i:])
            if key not in self._rows:
                continue
            line, row = self._rows[key]
            self._matches[key].add(file)
            if len(self._matches[key]) > 1:
                both = " and ".join(sorted(self._matches[key]))
                raise UsageError(f"{visible(self._path)}:{line}: matches {both}; write more of the path.")
            return row
        return None

    def unused(self) -> list[str]:
        """Return the rows that matched no file."""
        return [key for key in self._rows if key not in self._matches]


def read_file_map(path: Path, exercises: Sequence[str], quizzes: Sequence[str]) -> FileMap:
    """Read a file map. Raise UsageError with file and line for anything wrong in it."""
    name = visible(path)
    with reading(path):
        text = path.read_bytes().decode("utf-8-sig")
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",", strict=True)
    rows: dict[str, tuple[int, FileMapRow]] = {}
    try:
        columns = [cell.strip().lower() for cell in next(reader, [])]
        if sorted(columns) != sorted(_COLUMNS):
            raise UsageError(f"{name}:1: the first row must be {','.join(_COLUMNS)}.")
        for cells in reader:
            if not any(each.strip() for each in cells):
                continue
            named = dict(zip(columns, cells, strict=False))
            file, row = _row(f"{name}:{reader.line_num}", named, exercises, quizzes)
            if file in rows:
                raise UsageError(f"{name}:{reader.line_num}: {file} is already in line {rows[file][0]}; remove one.")
            rows[file] = reader.line_num, row
    except csv.Error as error:
        raise UsageError(f"{name}:{reader.line_num}: not valid CSV: {error}.") from None
    return FileMap(path, rows)


def _row(place: str, cells: dict[str, str], exercises: Sequence[str], quizzes: Sequence[str]) -> tuple[str, FileMapRow]:
    file, student, exercise = (cells.get(column, "").strip() for column in _COLUMNS)
    if not file:
        raise UsageError(f"{place}: the file is missing.")
    if not student and not exercise:
        raise UsageError(f"{place}: fill in student, exercise, or both.")
    item = None
    if exercise in exercises:
        item = ItemRef("exercise", exercise)
    elif exercise in quizzes:
        item = ItemRef("quiz", exercise)
    elif exercise:
        hint = did_you_mean(exercise, [*exercises, *quizzes])
        raise UsageError(f"{place}: there is no exercise or quiz '{visible(exercise)}'.{hint}")
    return file.removeprefix("./"), FileMapRow(Student(id=visible(student)) if student else None, item)
