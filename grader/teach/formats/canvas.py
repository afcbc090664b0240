"""canvas.csv: a table to import into Canvas's gradebook, new or made from Canvas's own export."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.show.numbers import format_points
from grader.teach.formats.files import print_note, read_template
from grader.teach.formats.matching import RowMatcher, identifiers
from grader.teach.formats.table import csv_cell, write_table
from grader.teach.formats.view import final_points, grades_by_student
from grader.teach.gradebook.model import Book, Item

STUDENT_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
IDENTIFYING = {*STUDENT_COLUMNS, "LastName", "FirstName", "Integration ID", "Root Account"}
POINTS_POSSIBLE = "    Points Possible"  # by which Canvas recognizes the row
NAMES = {"Student", "LastName", "FirstName"}  # chosen by students, and ignored by Canvas, which uses the ids
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_ASSIGNMENT_ID = re.compile(r"\s*\(\d+\)$")


def write_canvas(book: Book, out: Path, template: Path | None) -> list[Path]:
    """Write canvas.csv.

    With Canvas's own export as the template, it has the export's students and identifying columns, and those of its
    assignments that are in the gradebook. Raises UsageError if the template is not such an export, or if a column or a
    student is ambiguous.
    """
    path = out / "canvas.csv"
    if template is None:
        return [write_table(path, _new_table(book))]
    export = _read_export(template, book.items)
    return [write_table(path, _filled_in(book, export), export.delimiter)]


def _new_table(book: Book) -> Iterator[list[str]]:
    titles = [item.title for item in book.items]
    columns = [item.title if titles.count(item.title) == 1 else f"{item.title}, {item.id}" for item in book.items]
    yield [*STUDENT_COLUMNS, *map(csv_cell, columns)]
    yield [POINTS_POSSIBLE, "", "", "", "", *(format_points(item.max_score) for item in book.items)]
    for student, grades in grades_by_student(book):
        canvas_id = student.id if "canvas" in book.run.layout and student.id.isdigit() else ""
        sis_id = "" if canvas_id else student.id
        yield [
            *map(csv_cell, (student.name or student.id, canvas_id, sis_id, student.login, "")),
            *final_points(grades, book.items),
        ]


@dataclass(frozen=True)
class _Export:
    """The parsed export of Canvas."""

    path: Path
    delimiter: str
    header: list[str]
    special: list[list[str]]  # rows without a student: manual posting, points possible
    students: list[tuple[int, list[str]]]  # line numbers and rows
    columns: dict[str, int]  # indices of the items' columns by item id

    def value(self, row: Sequence[str], column: str) -> str:
        return row[self.header.index(column)].strip() if column in self.header else ""


def _read_export(path: Path, items: Sequence[Item]) -> _Export:
    text = read_template(path).removeprefix("\ufeff")
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
            f"{shown(path)}:1: not an export of Canvas's gradebook, which has the columns Student and ID; use "
            "the file as it was downloaded."
        )
    return _Export(path, delimiter, header, special, students, _columns(path, header, items))


def _columns(path: Path, header: Sequence[str], items: Sequence[Item]) -> dict[str, int]:
    """Return the columns of the items. An assignment matches an item by the item's title or id."""
    titles = {index: _normalized(name) for index, name in enumerate(header) if name not in IDENTIFYING}
    columns: dict[str, int] = {}
    for item in items:
        found = [index for index, title in titles.items() if title in (_normalized(item.title), _normalized(item.id))]
        if len(found) > 1:
            names = " and ".join(f"'{header[index]}'" for index in found)
            raise UsageError(f"{shown(path)}:1: {item.id} could be {names}; remove the other column from the file.")
        if found and found[0] in columns.values():
            raise UsageError(f"{shown(path)}:1: '{header[found[0]]}' could be two exercises or quizzes; rename it.")
        if found:
            columns[item.id] = found[0]
        else:
            print_note(f"no column of {shown(path)} is named '{item.title}' or '{item.id}'; it is left out.")
    if not columns:
        raise UsageError(
            f"{shown(path)}:1: no column is named after a graded exercise or quiz; rename the assignments."
        )
    return columns


def _normalized(title: str) -> str:
    return " ".join(_ASSIGNMENT_ID.sub("", title).split()).casefold()


def _filled_in(book: Book, export: _Export) -> Iterator[list[str]]:
    matcher = RowMatcher(
        shown(export.path),
        (
            (line, identifiers(*(export.value(row, name) for name in ("ID", "SIS User ID", "SIS Login ID"))))
            for line, row in export.students
        ),
    )
    items = [item for item in book.items if item.id in export.columns]
    points: dict[int, list[str]] = {}
    for student, grades in grades_by_student(book):
        line = matcher.find(student, identifiers(student.id, student.login, student.email))
        if line is not None:
            points[line] = final_points(grades, items)
    matcher.note_missing()
    identifying = [index for index, name in enumerate(export.header) if name in IDENTIFYING]
    graded = [export.columns[item.id] for item in items]
    yield [export.header[index] for index in (*identifying, *graded)]
    for row in export.special:
        yield [row[index] for index in (*identifying, *graded)]
        if "Points Possible" in row[0]:
            _check_points_possible(row, items, export)
    for line, row in export.students:
        identity = [csv_cell(row[index]) if export.header[index] in NAMES else row[index] for index in identifying]
        yield [*identity, *points.get(line, [""] * len(graded))]


def _check_points_possible(row: Sequence[str], items: Sequence[Item], export: _Export) -> None:
    """Print a note for each item whose points differ in Canvas."""
    for item in items:
        possible = row[export.columns[item.id]].strip()
        if _NUMBER.fullmatch(possible) and float(possible.replace(",", ".")) != item.max_score:
            print_note(
                f"{item.id} has {format_points(item.max_score)} points here and {possible} in Canvas; "
                "grades are written unscaled."
            )
