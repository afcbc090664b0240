"""Builders of small results, items and gradebooks for tests."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from grader.base.result import Diagnosis, Isolation, Outcome, Result, TestResult, Versions
from grader.quiz.result import QuestionResult, QuizResult
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.compare import RunComparison, compare_runs
from grader.teach.gradebook.model import Book, Grade, GradedFile, Item, Points
from grader.teach.handins.handin import Student

ADA = Student(id="ada", name="Ada Lovelace", email="ada@example.org", login="al17")
BOB = Student(id="bob", name="Bob")
EVE = Student(id="eve")  # hands nothing in
CLASS = (ADA, BOB, EVE)
MOE = Item(id="moe_router", kind="exercise", title="Routing", lesson=3, max_score=10.0)
ROPE = Item(id="rope", kind="exercise", title="Rotary positions", lesson=5, max_score=4.0)
QUIZ = Item(id="moe", kind="quiz", title="Quiz: experts", lesson=3, max_score=2.0)
ITEMS = (MOE, ROPE, QUIZ)
PARTS = {"submission": "s", "needs": "", "exercise": "x", "engine": "e", "torch": "2.4", "python": "3.11", "seed": "0"}
LATE = """\
due: {all: 2026-10-01T23:59+03:00, rope: 2026-10-02T00:00+03:00}
grace: 15 min
per_day: 10%
at_most: 50%
reject_after: 7 days
"""


def result(item: Item = MOE, **points: float) -> Result:
    """Build a result with two tests, each worth half of the item's points: `first=2.0` of 5."""
    each = item.max_score / 2
    tests = tuple(
        TestResult(
            id=f"test_{name}",
            name=name,
            description=f"what {name} is about",
            visibility="hidden",
            outcome=Outcome.PASSED if points.get(name, each) == each else Outcome.WRONG_VALUES,
            points=points.get(name, each),
            max_points=each,
            seconds=0.01,
        )
        for name in ("first", "second")
    )
    score = sum(test.points for test in tests)
    mistake = Diagnosis("softmax_first", "Which logits should the softmax see?", "route", "test_first", 5)
    return Result(
        exercise=item.id,
        file=f"{item.id}.py",
        sha256="0" * 64,
        outcome=Outcome.GRADED,
        score=score,
        max_score=item.max_score,
        tests=tests,
        diagnoses=() if score == item.max_score else (mistake,),
        hidden_tests=True,
        isolation=Isolation(kind="confined", landlock=4, seccomp=True, start="fork"),
        versions=Versions(archgrade="0.1.0", python="3.11.7", torch="2.4.0"),
        seed=0,
        seconds=0.05,
    )


def quiz_result(*scores: float) -> QuizResult:
    questions = tuple(
        QuestionResult(id=f"q{n}", type="single", level="recall", section="a", score=score, answer="1", seconds=0.0)
        for n, score in enumerate(scores, start=1)
    )
    return QuizResult(
        quiz="moe",
        title="Experts",
        attempt=1,
        seed=None,
        finished=True,
        score=sum(scores),
        max_score=float(len(scores)),
        questions=questions,
    )


def handed(
    student: Student, item: Item, content: str = "a", time: str | None = None, late: bool | None = None
) -> GradedFile:
    when = None if time is None else datetime.fromisoformat(time)
    return GradedFile(file=f"in.zip/{student.id}/{item.id}.py", sha256=content * 64, time=when, late=late)


def begin(
    gradebook: Gradebook,
    command: str = "batch in.zip",
    students: Iterable[Student] = CLASS,
    items: tuple[Item, ...] = ITEMS,
) -> int:
    return gradebook.begin_run(
        command.split(),
        engine="0.1.0 abc",
        course="Small course",
        course_hash="c",
        layout="folders",
        items=items,
        students=students,
    ).run


def record(
    gradebook: Gradebook,
    run: int,
    student: Student,
    item: Item,
    measured: Result | QuizResult,
    *,
    time: str | None = None,
    late: bool | None = None,
    version: tuple[int, int] = (1, 1),
    **parts: str,
) -> int:
    """Record a result under the key that `parts` make. `version`: its number, and the number of versions."""
    key_parts = PARTS | {"submission": f"{student.id!a} {item.id}"} | parts
    file = handed(student, item, time=time, late=late)
    return gradebook.record(
        run,
        student,
        item.id,
        replace(file, version=version[0], versions=version[1]),
        "|".join(key_parts.values()),
        key_parts,
        measured,
        Outcome.GRADED,
    )


def filled(folder: Path) -> Path:
    """Make a gradebook of one run: Ada has all items, Bob half of the router's points and nothing else."""
    with Gradebook(folder, create=True) as gradebook:
        run = begin(gradebook)
        record(gradebook, run, ADA, MOE, result(), time="2026-10-01T20:00+03:00")
        record(gradebook, run, ADA, ROPE, result(ROPE, second=1.5), time="2026-10-04T01:00+03:00")
        record(gradebook, run, ADA, QUIZ, quiz_result(1.0, 0.5))
        record(gradebook, run, BOB, MOE, result(first=0.0), time="2026-10-03T12:00+03:00")
        gradebook.end_run(run)
    return folder


def grades(book: Book) -> dict[tuple[str, str], Grade]:
    return {(grade.student.id, grade.item.id): grade for grade in book.grades()}


def points(folder: Path, student: Student, item: Item) -> Points:
    with Gradebook(folder) as gradebook:
        found = grades(gradebook.book())[student.id, item.id].points
    assert found is not None
    return found


def write(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def regraded(folder: Path, measured: Result | QuizResult, **parts: Any) -> RunComparison:
    """Record a second run with this result for Bob's router, and compare the runs."""
    with Gradebook(folder) as gradebook:
        record(gradebook, begin(gradebook, "again"), BOB, MOE, measured, **parts)
        before, after = gradebook.runs()
        return compare_runs(before, gradebook.entries(1), after, gradebook.entries(2))
