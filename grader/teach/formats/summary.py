"""What a class did, as typed values: what the instructor's report says.

Shares are from 0 to 1, times are seconds. What is said of exercises and quizzes is measured: before lateness and
adjustments. What a group handed in counts for each of its members.
"""

import statistics
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from grader.base.result import Isolation, Outcome, Versions
from grader.teach.formats.questions import QuestionStatistics
from grader.teach.gradebook.model import Item, Points
from grader.teach.gradebook.ungraded import UngradedFiles
from grader.teach.handins.handin import Student
from grader.teach.similarity import Similar


class Struct(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is computed."""


class Submission(NamedTuple):
    """Who, and for what."""

    student: Student
    item: Item


class Total(Struct, frozen=True, kw_only=True):
    """A student's points over all items; what was not handed in is worth 0."""

    student: Student
    known: bool = True  # False: one of the grades has no points, by a fault of the grader
    measured: float = 0.0
    late: float = 0.0
    adjustment: float = 0.0
    final: float = 0.0

    def plus(self, points: Points | None) -> "Total":
        """With the points of one more grade."""
        if points is None:
            return msgspec.structs.replace(self, known=False)
        return Total(
            student=self.student,
            known=self.known,
            measured=self.measured + points.measured,
            late=self.late + points.late,
            adjustment=self.adjustment + points.adjustment,
            final=self.final + points.final,
        )


class TestStatistics(Struct, frozen=True, kw_only=True):
    """How many submissions passed a test."""

    __test__ = False  # not for pytest to collect

    id: str
    name: str
    description: str
    hidden: bool
    passed: int
    failed: int
    not_run: int  # skipped, or nothing of the submission ran

    @property
    def submissions(self) -> int:
        return self.passed + self.failed + self.not_run

    @property
    def rate(self) -> float | None:
        """The share of all submissions that passed; None where there is none."""
        return self.passed / self.submissions if self.submissions else None

    @property
    def rate_of_reached(self) -> float | None:
        """The share that passed, of those in which it ran; None where it ran in none."""
        ran = self.passed + self.failed
        return self.passed / ran if ran else None


class Standing(StrEnum):
    """How a student stands with an item. The value is the class of its cell."""

    ALL = "all"  # all points
    SOME = "some"
    NONE = "none"
    UNKNOWN = "unknown"  # a fault of the grader, and no former score
    ABSENT = "absent"  # nothing was handed in, or nothing of it graded


class Cell(Struct, frozen=True, kw_only=True):
    """What a student has for an item."""

    item: Item
    standing: Standing
    points: Points | None = None
    outcome: Outcome | None = None
    remarks: tuple[str, ...] = ()  # how it ended, which version, late, adjusted


class StudentRow(Struct, frozen=True, kw_only=True):
    """A row of the table of students and items."""

    student: Student
    cells: tuple[Cell, ...]  # in the items' order
    total: Total
    lost: bool  # something was handed in, and nothing of it graded


class ItemStatistics(Struct, frozen=True, kw_only=True):
    """What the class did with one exercise or quiz."""

    item: Item
    shares: Sequence[float]  # of the points, one for each grade, in the order of the students
    passed: int  # every test passed, every question right
    tests: tuple[TestStatistics, ...]  # those that the fewest passed first
    questions: tuple[QuestionStatistics, ...]
    seconds: Sequence[float]  # one for each submission that ran

    @property
    def count(self) -> int:
        return len(self.shares)

    @property
    def rate(self) -> float | None:
        return self.passed / self.count if self.count else None

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.shares) if self.shares else None

    @property
    def median(self) -> float | None:
        return statistics.median(self.shares) if self.shares else None

    @property
    def median_seconds(self) -> float | None:
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def p95_seconds(self) -> float | None:
        """19 of 20 submissions took no longer."""
        if len(self.seconds) < 2:
            return self.median_seconds
        return statistics.quantiles(self.seconds, n=20, method="inclusive")[-1]


class Mistake(Struct, frozen=True, kw_only=True):
    """A known mistake, and who made it."""

    item: Item
    name: str
    advice: str
    students: tuple[Student, ...]
    submissions: int  # of the exercise, in all


class Likeness(Struct, frozen=True, kw_only=True):
    """The hand-ins of one exercise that are alike: a reason to look, and no verdict."""

    item: Item
    found: tuple[Similar, ...]  # those with most in common first


class Ending(Struct, frozen=True, kw_only=True):
    """An outcome other than passed, and the submissions that, or a test of which, ended so."""

    outcome: Outcome
    submissions: tuple[Submission, ...]


class Slow(Struct, frozen=True, kw_only=True):
    submission: Submission
    seconds: float


class Change(Struct, frozen=True, kw_only=True):
    """A grade that is not as it was measured."""

    submission: Submission
    points: Points


class Fault(Struct, frozen=True, kw_only=True):
    """A grade that the grader could not measure, or not again."""

    submission: Submission
    error: str
    former: bool  # the points of a former run stand


class Summary(Struct, frozen=True, kw_only=True):
    """All that the report says of a class."""

    rows: tuple[StudentRow, ...]  # of all students, by name
    totals: tuple[Total, ...]  # of all who handed something in
    absent: tuple[Student, ...]  # who handed nothing in
    left_out: UngradedFiles  # what was handed in and is not graded
    grades: int  # with points
    items: tuple[ItemStatistics, ...]
    mistakes: tuple[Mistake, ...]  # the most common first
    not_passed: int  # submissions of exercises that were run, with a test that did not pass
    undiagnosed: tuple[Submission, ...]  # those of them whose mistake is not known
    unreadable: int  # submissions that could not be read as what they should be
    late: int  # grades of what was handed in late
    likenesses: tuple[Likeness, ...]  # of the exercises in which there are any
    endings: tuple[Ending, ...]  # the most common first
    slowest: tuple[Slow, ...]
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    isolations: tuple[tuple[Isolation, int], ...]  # and how many submissions each held; the most common first
    versions: tuple[tuple[Versions, int], ...]  # likewise

    @property
    def diagnosed(self) -> int:
        """Submissions whose mistake is known."""
        return sum(len(mistake.students) for mistake in self.mistakes)
