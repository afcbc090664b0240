"""prairielearn/<student>/results.json, as an external grader leaves it for PrairieLearn."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from grader.base.files import write_bytes
from grader.show.failure import GRADER_FAULT
from grader.teach.formats.cases import cases
from grader.teach.formats.names import folder_name
from grader.teach.formats.view import account, by_student, total
from grader.teach.gradebook.model import Book, Grade, Item

LIMIT = 1_000_000  # bytes of the file
CUTS = (None, 5000, 500, 50)  # characters of each output and message
FORMAT_ERRORS = (GRADER_FAULT,)


class PrairieTest(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str
    points: float
    max_points: float
    message: str
    output: str


class PrairieResults(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The file. Without a score it is not gradable, and costs the student no attempt."""

    succeeded: bool
    gradable: bool
    score: float | None = None  # from 0 to 1
    format_errors: tuple[str, ...] = ()
    message: str
    output: str = ""
    tests: tuple[PrairieTest, ...]


def write_prairielearn(book: Book, out: Path) -> list[Path]:
    """Writes a file of at most 1 MB for each student who handed something in."""
    return [
        write_bytes(out / "prairielearn" / folder_name(student.id) / "results.json", _bounded(grades, book.items))
        for student, grades in by_student(book)
        if grades
    ]


def _bounded(grades: Sequence[Grade], items: Sequence[Item]) -> bytes:
    """The file, its outputs cut as far as it takes."""
    data = b""
    for cut in CUTS:
        data = msgspec.json.encode(_results(grades, items, cut)) + b"\n"
        if len(data) <= LIMIT:
            break
    return data


def _results(grades: Sequence[Grade], items: Sequence[Item], cut: int | None) -> PrairieResults:
    points = total(grades)
    most = sum(item.max_score for item in items)
    said = [sentence for grade in grades for sentence in account(grade)]
    if cut is not None:
        said.append(f"The outputs are cut after {cut} characters, since the page holds no more.")
    return PrairieResults(
        succeeded=points is not None,
        gradable=points is not None,
        score=None if points is None else min(points / most, 1.0) if most else 1.0,
        format_errors=() if points is not None else FORMAT_ERRORS,
        message="\n".join(said),
        tests=tuple(
            PrairieTest(
                name=f"{grade.item.id}: {case.name}",
                description=case.description,
                points=round(case.points, 4),
                max_points=round(case.max_points, 4),
                message=case.message[:cut],
                output=case.text[:cut],
            )
            for grade in grades
            for case in cases(grade)
        ),
    )
