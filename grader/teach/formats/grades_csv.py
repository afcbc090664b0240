"""grades.csv with a row for each student, grades-long.csv for each grade, and not-graded.csv for each ungraded file."""

from collections.abc import Iterator
from pathlib import Path

from grader.base.result import Result
from grader.show.numbers import format_points
from grader.teach.formats.table import csv_cell, points_cell, write_table
from grader.teach.formats.view import final_points, grades_by_student, total_points
from grader.teach.gradebook.model import Book
from grader.teach.gradebook.ungraded import ungraded_in
from grader.teach.handins.handin import IgnoredKind

LONG_COLUMNS = (
    *("student", "name", "item", "kind", "measured", "late", "adjustment", "final", "max", "outcome"),
    *("diagnosis", "seed", "file", "sha256", "handed in", "run", "reasons", "error"),
)


def write_grades_csv(book: Book, out: Path) -> list[Path]:
    """Write the three tables."""
    return [
        write_table(out / "grades.csv", _wide(book)),
        write_table(out / "grades-long.csv", _long(book)),
        write_table(out / "not-graded.csv", _not_graded(book)),
    ]


def _wide(book: Book) -> Iterator[list[str]]:
    maximum = format_points(sum(item.max_score for item in book.items))
    yield ["student", "name", "email", "login", *(csv_cell(item.id) for item in book.items), "total", "max"]
    for student, grades in grades_by_student(book):
        yield [
            *map(csv_cell, (student.id, student.name, student.email, student.login)),
            *final_points(grades, book.items),
            points_cell(total_points(grades)),
            maximum,
        ]


def _not_graded(book: Book) -> Iterator[list[str]]:
    """Yield the files of students with nothing graded, then those of other students, and at last earlier versions."""
    yield ["student", "name", "file", "why", "kind", "anything else graded"]
    left_out = ungraded_in(book)
    earlier = [each for each in book.ignored if each.kind is IgnoredKind.EARLIER]
    for each in (*left_out.overlooked, *left_out.files, *earlier):
        student = each.student
        name = (student.id, student.name) if student else ("", "")
        yield [
            *map(csv_cell, (*name, each.file, each.why)),
            each.kind.value,
            "" if student is None else "yes" if student.id in book.graded else "no",
        ]


def _long(book: Book) -> Iterator[list[str]]:
    yield list(LONG_COLUMNS)
    for grade in book.grades():
        points = grade.points
        result = grade.result if isinstance(grade.result, Result) else None
        measured = (points.measured, points.late, points.adjustment, points.final) if points else (None,) * 4
        yield [
            *map(csv_cell, (grade.student.id, grade.student.name, grade.item.id, grade.item.kind)),
            *map(points_cell, measured),
            format_points(grade.item.max_score),
            grade.outcome.value,
            csv_cell(result.diagnosis.mistake if result and result.diagnosis else None),
            str(result.seed) if result else "",
            csv_cell(grade.handed.file),
            grade.handed.sha256,
            grade.handed.time.isoformat() if grade.handed.time else "",
            str(book.run.id),
            csv_cell(" ".join(points.reasons) if points else None),
            csv_cell(grade.error),
        ]
