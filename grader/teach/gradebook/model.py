"""What a gradebook holds, as typed values."""

from collections.abc import Iterator, Sequence, Set
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

import msgspec

from grader.base.result import Outcome, Result
from grader.quiz.result import QuizResult
from grader.teach.handins.handin import Ignored, Student

Measured: TypeAlias = Result | QuizResult


class Struct(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what a gradebook holds."""


class Item(Struct, frozen=True, kw_only=True):
    """Something that is graded: an exercise by its id, or a quiz by its lesson's slug."""

    id: str
    kind: Literal["exercise", "quiz"]
    title: str
    lesson: int
    max_score: float


class Points(Struct, frozen=True, kw_only=True):
    """A score and what was done to it, in points of the item. `final` is never below 0."""

    measured: float
    late: float = 0.0  # what lateness takes away, as a negative number
    adjustment: float = 0.0  # what the instructor adds or takes away
    final: float
    max: float
    reasons: tuple[str, ...] = ()  # a sentence on which of several versions counts, and one for each of the changes


class Handed(Struct, frozen=True, kw_only=True):
    """The file that was graded."""

    file: str  # as it was found: "submissions.zip/ada/moe_router.py"
    sha256: str
    time: datetime | None = None  # when it was handed in, with a time zone; None where nothing says so
    late: bool | None = None  # what the learning platform says; None where it says nothing
    version: int = 1  # its place among the versions that the student handed in, in the order of time
    versions: int = 1  # how many there are


class Grade(Struct, frozen=True, kw_only=True):
    """What one student has for one item."""

    student: Student
    item: Item
    handed: Handed
    outcome: Outcome
    points: Points | None  # None: it could not be graded, and there is no former score
    result: Measured | None  # None likewise
    error: str | None = None  # a fault of the grader in the last run; points and result are then the former ones
    tests: str | None = None  # a hash of the exercise with its tests, or of the quiz; None: nothing was run


class Run(Struct, frozen=True, kw_only=True):
    """One `grade batch`."""

    id: int
    started: datetime
    ended: datetime | None  # None: it was interrupted, and can go on
    engine: str  # archgrade's version, and a hash of its code
    course: str  # the course's title
    layout: str  # how the submissions were laid out
    graded: int  # grades that this run measured, one for each version
    reused: int  # grades that it took over, since nothing had changed
    errors: int


class Book(Protocol):
    """A gradebook as the reports see it: the latest grades of all students, or those of one run."""

    @property
    def course(self) -> str:
        """The course's title."""
        ...

    @property
    def run(self) -> Run:
        """The run whose grades these are."""
        ...

    @property
    def items(self) -> Sequence[Item]:
        """What was graded, in the course's order."""
        ...

    @property
    def students(self) -> Sequence[Student]:
        """All students, those of the roster who handed nothing in included, in the order of their ids."""
        ...

    @property
    def graded(self) -> Set[str]:
        """The ids of the students of whom the run graded something."""
        ...

    @property
    def ignored(self) -> Sequence[Ignored]:
        """What the run found and did not grade, earlier versions included."""
        ...

    def work(self, handed: Handed) -> str | None:
        """The code that was graded; None of a quiz, and where it was not kept."""
        ...

    def given(self, item: str) -> Sequence[str]:
        """The code of an exercise that everybody may have: its stub, its reference."""
        ...

    def grades(self) -> Iterator[Grade]:
        """All grades, by student and then by item. One at a time: a class may be larger than memory."""
        ...
