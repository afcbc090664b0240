"""moodle.csv: the offline grading worksheet of a Moodle assignment with the grades filled in.

Moodle's headers are in the language of whoever downloaded it, and it checks its own columns when they come back. So
only cells of grades and of feedback are written anew; all else stays as it is, byte for byte.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePath

from grader.base.errors import UsageError
from grader.base.files import open_atomic, shown
from grader.base.result import Outcome, Result
from grader.base.text import clean_line
from grader.teach.formats.files import read, remark
from grader.teach.formats.matching import Roll, keys
from grader.teach.formats.view import account, by_student, total
from grader.teach.gradebook.left_out import of_book
from grader.teach.gradebook.model import Book, Grade
from grader.teach.handins.handin import Ignored, Student

_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^,\r\n"]*))(,|\r\n|\n|\r|\Z)')
_PARTICIPANT = re.compile(r"[^\d,;@]+?(\d+)")  # "Participant 657693" in any language
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_POSITIVE = re.compile(r"0*[1-9]\d*(?:[.,]\d+)?|0+[.,]0*[1-9]\d*")


@dataclass(frozen=True)
class _Cell:
    text: str
    start: int  # where it stands in the file, its quotation marks included
    end: int


@dataclass(frozen=True)
class _Row:
    line: int
    cells: tuple[_Cell, ...]

    def text(self, column: int) -> str:
        return self.cells[column].text.strip()


@dataclass(frozen=True)
class _Worksheet:
    path: Path
    text: str
    rows: list[_Row]
    grade: int  # columns
    maximum: int
    feedback: int | None
    emails: tuple[int, ...]

    def keys(self, row: _Row) -> frozenset[str]:
        """What the student of a row is known by."""
        found = _PARTICIPANT.fullmatch(row.text(0))
        return keys(f"participant {found[1]}" if found else None, *(row.text(column) for column in self.emails))

    def number(self, row: _Row) -> str:
        """The participant's number."""
        found = _PARTICIPANT.fullmatch(row.text(0))
        assert found is not None  # it was looked at when the file was read
        return found[1]


def write_moodle(book: Book, out: Path, template: Path) -> list[Path]:
    """Writes moodle.csv: in each row the share of the points that its student has, times the maximum grade.

    UsageError if the template is no worksheet, or its columns or students cannot be told.
    """
    sheet = read_worksheet(template)
    most = sum(item.max_score for item in book.items)
    changes: list[tuple[_Cell, str]] = []
    kept = 0
    lost = of_book(book).of_student
    rows = {row.line: row for row in sheet.rows}
    roll = Roll(shown(template), ((row.line, sheet.keys(row)) for row in sheet.rows))
    for student, grades in by_student(book):
        line = roll.find(student, participant_of(student, book))
        points = total(grades) if grades else None
        comment = _feedback(grades) if points is not None else _not_graded(lost.get(student.id, ()))
        if line is None or not comment:
            continue
        row = rows[line]
        if points is not None:
            maximum = row.text(sheet.maximum)
            grade = _scaled(points / most, maximum) if most else maximum
            changes.append((row.cells[sheet.grade], grade))
        if sheet.feedback is not None and row.text(sheet.feedback):
            kept += 1
        elif sheet.feedback is not None:
            changes.append((row.cells[sheet.feedback], comment))
    roll.remark_missing()
    if sheet.feedback is None:
        remark(f"{shown(template)} has no column that is called 'Feedback comments'; only grades are filled in.")
    if kept:
        remark(f"{kept} feedback comments of {shown(template)} were there already, and stay.")
    path = out / "moodle.csv"
    with open_atomic(path) as file:
        file.write(_replaced(sheet.text, changes))
    return [path]


def participant_of(student: Student, book: Book) -> frozenset[str]:
    """What a student is known by in a worksheet. A number from elsewhere may be that of another participant."""
    return keys(f"participant {student.id}" if "moodle" in book.run.layout else None, student.email)


def _scaled(share: float, maximum: str) -> str:
    """A share of the maximum, which Moodle takes no grade beyond, with the maximum's decimal mark."""
    grade = f"{min(share, 1.0) * float(maximum.replace(',', '.')):.2f}"
    return grade.replace(".", ",") if "," in maximum else grade


def _feedback(grades: Sequence[Grade]) -> str:
    """How the points came about, and why a file could not be read. Moodle takes it for HTML."""
    return "<br>".join(escape(" ".join([*account(grade), *_unreadable(grade)]), quote=False) for grade in grades)


def _unreadable(grade: Grade) -> list[str]:
    if grade.outcome is not Outcome.UNREADABLE or not isinstance(grade.result, Result):
        return []
    return [clean_line(grade.result.message or "")]


