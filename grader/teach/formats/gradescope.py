"""gradescope/<student>/results.json, in the format of Gradescope's autograders."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from grader.base.files import write_bytes
from grader.base.result import Outcome
from grader.teach.formats.cases import CaseResult, cases
from grader.teach.formats.files import join_names, print_note
from grader.teach.formats.names import folder_name
from grader.teach.formats.view import describe_grade, grades_by_student, total_points
from grader.teach.gradebook.model import Book, Grade


class GradescopeTest(Struct, frozen=True, kw_only=True):
    """A test as Gradescope lists it."""

    name: str
    number: str
    score: float | UnsetType  # unset if the test is broken or the submission has no score
    max_score: float | UnsetType
    status: Literal["passed", "failed"] | UnsetType
    output: str
    visibility: Literal["visible", "after_published"]
    tags: tuple[str, ...]


class GradescopeResults(Struct, frozen=True, kw_only=True):
    """The whole file. Gradescope uses `score`, which includes lateness and adjustments, not the sum of the tests.

    If something could not be graded, neither the file nor its tests have a score. Gradescope reports such a file as a
    failure of the autograder and records no points, not even 0.
    """

    score: float | UnsetType = UNSET
    execution_time: float  # seconds
    output: str
    output_format: str = "text"
    test_output_format: str = "text"
    test_name_format: str = "text"
    tests: tuple[GradescopeTest, ...]


def write_gradescope(book: Book, out: Path) -> list[Path]:
    """Write a file for each student who handed something in."""
    paths, without_score = [], []
    for student, grades in grades_by_student(book):
        if grades:
            path = out / "gradescope" / folder_name(student.id) / "results.json"
            data = msgspec.json.format(msgspec.json.encode(gradescope_results(grades)), indent=2)
            paths.append(write_bytes(path, data + b"\n"))
            if total_points(grades) is None:
                without_score.append(student.id)
    if without_score:
        print_note(f"these students have no score, as some work could not be graded: {join_names(without_score)}.")
    return paths


def gradescope_results(grades: Sequence[Grade]) -> GradescopeResults:
    """Return the results of one student."""
    points = total_points(grades)
    tests = [
        (case.seconds, _test(grade, case, f"{first}.{second}", scored=points is not None))
        for first, grade in enumerate(grades, start=1)
        for second, case in enumerate(cases(grade), start=1)
    ]
    return GradescopeResults(
        score=UNSET if points is None else round(points, 4),
        execution_time=round(sum(seconds for seconds, _ in tests), 3),
        output="\n".join(sentence for grade in grades for sentence in describe_grade(grade)),
        tests=tuple(test for _, test in tests),
    )


def _test(grade: Grade, case: CaseResult, number: str, *, scored: bool) -> GradescopeTest:
    is_broken = case.outcome is Outcome.ERROR
    return GradescopeTest(
        name=f"{grade.item.id}: {case.name}",
        number=number,
        score=UNSET if is_broken or not scored else round(case.points, 4),
        max_score=UNSET if is_broken or not scored else round(case.max_points, 4),
        status=UNSET if is_broken else "passed" if case.passed else "failed",
        output="\n\n".join(text for text in (case.description, case.text) if text),
        visibility="visible" if case.public else "after_published",
        tags=(grade.item.id, case.outcome.value),
    )
