"""The contents of a gradebook as typed values."""

from collections.abc import Iterator, Sequence, Set
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

import msgspec

from grader.base.result import Outcome, Result
from grader.quiz.result import QuizResult
from grader.teach.handins.handin import Ignored, Student

AnyResult: TypeAlias = Result | QuizResult


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An exercise or a quiz that is graded."""

    id: str
    """The exercise's ID, or the slug of the quiz's lesson."""
    kind: Literal["exercise", "quiz"]
    title: str
    lesson: int
    max_score: float


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """A score before and after late penalty and adjustments, in points of the item; `final` is at least 0."""

    measured: float
    late: float = 0.0
    """The late penalty: 0 or negative."""
    adjustment: float = 0.0
    """Points that the instructor added or took away."""
    final: float
    max: float
    reasons: tuple[str, ...] = ()
    """Sentences that explain the points."""


class GradedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was graded."""

    file: str
    """As it was found: `submissions.zip/ada/moe_router.py`."""
    sha256: str
    time: datetime | None = None
    """When it was handed in."""
    late: bool | None = None
    """What the learning platform says, if anything."""
    version: int = 1
    """Counted from 1."""
    versions: int = 1


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """The grade of one student for one item."""

    student: Student
    item: Item
    handed: GradedFile
    outcome: Outcome
    points: Points | None  # None: the grader failed, and there is no earlier score
    result: AnyResult | None  # None likewise
    error: str | None = None  # a fault of the grader in the last run; points and result are from an earlier run
    tests: str | None = None  # a hash of the exercise with its tests, or of the quiz; None: nothing was run


class BatchRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run of `grade batch`."""

    id: int
    started: datetime
    ended: datetime | None
    """Null: interrupted; it can be resumed."""
    engine: str
    """Version of archgrade and hash of its code."""
    course: str
    layout: str
    """Layout of the submissions."""
    graded: int
    """New grades."""
    reused: int
    """Grades from earlier runs."""
    errors: int
    """Faults of the grader."""


class Book(Protocol):
    """A view of a gradebook for reports: the latest grades of all students, or those of one run."""

    @property
    def course(self) -> str:
        """The course's title."""
        ...

    @property
    def run(self) -> BatchRun:
        """The run of these grades."""
        ...

    @property
    def items(self) -> Sequence[Item]:
        """The graded items, in the course's order."""
        ...

    @property
    def students(self) -> Sequence[Student]:
        """All students by id, including those on the roster who handed in nothing."""
        ...

    @property
    def graded(self) -> Set[str]:
        """The ids of the students with grades of the run."""
        ...

    @property
    def ignored(self) -> Sequence[Ignored]:
        """The files that the run found but did not grade, including earlier versions."""
        ...

    def work(self, handed: GradedFile) -> str | None:
        """Return the code that was graded; None for a quiz, or if the code was not kept."""
        ...

    def given(self, item: str) -> Sequence[str]:
        """Return the code of an exercise that everybody may have: its stub, its reference."""
        ...

    def grades(self) -> Iterator[Grade]:
        """Yield all grades, by student and then by item. A class may be larger than memory."""
        ...
