"""grades.csv, a row for each student, grades-long.csv, one for each grade, and not-graded.csv, one for each file."""

from collections.abc import Iterator
from pathlib import Path

from grader.base.result import Result
from grader.show.numbers import format_points
from grader.teach.formats.table import cell, points_cell, write_table
from grader.teach.formats.view import by_student, final_points, total
from grader.teach.gradebook.left_out import of_book
from grader.teach.gradebook.model import Book
from grader.teach.handins.handin import Kind

LONG = (
    *("student", "name", "item", "kind", "measured", "late", "adjustment", "final", "max", "outcome"),
    *("diagnosis", "seed", "file", "sha256", "handed in", "run", "reasons", "error"),
)


def write_grades_csv(book: Book, out: Path) -> list[Path]:
    """Writes the three tables."""
    return [
        write_table(out / "grades.csv", _wide(book)),
        write_table(out / "grades-long.csv", _long(book)),
        write_table(out / "not-graded.csv", _not_graded(book)),
    ]


def _wide(book: Book) -> Iterator[list[str]]:
    most = format_points(sum(item.max_score for item in book.items))
    yield ["student", "name", "email", "login", *(cell(item.id) for item in book.items), "total", "max"]
    for student, grades in by_student(book):
        yield [
            *map(cell, (student.id, student.name, student.email, student.login)),
            *final_points(grades, book.items),
            points_cell(total(grades)),
            most,
        ]


def _not_graded(book: Book) -> Iterator[list[str]]:
    """What nothing is graded of comes first, then what cannot be read; earlier versions last."""
    yield ["student", "name", "file", "why", "kind", "anything else graded"]
    lost = of_book(book)
    earlier = [each for each in book.ignored if each.kind is Kind.EARLIER]
    for each in (*lost.overlooked, *lost.files, *earlier):
        student = each.student
        yield [
            *map(cell, (student.id, student.name, each.file, each.why) if student else ("", "", each.file, each.why)),
            each.kind.value,
            "" if student is None else "yes" if student.id in book.graded else "no",
        ]


def _long(book: Book) -> Iterator[list[str]]:
    yield list(LONG)
    for grade in book.grades():
        points = grade.points
        result = grade.result if isinstance(grade.result, Result) else None
        measured = (points.measured, points.late, points.adjustment, points.final) if points else (None,) * 4
        yield [
            *map(cell, (grade.student.id, grade.student.name, grade.item.id, grade.item.kind)),
            *map(points_cell, measured),
            format_points(grade.item.max_score),
            grade.outcome.value,
            cell(result.diagnosis.mistake if result and result.diagnosis else None),
            str(result.seed) if result else "",
            cell(grade.handed.file),
            grade.handed.sha256,
            grade.handed.time.isoformat() if grade.handed.time else "",
            str(book.run.id),
            cell(" ".join(points.reasons) if points else None),
            cell(grade.error),
        ]
