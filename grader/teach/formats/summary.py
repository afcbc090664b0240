"""The results of a class as typed values, which the instructor's report shows.

Shares are from 0 to 1, times are in seconds. Statistics of exercises and quizzes use the measured points, before
lateness and adjustments. A group's submission counts for each of its members.
"""

import statistics
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct, structs

from grader.base.result import Isolation, Outcome, Versions
from grader.teach.formats.questions import QuestionStatistics
from grader.teach.gradebook.model import Item, Points
from grader.teach.gradebook.ungraded import UngradedFiles
from grader.teach.handins.handin import Student
from grader.teach.similarity import SimilarHandins


class SubmissionRef(NamedTuple):
    """A student and the exercise or quiz that the student handed in."""

    student: Student
    item: Item


class StudentTotal(Struct, frozen=True, kw_only=True):
    """A student's points over all items. Items that were not handed in count 0."""

    student: Student
    is_known: bool = True  # False if a fault of the grader left a grade without points
    measured: float = 0.0
    late: float = 0.0
    adjustment: float = 0.0
    final: float = 0.0

    def plus(self, points: Points | None) -> "StudentTotal":
        """Return the total with the points of one more grade."""
        if points is None:
            return structs.replace(self, is_known=False)
        return StudentTotal(
            student=self.student,
            is_known=self.is_known,
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
        """The number of all submissions."""
        return self.passed + self.failed + self.not_run

    @property
    def rate(self) -> float | None:
        """The share of all submissions that passed; None without submissions."""
        return self.passed / self.submissions if self.submissions else None

    @property
    def rate_of_reached(self) -> float | None:
        """The share that passed of the submissions in which the test ran; None if it never ran."""
        ran = self.passed + self.failed
        return self.passed / ran if ran else None


class GradeStatus(StrEnum):
    """How many of the points of an item a student has. The value is the CSS class of the cell."""

    ALL = "all"
    SOME = "some"
    NONE = "none"
    UNKNOWN = "unknown"  # a fault of the grader, and no earlier score
    ABSENT = "absent"  # nothing was handed in, or nothing could be graded


class GradeCell(Struct, frozen=True, kw_only=True):
    """A student's grade for an item, as a cell of the table."""

    item: Item
    status: GradeStatus
    points: Points | None = None
    outcome: Outcome | None = None
    remarks: tuple[str, ...] = ()  # outcome, version, late, adjusted


class StudentRow(Struct, frozen=True, kw_only=True):
    """A row of the table of students and items."""

    student: Student
    cells: tuple[GradeCell, ...]  # in the order of the items
    total: StudentTotal
    has_nothing_graded: bool  # although something was handed in


class ItemStatistics(Struct, frozen=True, kw_only=True):
    """The results of the class in one exercise or quiz."""

    item: Item
    shares: Sequence[float]  # of the points, one for each grade, in the order of the students
    passed: int  # submissions with all tests passed or all questions right
    tests: tuple[TestStatistics, ...]  # the one that fewest passed first
    questions: tuple[QuestionStatistics, ...]
    seconds: Sequence[float]  # one for each submission that ran

    @property
    def count(self) -> int:
        """The number of grades."""
        return len(self.shares)

    @property
    def rate(self) -> float | None:
        """The share of submissions that passed; None without submissions."""
        return self.passed / self.count if self.count else None

    @property
    def mean(self) -> float | None:
        """The mean share of the points; None without submissions."""
        return statistics.fmean(self.shares) if self.shares else None

    @property
    def median(self) -> float | None:
        """The median share of the points; None without submissions."""
        return statistics.median(self.shares) if self.shares else None

    @property
    def median_seconds(self) -> float | None:
        """The median time; None if nothing ran."""
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def p95_seconds(self) -> float | None:
        """The 95th percentile of the times; None if nothing ran."""
        if len(self.seconds) < 2:
            return self.median_seconds
        return statistics.quantiles(self.seconds, n=20, method="inclusive")[-1]


class MistakeStatistics(Struct, frozen=True, kw_only=True):
    """A known mistake, and the students who made it."""

    item: Item
    name: str
    advice: str
    students: tuple[Student, ...]
    submissions: int  # all submissions of the exercise


class ItemSimilarities(Struct, frozen=True, kw_only=True):
    """The similar hand-ins of one exercise, which are a reason to compare them and no proof of copying."""

    item: Item
    found: tuple[SimilarHandins, ...]  # those with most in common first


class OutcomeStatistics(Struct, frozen=True, kw_only=True):
    """An outcome other than passed, and the submissions that had it as a whole or in a test."""

    outcome: Outcome
    submissions: tuple[SubmissionRef, ...]


class SlowSubmission(Struct, frozen=True, kw_only=True):
    """A submission and how long it took."""

    submission: SubmissionRef
    seconds: float


class PointsChange(Struct, frozen=True, kw_only=True):
    """A grade that differs from the measured points."""

    submission: SubmissionRef
    points: Points


class GraderFault(Struct, frozen=True, kw_only=True):
    """A submission that the grader failed to grade in the last run."""

    submission: SubmissionRef
    error: str
    has_earlier_points: bool  # points of an earlier run, which are kept


class ClassSummary(Struct, frozen=True, kw_only=True):
    """Everything that the report says about a class."""

    rows: tuple[StudentRow, ...]  # all students, by name
    totals: tuple[StudentTotal, ...]  # of students who handed something in
    absent: tuple[Student, ...]  # students who handed nothing in
    left_out: UngradedFiles  # files that were handed in but not graded
    grades: int  # that have points
    items: tuple[ItemStatistics, ...]
    mistakes: tuple[MistakeStatistics, ...]  # the most common first
    not_passed: int  # submissions of exercises that ran and failed a test
    undiagnosed: tuple[SubmissionRef, ...]  # those of them without a known mistake
    unreadable: int  # submissions that could not be read
    late: int  # grades of late submissions
    similarities: tuple[ItemSimilarities, ...]  # of the exercises that have any
    outcomes: tuple[OutcomeStatistics, ...]  # the most common first
    slowest: tuple[SlowSubmission, ...]
    changes: tuple[PointsChange, ...]
    faults: tuple[GraderFault, ...]
    isolations: tuple[tuple[Isolation, int], ...]  # with the number of submissions; the most common first
    versions: tuple[tuple[Versions, int], ...]  # likewise

    @property
    def diagnosed(self) -> int:
        """The number of submissions with a known mistake."""
        return sum(len(mistake.students) for mistake in self.mistakes)
