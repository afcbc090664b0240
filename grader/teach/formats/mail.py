"""mail.csv: a mail merge table with a row for each student who has an e-mail address."""

from collections.abc import Iterator
from pathlib import Path

from grader.base.text import clean_line
from grader.show.numbers import format_points
from grader.teach.formats.feedback import FOLDER, PAGE_NAME
from grader.teach.formats.files import join_names, print_note
from grader.teach.formats.names import folder_name
from grader.teach.formats.table import csv_cell, points_cell, write_table
from grader.teach.formats.view import describe_grade, grades_by_student, total_points
from grader.teach.gradebook.model import Book


def write_mail(book: Book, out: Path) -> list[Path]:
    """Write mail.csv, and print a note with the students who have no address. Raises UsageError if writing fails."""
    without = [clean_line(student.name or student.id) for student in book.students if not student.email]
    if without:
        print_note(f"{len(without)} students have no e-mail address and therefore no row: {join_names(without)}.")
    return [write_table(out / "mail.csv", _rows(book))]


def _rows(book: Book) -> Iterator[list[str]]:
    maximum = format_points(sum(item.max_score for item in book.items))
    yield ["email", "name", "student", "points", "of", "text", "attachment"]
    for student, grades in grades_by_student(book):
        if student.email:
            text = (
                " ".join(sentence for grade in grades for sentence in describe_grade(grade))
                or "Nothing could be graded."
            )
            page = f"{FOLDER}/{folder_name(student.id)}/{PAGE_NAME}"
            yield [
                *map(csv_cell, (student.email, student.name or student.id, student.id)),
                *(points_cell(total_points(grades)), maximum, csv_cell(text), page),
            ]
