"""canvas.csv: what Canvas's gradebook takes in, made from nothing or from Canvas's own export."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.teach.formats.files import read, remark
from grader.teach.formats.matching import Roll, keys
from grader.teach.formats.table import cell, number, write_table
from grader.teach.formats.view import by_student, final_points
from grader.teach.gradebook.model import Book, Item

STUDENT_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
IDENTIFYING = {*STUDENT_COLUMNS, "LastName", "FirstName", "Integration ID", "Root Account"}
POINTS_POSSIBLE = "    Points Possible"  # Canvas knows the row by these words
NAMES = {"Student", "LastName", "FirstName"}  # chosen by the students; Canvas goes by the ids
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_ASSIGNMENT_ID = re.compile(r"\s*\(\d+\)$")


def write_canvas(book: Book, out: Path, template: Path | None) -> list[Path]:
    """Writes canvas.csv.

    With Canvas's own export as the template: its students, its identifying columns, and of its assignments those of the
    book. UsageError if it is no such export, or if it cannot be told which column or student is meant.
    """
    path = out / "canvas.csv"
    if template is None:
        return [write_table(path, _fresh(book))]
    export = _read(template, book.items)
    return [write_table(path, _filled(book, export), export.delimiter)]


def _fresh(book: Book) -> Iterator[list[str]]:
    titles = [item.title for item in book.items]
    columns = [item.title if titles.count(item.title) == 1 else f"{item.title}, {item.id}" for item in book.items]
    yield [*STUDENT_COLUMNS, *map(cell, columns)]
    yield [POINTS_POSSIBLE, "", "", "", "", *(number(item.max_score) for item in book.items)]
    for student, grades in by_student(book):
        canvas_id = student.id if "canvas" in book.run.layout and student.id.isdigit() else ""
        sis_id = "" if canvas_id else student.id
        yield [
            *map(cell, (student.name or student.id, canvas_id, sis_id, student.login, "")),
            *final_points(grades, book.items),
        ]


@dataclass(frozen=True)
class _Export:
    """Canvas's export."""

    path: Path
    delimiter: str
    header: list[str]
    special: list[list[str]]  # the rows before those of students: manual posting, points possible
    students: list[tuple[int, list[str]]]  # each with its line
    columns: dict[str, int]  # of items, by their ids

    def value(self, row: Sequence[str], column: str) -> str:
        return row[self.header.index(column)].strip() if column in self.header else ""


def _read(path: Path, items: Sequence[Item]) -> _Export:
    text = read(path).removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] = []
    special, students = [], []
    try:
        for row in reader:
            if not header:
                header = row
                continue
            row += [""] * (len(header) - len(row))
            if "Points Possible" in row[0] or not any(c and not c.strip().startswith("Manual Posting") for c in row):
                special.append(row)
            else:
                students.append((reader.line_num, row))
    except csv.Error as error:
        raise UsageError(f"{shown(path)}:{reader.line_num}: not CSV: {error}.") from None
    if "ID" not in header or not {"Student", "LastName"} & set(header):
        raise UsageError(
            f"{shown(path)}:1: no export of Canvas's gradebook, which has the columns Student and ID; take it "
            "as it was downloaded."
        )
    return _Export(path, delimiter, header, special, students, _columns(path, header, items))


def _columns(path: Path, header: Sequence[str], items: Sequence[Item]) -> dict[str, int]:
    """Where the items' points go: an assignment is an item if it has its title or its id."""
    titles = {index: _plain(name) for index, name in enumerate(header) if name not in IDENTIFYING}
    columns: dict[str, int] = {}
    for item in items:
        found = [index for index, title in titles.items() if title in (_plain(item.title), _plain(item.id))]
        if len(found) > 1:
            names = " and ".join(f"'{header[index]}'" for index in found)
            raise UsageError(f"{shown(path)}:1: {item.id} could be {names}; take the other column out of the file.")
        if found and found[0] in columns.values():
            raise UsageError(f"{shown(path)}:1: '{header[found[0]]}' could be two exercises or quizzes; rename it.")
        if found:
            columns[item.id] = found[0]
        else:
            remark(f"no column of {shown(path)} is called '{item.title}' or '{item.id}'; it is left out.")
    if not columns:
        raise UsageError(f"{shown(path)}:1: no column is called as anything that was graded; rename the assignments.")
    return columns


def _plain(title: str) -> str:
    return " ".join(_ASSIGNMENT_ID.sub("", title).split()).casefold()


def _filled(book: Book, export: _Export) -> Iterator[list[str]]:
    roll = Roll(
        shown(export.path),
        (
            (line, keys(*(export.value(row, name) for name in ("ID", "SIS User ID", "SIS Login ID"))))
            for line, row in export.students
        ),
    )
    items = [item for item in book.items if item.id in export.columns]
    points: dict[int, list[str]] = {}
    for student, grades in by_student(book):
        line = roll.find(student, keys(student.id, student.login, student.email))
        if line is not None:
            points[line] = final_points(grades, items)
    roll.remark_missing()
    kept = [index for index, name in enumerate(export.header) if name in IDENTIFYING]
    ours = [export.columns[item.id] for item in items]
    yield [export.header[index] for index in (*kept, *ours)]
    for row in export.special:
        yield [row[index] for index in (*kept, *ours)]
        if "Points Possible" in row[0]:
            _compare(row, items, export)
    for line, row in export.students:
        identity = [cell(row[index]) if export.header[index] in NAMES else row[index] for index in kept]
        yield [*identity, *points.get(line, [""] * len(ours))]


def _compare(row: Sequence[str], items: Sequence[Item], export: _Export) -> None:
    for item in items:
        possible = row[export.columns[item.id]].strip()
        if _NUMBER.fullmatch(possible) and float(possible.replace(",", ".")) != item.max_score:
            remark(f"{item.id} has {number(item.max_score)} points here and {possible} in Canvas; ours are written.")
