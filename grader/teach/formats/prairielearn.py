"""prairielearn/<student>/results.json, in the format of PrairieLearn's external graders."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from grader.base.files import write_bytes
from grader.show.failure import GRADER_FAULT
from grader.teach.formats.cases import cases
from grader.teach.formats.names import folder_name
from grader.teach.formats.view import describe_grade, grades_by_student, total_points
from grader.teach.gradebook.model import Book, Grade, Item

MAX_BYTES = 1_000_000  # of a file
TEXT_LIMITS = (None, 5000, 500, 50)  # characters of each output and message; the first that fits is used


class PrairieTest(msgspec.Struct, frozen=True, kw_only=True):
    """One test."""

    name: str
    description: str
    points: float
    max_points: float
    message: str
    output: str


class PrairieResults(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole file. Without a score the submission is not gradable, and costs the student no attempt."""

    succeeded: bool
    gradable: bool
    score: float | None = None  # from 0 to 1
    format_errors: tuple[str, ...] = ()
    message: str
    output: str = ""
    tests: tuple[PrairieTest, ...]


def write_prairielearn(book: Book, out: Path) -> list[Path]:
    """Write a file of at most 1 MB for each student who handed something in."""
    return [
        write_bytes(out / "prairielearn" / folder_name(student.id) / "results.json", _encode(grades, book.items))
        for student, grades in grades_by_student(book)
        if grades
    ]


def _encode(grades: Sequence[Grade], items: Sequence[Item]) -> bytes:
    """Encode the results, with messages and outputs shortened as far as necessary."""
    data = b""
    for limit in TEXT_LIMITS:
        data = msgspec.json.encode(_results(grades, items, limit)) + b"\n"
        if len(data) <= MAX_BYTES:
            break
    return data


def _results(grades: Sequence[Grade], items: Sequence[Item], limit: int | None) -> PrairieResults:
    points = total_points(grades)
    max_score = sum(item.max_score for item in items)
    sentences = [sentence for grade in grades for sentence in describe_grade(grade)]
    if limit is not None:
        sentences.append(f"Messages and outputs are cut after {limit} characters, to keep the file below 1 MB.")
    return PrairieResults(
        succeeded=points is not None,
        gradable=points is not None,
        score=None if points is None else min(points / max_score, 1.0) if max_score else 1.0,
        format_errors=() if points is not None else (GRADER_FAULT,),
        message="\n".join(sentences),
        tests=tuple(
            PrairieTest(
                name=f"{grade.item.id}: {case.name}",
                description=case.description,
                points=round(case.points, 4),
                max_points=round(case.max_points, 4),
                message=case.message[:limit],
                output=case.text[:limit],
            )
            for grade in grades
            for case in cases(grade)
        ),
    )
