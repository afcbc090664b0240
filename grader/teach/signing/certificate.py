"""A certificate: what one student has earned, in a signed file of its own, to be carried away."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from grader.base.files import write_bytes
from grader.base.text import clean_line
from grader.teach.formats.names import folder_name
from grader.teach.formats.view import by_student, total
from grader.teach.gradebook.model import Book, Grade
from grader.teach.handins.handin import Student
from grader.teach.signing.keys import PrivateKey
from grader.teach.signing.statement import sign

FOLDER = "certificates"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Whose it is."""

    id: str
    name: str | None


class Earned(msgspec.Struct, frozen=True, kw_only=True):
    """What was earned for one exercise or quiz that was handed in."""

    item: str
    title: str
    points: float | None  # final ones; null: it could not be graded
    max: float
    submission: str  # the SHA-256 of the file that was graded
    tests: str | None  # a hash of the exercise with its tests; null: nothing was run


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The statement."""

    schema: Literal["archgrade/certificate/v1"] = "archgrade/certificate/v1"
    course: str
    student: Holder
    earned: tuple[Earned, ...]
    total: float | None
    max_total: float  # of all that was graded in the class, handed in or not
    run: int
    date: datetime  # when the run ended
    engine: str


def write_certificates(book: Book, out: Path, key: PrivateKey) -> Iterator[Path]:
    """Writes a certificate for each student who handed something in; yields the files."""
    for student, grades in by_student(book):
        if grades:
            path = out / FOLDER / f"{folder_name(student.id)}.json"
            yield write_bytes(path, sign(_certificate(book, student, grades), key))


def _certificate(book: Book, student: Student, grades: list[Grade]) -> Certificate:
    return Certificate(
        course=clean_line(book.course),
        student=Holder(id=clean_line(student.id), name=clean_line(student.name) if student.name else None),
        earned=tuple(map(_earned, grades)),
        total=total(grades),
        max_total=sum(item.max_score for item in book.items),
        run=book.run.id,
        date=book.run.ended or book.run.started,
        engine=book.run.engine,
    )


def _earned(grade: Grade) -> Earned:
    return Earned(
        item=grade.item.id,
        title=clean_line(grade.item.title),
        points=grade.points.final if grade.points else None,
        max=grade.item.max_score,
        submission=grade.handed.sha256,
        tests=grade.tests,
    )
