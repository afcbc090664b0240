"""moodle.csv: the offline grading worksheet of a Moodle assignment with the grades filled in.

The headers are in the language of the user who downloaded it, and Moodle compares the other columns when the file is
uploaded. So only cells of grades and of feedback are changed, and everything else is copied byte for byte.
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
from grader.teach.formats.files import print_note, read_template
from grader.teach.formats.matching import RowMatcher, identifiers
from grader.teach.formats.view import describe_grade, grades_by_student, total_points
from grader.teach.gradebook.model import Book, Grade
from grader.teach.gradebook.ungraded import ungraded_in
from grader.teach.handins.handin import Ignored, Student

_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^,\r\n"]*))(,|\r\n|\n|\r|\Z)')
_PARTICIPANT = re.compile(r"[^\d,;@]+?(\d+)")  # "Participant 657693" in any language
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_POSITIVE = re.compile(r"0*[1-9]\d*(?:[.,]\d+)?|0+[.,]0*[1-9]\d*")


@dataclass(frozen=True)
class _WorksheetCell:
    text: str
    start: int  # offset in the file, quotation marks included
    end: int


@dataclass(frozen=True)
class _WorksheetRow:
    line: int
    cells: tuple[_WorksheetCell, ...]

    def text(self, column: int) -> str:
        return self.cells[column].text.strip()


@dataclass(frozen=True)
class _Worksheet:
    path: Path
    text: str
    rows: list[_WorksheetRow]
    grade: int  # index of the column
    maximum: int  # likewise
    feedback: int | None
    emails: tuple[int, ...]

    def identifiers(self, row: _WorksheetRow) -> frozenset[str]:
        """Return the identifiers of a row's student."""
        found = _PARTICIPANT.fullmatch(row.text(0))
        return identifiers(f"participant {found[1]}" if found else None, *(row.text(column) for column in self.emails))

    def participant(self, row: _WorksheetRow) -> str:
        """Return the participant's number in a row."""
        found = _PARTICIPANT.fullmatch(row.text(0))
        assert found is not None  # checked by read_worksheet
        return found[1]


def write_moodle(book: Book, out: Path, template: Path) -> list[Path]:
    """Write moodle.csv with the grade of each student: the share of all points times the maximum grade.

    Raises UsageError if the template is not a worksheet, or if a column or a student is ambiguous.
    """
    sheet = read_worksheet(template)
    max_score = sum(item.max_score for item in book.items)
    changes: list[tuple[_WorksheetCell, str]] = []
    kept_comments = 0
    not_graded = ungraded_in(book).of_student
    rows = {row.line: row for row in sheet.rows}
    matcher = RowMatcher(shown(template), ((row.line, sheet.identifiers(row)) for row in sheet.rows))
    for student, grades in grades_by_student(book):
        line = matcher.find(student, participant_of(student, book))
        if line is None:
            continue
        row = rows[line]
        points = total_points(grades) if grades else None
        if points is None:
            comment = _not_graded(not_graded.get(student.id, ()))
        else:
            comment = _feedback(grades)
            maximum = row.text(sheet.maximum)
            grade = _scaled(points / max_score, maximum) if max_score else maximum
            changes.append((row.cells[sheet.grade], grade))
        if not comment or sheet.feedback is None:
            continue
        if row.text(sheet.feedback):
            kept_comments += 1
        else:
            changes.append((row.cells[sheet.feedback], comment))
    matcher.note_missing()
    if sheet.feedback is None:
        print_note(f"{shown(template)} has no column 'Feedback comments', so only grades are filled in.")
    if kept_comments:
        print_note(f"{kept_comments} feedback comments of {shown(template)} existed already and are kept.")
    path = out / "moodle.csv"
    with open_atomic(path) as file:
        file.write(_replaced(sheet.text, changes))
    return [path]


def participant_of(student: Student, book: Book) -> frozenset[str]:
    """Return a student's identifiers in a worksheet: the e-mail address, and the id if it came from Moodle."""
    return identifiers(f"participant {student.id}" if "moodle" in book.run.layout else None, student.email)


def _scaled(share: float, maximum: str) -> str:
    """Return a share of the maximum grade, at most all of it, with the maximum's decimal mark."""
    grade = f"{min(share, 1.0) * float(maximum.replace(',', '.')):.2f}"
    return grade.replace(".", ",") if "," in maximum else grade


def _feedback(grades: Sequence[Grade]) -> str:
    """Return comments as HTML: an explanation of the points, and of files that could not be read."""
    return "<br>".join(escape(" ".join([*describe_grade(grade), *_unreadable(grade)]), quote=False) for grade in grades)


def _unreadable(grade: Grade) -> list[str]:
    if grade.outcome is not Outcome.UNREADABLE or not isinstance(grade.result, Result):
        return []
    return [clean_line(grade.result.message or "")]


