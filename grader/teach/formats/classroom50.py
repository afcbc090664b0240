"""classroom50/<student>/result.json, in the format of Classroom 50's autograders."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path

import msgspec

from grader.base.files import write_bytes
from grader.base.text import clean_line
from grader.teach.formats.cases import cases
from grader.teach.formats.files import join_names, print_note
from grader.teach.formats.names import folder_name
from grader.teach.formats.view import grades_by_student, total_points
from grader.teach.gradebook.model import Book, Grade
from grader.teach.handins.handin import Student

FACTOR = 100  # Classroom 50 has only whole points: one point here is 100 points there


class ClassroomTest(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """One test. `exercise` and `outcome` are extensions of archgrade."""

    test_name: str
    passed: bool
    score: int
    max_score: int
    exercise: str
    outcome: str


class ClassroomResult(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """The whole file. Fields whose environment variable is missing are null."""

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
    """Write a file for each student whose grades are all known.

    The others get no file, which Classroom 50 reports as a fault of the autograder.
    """
    paths, ungraded = [], []
    for student, grades in grades_by_student(book):
        if not grades:
            continue
        path = out / "classroom50" / folder_name(student.id) / "result.json"
        points = total_points(grades)
        if points is not None:
            data = msgspec.json.encode(_result(book, student, grades, points, os.environ))
            paths.append(write_bytes(path, msgspec.json.format(data, indent=2) + b"\n"))
        else:
            path.unlink(missing_ok=True)  # a file of an earlier export
            ungraded.append(student.id)
    if ungraded:
        print_note(f"these students have no result.json, as some work could not be graded: {join_names(ungraded)}.")
    return paths


def _result(
    book: Book, student: Student, grades: Sequence[Grade], points: float, environment: Mapping[str, str]
) -> ClassroomResult:
    maximum = _scaled(sum(item.max_score for item in book.items))
    return ClassroomResult(
        classroom=environment.get("CLASSROOM"),
        assignment=environment.get("ASSIGNMENT"),
        usernames=(environment.get("USERNAME") or environment.get("OWNER") or clean_line(student.login or student.id),),
        submission=environment.get("SUBMISSION_TAG"),
        commit=environment.get("COMMIT_URL"),
        release=environment.get("RELEASE_URL"),
        review=environment.get("REVIEW_URL"),
        datetime=book.run.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        score=min(_scaled(points), maximum),
        max_score=maximum,
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
