"""mail.csv: a row for each student with an e-mail address, for programs that write a letter to each of them."""

from collections.abc import Iterator
from pathlib import Path

from grader.base.text import clean_line
from grader.show.numbers import format_points
from grader.teach.formats.feedback import FOLDER, PAGE_NAME
from grader.teach.formats.files import remark, several
from grader.teach.formats.names import folder_name
from grader.teach.formats.table import cell, points_cell, write_table
from grader.teach.formats.view import account, by_student, total
from grader.teach.gradebook.model import Book


def write_mail(book: Book, out: Path) -> list[Path]:
    """Writes mail.csv. Who has no address is left out, and named. UsageError where the file cannot be written."""
    without = [clean_line(student.name or student.id) for student in book.students if not student.email]
    if without:
        remark(f"{len(without)} students are without an e-mail address, and so without a row: {several(without)}.")
    return [write_table(out / "mail.csv", _rows(book))]


def _rows(book: Book) -> Iterator[list[str]]:
    most = format_points(sum(item.max_score for item in book.items))
    yield ["email", "name", "student", "points", "of", "text", "attachment"]
    for student, grades in by_student(book):
        if student.email:
            text = " ".join(sentence for grade in grades for sentence in account(grade)) or "Nothing could be graded."
            page = f"{FOLDER}/{folder_name(student.id)}/{PAGE_NAME}"
            yield [
                *map(cell, (student.email, student.name or student.id, student.id)),
                *(points_cell(total(grades)), most, cell(text), page),
            ]
