"""classroom50/<student>/result.json, as an autograder leaves it for Classroom 50."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path

import msgspec

from grader.base.files import write_bytes
from grader.base.text import clean_line
from grader.teach.formats.cases import cases
from grader.teach.formats.files import remark, several
from grader.teach.formats.names import folder_name
from grader.teach.formats.view import by_student, total
from grader.teach.gradebook.model import Book, Grade
from grader.teach.handins.handin import Student

FACTOR = 100  # Classroom 50 counts in whole numbers: a point of ours is a hundred of its own


class ClassroomTest(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """One test; `exercise` and `outcome` are ours."""

    test_name: str
    passed: bool
    score: int
    max_score: int
    exercise: str
    outcome: str


class ClassroomResult(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """The file. What the environment does not say is null."""

    schema: str = "classroom50/result/v1"
    classroom: str | None
    assignment: str | None
    usernames: tuple[str, ...]
    submission: str | None
    commit: str | None
    release: str | None
    review: str | None
    datetime: str
    score: int
    max_score: int
    tests: tuple[ClassroomTest, ...]


def write_classroom50(book: Book, out: Path) -> list[Path]:
    """Writes a file for each student whose grades are all known.

    Where one is not, a missing file is what Classroom 50 takes for a fault of the autograder.
    """
    paths, uncertain = [], []
    for student, grades in by_student(book):
        if not grades:
            continue
        path = out / "classroom50" / folder_name(student.id) / "result.json"
        points = total(grades)
        if points is not None:
            data = msgspec.json.encode(_result(book, student, grades, points, os.environ))
            paths.append(write_bytes(path, msgspec.json.format(data, indent=2) + b"\n"))
        else:
            path.unlink(missing_ok=True)  # of a former export
            uncertain.append(student.id)
    if uncertain:
        remark(f"something could not be graded, so these students have no result.json: {several(uncertain)}.")
    return paths


def _result(
    book: Book, student: Student, grades: Sequence[Grade], points: float, environment: Mapping[str, str]
) -> ClassroomResult:
    most = _scaled(sum(item.max_score for item in book.items))
    return ClassroomResult(
        classroom=environment.get("CLASSROOM"),
        assignment=environment.get("ASSIGNMENT"),
        usernames=(environment.get("USERNAME") or environment.get("OWNER") or clean_line(student.login or student.id),),
        submission=environment.get("SUBMISSION_TAG"),
        commit=environment.get("COMMIT_URL"),
        release=environment.get("RELEASE_URL"),
        review=environment.get("REVIEW_URL"),
        datetime=book.run.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        score=min(_scaled(points), most),
        max_score=most,
        tests=tuple(
            ClassroomTest(
                test_name=f"{grade.item.id}: {case.name}",
                passed=case.passed,
                score=_scaled(case.points),
                max_score=_scaled(case.max_points),
                exercise=grade.item.id,
                outcome=case.outcome.value,
            )
            for grade in grades
            for case in cases(grade, explained=False)
        ),
    )


def _scaled(points: float) -> int:
    return round(points * FACTOR)
