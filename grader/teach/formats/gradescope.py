"""gradescope/<student>/results.json, as an autograder leaves it for Gradescope."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from grader.base.files import write_bytes
from grader.base.result import Outcome
from grader.teach.formats.cases import Case, cases
from grader.teach.formats.files import remark, several
from grader.teach.formats.names import folder_name
from grader.teach.formats.view import account, by_student, total
from grader.teach.gradebook.model import Book, Grade


class GradescopeTest(Struct, frozen=True, kw_only=True):
    """One of the tests that Gradescope lists."""

    name: str
    number: str
    score: float | UnsetType  # unset: the test says nothing about the submission, or the whole has no score
    max_score: float | UnsetType
    status: Literal["passed", "failed"] | UnsetType
    output: str
    visibility: Literal["visible", "after_published"]
    tags: tuple[str, ...]


class GradescopeResults(Struct, frozen=True, kw_only=True):
    """The file. `score` counts, and not the sum of the tests: lateness and adjustments are in it.

    Where something could not be graded, neither the whole nor a test has a score. Gradescope takes such a file for a
    failure of the autograder, and gives no points for it, not even none.
    """

    score: float | UnsetType = UNSET
    execution_time: float  # seconds
    output: str
    output_format: str = "text"
    test_output_format: str = "text"
    test_name_format: str = "text"
    tests: tuple[GradescopeTest, ...]


def write_gradescope(book: Book, out: Path) -> list[Path]:
    """Writes a file for each student who handed something in."""
    paths, uncertain = [], []
    for student, grades in by_student(book):
        if grades:
            path = out / "gradescope" / folder_name(student.id) / "results.json"
            data = msgspec.json.format(msgspec.json.encode(gradescope_results(grades)), indent=2)
            paths.append(write_bytes(path, data + b"\n"))
            if total(grades) is None:
                uncertain.append(student.id)
    if uncertain:
        remark(f"something could not be graded, so these students have no score: {several(uncertain)}.")
    return paths


def gradescope_results(grades: Sequence[Grade]) -> GradescopeResults:
    """What one student has."""
    points = total(grades)
    tests = [
        (case.seconds, _test(grade, case, f"{first}.{second}", scored=points is not None))
        for first, grade in enumerate(grades, start=1)
        for second, case in enumerate(cases(grade), start=1)
    ]
    return GradescopeResults(
        score=UNSET if points is None else round(points, 4),
        execution_time=round(sum(seconds for seconds, _ in tests), 3),
        output="\n".join(sentence for grade in grades for sentence in account(grade)),
        tests=tuple(test for _, test in tests),
    )


def _test(grade: Grade, case: Case, number: str, *, scored: bool) -> GradescopeTest:
    fault = case.outcome is Outcome.ERROR
    return GradescopeTest(
        name=f"{grade.item.id}: {case.name}",
        number=number,
        score=UNSET if fault or not scored else round(case.points, 4),
        max_score=UNSET if fault or not scored else round(case.max_points, 4),
        status=UNSET if fault else "passed" if case.passed else "failed",
        output="\n\n".join(text for text in (case.description, case.text) if text),
        visibility="visible" if case.public else "after_published",
        tags=(grade.item.id, case.outcome.value),
    )