def _not_graded(files: Sequence[Ignored]) -> str:
    """What was handed in by somebody of whom nothing is graded, and why it is not."""
    told = (f"Not graded: {PurePath(each.file).name}: {each.why}." for each in files)
    return "<br>".join(escape(clean_line(each), quote=False) for each in told)


def _replaced(text: str, changes: Sequence[tuple[_Cell, str]]) -> str:
    parts, end = [], 0
    for cell, new in sorted(changes, key=lambda change: change[0].start):
        quoted = text[cell.start : cell.end].startswith('"') or re.search('[,"\r\n]', new)
        parts += [text[end : cell.start], '"' + new.replace('"', '""') + '"' if quoted else new]
        end = cell.end
    return "".join([*parts, text[end:]])


def read_worksheet(path: Path) -> _Worksheet:
    """A grading worksheet. UsageError if it is none, or if its columns cannot be told."""
    text = read(path)
    first = text.partition("\n")[0]
    if first.count(";") > first.count(","):
        raise UsageError(f"{shown(path)}:1: semicolons between the cells; Moodle reads only commas, as it wrote them.")
    rows = list(_rows(path, text))
    if len(rows) < 2:
        raise UsageError(f"{shown(path)}:1: there is no student in it; download the grading worksheet again.")
    header, *students = rows
    for row in students:
        if len(row.cells) != len(header.cells):
            raise UsageError(
                f"{shown(path)}:{row.line}: {len(row.cells)} cells where the header has {len(header.cells)}; take the "
                "worksheet as it was downloaded, with commas between the cells."
            )
        if not _PARTICIPANT.fullmatch(row.text(0)):
            raise UsageError(
                f"{shown(path)}:{row.line}: the first cell must be Moodle's identifier, 'Participant 123'; take the "
                "worksheet as it was downloaded (View all submissions, Download grading worksheet)."
            )
    titles = [" ".join(cell.text.split()).casefold() for cell in header.cells]
    maximum = _maximum(path, titles, students)
    grade = titles.index("grade") if titles.count("grade") == 1 else maximum - 1
    if grade < 1:
        raise _not_told(path)
    feedback = titles.index("feedback comments") if titles.count("feedback comments") == 1 else None
    emails = tuple(  # the second column has the names, which students choose
        column for column in range(2, grade) if all(_ADDRESS.fullmatch(row.text(column) or "-@-") for row in students)
    )
    return _Worksheet(path, text, students, grade, maximum, feedback, emails)


def _maximum(path: Path, titles: Sequence[str], students: Sequence[_Row]) -> int:
    """The column of the maximum grade, by its English name or as the only one with one positive number all through."""
    if titles.count("maximum grade") == 1:
        column = titles.index("maximum grade")
        for row in students:
            if not _POSITIVE.fullmatch(row.text(column)):
                raise UsageError(f"{shown(path)}:{row.line}: the maximum grade is no number; scales are not filled in.")
        return column
    same = [
        column
        for column in range(2, len(titles))
        if len(values := {row.text(column) for row in students}) == 1
        and _POSITIVE.fullmatch(values.pop())
        and all(_gradable(row.text(column - 1)) for row in students)
    ]
    if len(same) != 1:
        raise _not_told(path)
    return same[0]


def _gradable(text: str) -> bool:
    """Whether a cell could be one of grades: a number, or nothing yet."""
    return text in ("", "-") or re.fullmatch(r"\d+(?:[.,]\d+)?", text) is not None


def _not_told(path: Path) -> UsageError:
    return UsageError(
        f"{shown(path)}:1: it cannot be told which column holds the grades; set your language in Moodle to English and "
        "download the worksheet again."
    )


def _rows(path: Path, text: str) -> Iterator[_Row]:
    position = 1 if text.startswith("\ufeff") else 0
    line, start_line = 1, 1
    cells: list[_Cell] = []
    while position < len(text):
        found = _CELL.match(text, position)
        if found is None:
            raise UsageError(f"{shown(path)}:{line}: not CSV: a quotation mark is out of place.")
        quoted, plain, separator = found.groups()
        value = plain if quoted is None else quoted.replace('""', '"')
        cells.append(_Cell(value, found.start(), found.start(3)))
        line += len(re.findall("\r\n|\n|\r", found[0]))
        position = found.end()
        if separator != ",":
            if cells != [_Cell("", found.start(), found.start(3))]:  # an empty line
                yield _Row(start_line, tuple(cells))
            cells, start_line = [], line
        elif position == len(text):
            cells.append(_Cell("", position, position))
            yield _Row(start_line, tuple(cells))
