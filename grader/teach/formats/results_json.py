"""results.json: the whole gradebook, for programs. `make docs` describes it in docs/reference."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from grader.base.files import open_atomic
from grader.base.result import SCHEMA as RESULT_SCHEMA
from grader.base.result import Outcome, Result
from grader.base.text import clean, clean_line
from grader.quiz.result import QuizResult
from grader.show.layout import display_struct
from grader.show.schema import versioned_schema
from grader.teach.formats.view import grades_by_student, total_points
from grader.teach.gradebook.model import BatchRun, Book, Grade, GradedFile, Item, Points
from grader.teach.handins.handin import Ignored, IgnoredKind, Student

SCHEMA = "archgrade/results/v1"
_UNUSUAL = re.compile("[^ -~]")

_DESCRIPTION = (
    "What `--format json` writes. Within v1 fields may be added; none is removed, renamed or given another meaning, so "
    "a reader must pass over fields that it does not know."
)


class ItemGrade(Struct, frozen=True, kw_only=True):
    """What a student has for one item. There is none for what was not handed in."""

    item: str
    """ID of the item."""
    handed: GradedFile
    outcome: Outcome
    points: Points | None
    """Null: not known, because the grader failed."""
    error: str | None
    """A fault of the grader; the other fields are then from an earlier run."""
    result: Result | None
    """If it is an exercise."""
    quiz: QuizResult | None
    """If it is a quiz."""


class StudentGrades(Struct, frozen=True, kw_only=True):
    """A student and all grades of the student."""

    student: Student
    total: float | None
    """Sum of the final points; null if some are not known."""
    grades: tuple[ItemGrade, ...]


class IgnoredFile(Struct, frozen=True, kw_only=True):
    """A file that the run did not grade. What a group handed in is there once for each member."""

    student: str | None
    """The student's ID, if known."""
    file: str
    why: str
    kind: IgnoredKind


class Results(Struct, frozen=True, kw_only=True):
    """The whole file."""

    schema: str = SCHEMA
    course: str
    """The course's title."""
    run: BatchRun
    items: tuple[Item, ...]
    max_total: float
    """Sum of the items' `max_score`."""
    ignored: tuple[IgnoredFile, ...] = ()
    students: tuple[StudentGrades, ...]
    """Sorted by ID."""


def write_results_json(book: Book, out: Path) -> list[Path]:
    """Write results.json, with one line for each student."""
    path = out / "results.json"
    head = Results(
        course=book.course,
        run=book.run,
        items=tuple(book.items),
        max_total=sum(item.max_score for item in book.items),
        ignored=tuple(map(_ignored, book.ignored)),
        students=(),
    )
    before, students, after = msgspec.json.encode(head).decode().rpartition('"students":[')
    with open_atomic(path) as file:
        file.write(before + students)
        separator = "\n"
        for student, grades in grades_by_student(book):
            entry = StudentGrades(
                student=display_struct(student, True),
                total=total_points(grades),
                grades=tuple(map(_item_grade, grades)),
            )
            file.write(separator + _visible(msgspec.json.encode(entry).decode()))
            separator = ",\n"
        file.write("\n" + after + "\n")
    return [path]


def _ignored(ignored: Ignored) -> IgnoredFile:
    student = None if ignored.student is None else clean_line(ignored.student.id)
    return IgnoredFile(student=student, file=clean_line(ignored.file), why=clean_line(ignored.why), kind=ignored.kind)


def _visible(text: str) -> str:
    """Escape control, invisible and direction-changing characters in JSON."""
    return _UNUSUAL.sub(lambda found: found[0] if clean(found[0]) == found[0] else _escape(found[0]), text)


def _escape(char: str) -> str:
    return re.sub("(....)", r"\\u\1", char.encode("utf-16-be").hex())


def _item_grade(grade: Grade) -> ItemGrade:
    return ItemGrade(
        item=grade.item.id,
        handed=display_struct(grade.handed, True),
        outcome=grade.outcome,
        points=grade.points and display_struct(grade.points, True),
        error=None if grade.error is None else clean_line(grade.error),
        result=grade.result if isinstance(grade.result, Result) else None,
        quiz=grade.result if isinstance(grade.result, QuizResult) else None,
    )


def schema() -> dict[str, Any]:
    """Return the schema of the file (JSON Schema 2020-12)."""
    return versioned_schema(Results, _DESCRIPTION, {"Results": SCHEMA, "Result": RESULT_SCHEMA})


def schema_text() -> str:
    """Return the content of docs/reference/results.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