def _not_graded(files: Sequence[Ignored]) -> str:
    """Return comments as HTML for a student with nothing graded: the files and the reasons."""
    sentences = (f"Not graded: {PurePath(each.file).name}: {each.why}." for each in files)
    return "<br>".join(escape(clean_line(each), quote=False) for each in sentences)


def _replaced(text: str, changes: Sequence[tuple[_WorksheetCell, str]]) -> str:
    parts, end = [], 0
    for cell, new in sorted(changes, key=lambda change: change[0].start):
        quoted = text[cell.start : cell.end].startswith('"') or re.search('[,"\r\n]', new)
        parts += [text[end : cell.start], '"' + new.replace('"', '""') + '"' if quoted else new]
        end = cell.end
    return "".join([*parts, text[end:]])


def read_worksheet(path: Path) -> _Worksheet:
    """Read a grading worksheet. Raises UsageError if it is not one, or if a column is ambiguous."""
    text = read_template(path)
    first = text.partition("\n")[0]
    if first.count(";") > first.count(","):
        raise UsageError(
            f"{shown(path)}:1: cells are separated by semicolons; use the file as it was downloaded, with commas."
        )
    rows = list(_rows(path, text))
    if len(rows) < 2:
        raise UsageError(f"{shown(path)}:1: the worksheet has no students; download it again.")
    header, *students = rows
    for row in students:
        if len(row.cells) != len(header.cells):
            raise UsageError(
                f"{shown(path)}:{row.line}: {len(row.cells)} cells where the header has {len(header.cells)}; use the "
                "worksheet as it was downloaded, with commas between the cells."
            )
        if not _PARTICIPANT.fullmatch(row.text(0)):
            raise UsageError(
                f"{shown(path)}:{row.line}: the first cell must be Moodle's identifier, 'Participant 123'; use the "
                "worksheet as it was downloaded (View all submissions, Download grading worksheet)."
            )
    titles = [" ".join(cell.text.split()).casefold() for cell in header.cells]
    maximum = _maximum(path, titles, students)
    grade = titles.index("grade") if titles.count("grade") == 1 else maximum - 1
    if grade < 1:
        raise _ambiguous_columns(path)
    feedback = titles.index("feedback comments") if titles.count("feedback comments") == 1 else None
    emails = tuple(  # not the second column, which has the names that students choose
        column for column in range(2, grade) if all(_ADDRESS.fullmatch(row.text(column) or "-@-") for row in students)
    )
    return _Worksheet(path, text, students, grade, maximum, feedback, emails)


def _maximum(path: Path, titles: Sequence[str], students: Sequence[_WorksheetRow]) -> int:
    """Return the column of the maximum grade.

    It has the English name, or is the only column after a column of grades that has one positive number in all rows.
    """
    if titles.count("maximum grade") == 1:
        column = titles.index("maximum grade")
        for row in students:
            if not _POSITIVE.fullmatch(row.text(column)):
                raise UsageError(
                    f"{shown(path)}:{row.line}: the maximum grade is not a number; scales are not supported."
                )
        return column
    same = [
        column
        for column in range(2, len(titles))
        if len(values := {row.text(column) for row in students}) == 1
        and _POSITIVE.fullmatch(values.pop())
        and all(_may_be_grade(row.text(column - 1)) for row in students)
    ]
    if len(same) != 1:
        raise _ambiguous_columns(path)
    return same[0]


def _may_be_grade(text: str) -> bool:
    """Return whether a cell may hold a grade: a number, or nothing yet."""
    return text in ("", "-") or re.fullmatch(r"\d+(?:[.,]\d+)?", text) is not None


def _ambiguous_columns(path: Path) -> UsageError:
    return UsageError(
        f"{shown(path)}:1: it is unclear which column holds the grades; set your language in Moodle to English and "
        "download the worksheet again."
    )


def _rows(path: Path, text: str) -> Iterator[_WorksheetRow]:
    position = 1 if text.startswith("\ufeff") else 0
    line, start_line = 1, 1
    cells: list[_WorksheetCell] = []
    while position < len(text):
        found = _CELL.match(text, position)
        if found is None:
            raise UsageError(f"{shown(path)}:{line}: not CSV: a quotation mark is out of place.")
        quoted, plain, separator = found.groups()
        value = plain if quoted is None else quoted.replace('""', '"')
        cells.append(_WorksheetCell(value, found.start(), found.start(3)))
        line += len(re.findall("\r\n|\n|\r", found[0]))
        position = found.end()
        if separator != ",":
            if cells != [_WorksheetCell("", found.start(), found.start(3))]:  # an empty line
                yield _WorksheetRow(start_line, tuple(cells))
            cells, start_line = [], line
        elif position == len(text):
            cells.append(_WorksheetCell("", position, position))
            yield _WorksheetRow(start_line, tuple(cells))
