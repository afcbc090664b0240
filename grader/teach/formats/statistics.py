"""Compute the `ClassSummary` of a gradebook in one pass, keeping a few numbers for each grade."""

import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Hashable
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from grader.base.result import Diagnosis, Isolation, Outcome, Result, TestResult, Versions
from grader.show.failure import OUTCOME_NAMES
from grader.teach.formats.questions import QuizAnalysis
from grader.teach.formats.summary import (
    ClassSummary,
    GradeCell,
    GraderFault,
    GradeStatus,
    ItemSimilarities,
    ItemStatistics,
    MistakeStatistics,
    OutcomeStatistics,
    PointsChange,
    SlowSubmission,
    StudentRow,
    StudentTotal,
    SubmissionRef,
    TestStatistics,
)
from grader.teach.gradebook.model import Book, Grade, GradedFile, Item, Points
from grader.teach.gradebook.ungraded import UngradedFiles, ungraded_in
from grader.teach.handins.handin import Student
from grader.teach.similarity import SubmittedFile, find_similar

H = TypeVar("H", bound=Hashable)
SLOWEST = 10  # submissions that the report lists


def summarize(book: Book) -> ClassSummary:
    """Read all grades of a gradebook once, and return their summary."""
    collector = _ClassCollector()
    for grade in book.grades():
        collector.add(grade)
    return collector.summary(book)


class _TestCounter:
    def __init__(self, test: TestResult) -> None:
        self.test = test
        self.passed = self.failed = 0

    def add(self, outcome: Outcome) -> None:
        self.passed += outcome is Outcome.PASSED
        self.failed += outcome not in (Outcome.PASSED, Outcome.SKIPPED, Outcome.ERROR)

    def statistics(self, submissions: int) -> TestStatistics:
        return TestStatistics(
            id=self.test.id,
            name=self.test.name,
            description=self.test.description,
            hidden=self.test.visibility == "hidden",
            passed=self.passed,
            failed=self.failed,
            not_run=submissions - self.passed - self.failed,
        )


class _ItemCollector:
    def __init__(self) -> None:
        self.shares = array("d")
        self.passed = 0
        self.seconds = array("d")
        self.tests: dict[str, _TestCounter] = {}
        self.questions = QuizAnalysis()

    def add(self, result: Result) -> None:
        self.passed += result.passed
        if result.isolation.kind != "none":
            self.seconds.append(result.seconds)
        for test in result.tests:
            self.tests.setdefault(test.id, _TestCounter(test)).add(test.outcome)

    def statistics(self, item: Item) -> ItemStatistics:
        tests = [each.statistics(len(self.shares)) for each in self.tests.values()]
        return ItemStatistics(
            item=item,
            shares=self.shares,
            passed=self.passed,
            tests=tuple(sorted(tests, key=lambda test: test.passed)),
            questions=self.questions.statistics(),
            seconds=self.seconds,
        )


_StudentsByFile: TypeAlias = defaultdict[GradedFile, list[Student]]  # several students if a group handed it in


class _ClassCollector:
    """The statistics of the grades that were read so far."""

    def __init__(self) -> None:
        self.items: defaultdict[str, _ItemCollector] = defaultdict(_ItemCollector)
        self.totals: dict[str, StudentTotal] = {}
        self.cells: dict[tuple[str, str], GradeCell] = {}  # by student and item
        self.mistakes: dict[tuple[str, str], tuple[Item, Diagnosis, list[Student]]] = {}  # by item and mistake
        self.files: defaultdict[str, _StudentsByFile] = defaultdict(lambda: defaultdict(list))  # by item
        self.outcomes: defaultdict[Outcome, list[SubmissionRef]] = defaultdict(list)
        self.slowest: list[SlowSubmission] = []
        self.changes: list[PointsChange] = []
        self.faults: list[GraderFault] = []
        self.isolations: Counter[Isolation] = Counter()
        self.versions: Counter[Versions] = Counter()
        self.undiagnosed: list[SubmissionRef] = []
        self.grades = self.not_passed = self.unreadable = self.late = 0

    def add(self, grade: Grade) -> None:
        submission, points = SubmissionRef(grade.student, grade.item), grade.points
        total = self.totals.get(grade.student.id, StudentTotal(student=grade.student))
        self.totals[grade.student.id] = total.plus(points)
        self.cells[grade.student.id, grade.item.id] = _cell(grade)
        self.late += _is_late(grade)
        self.unreadable += grade.outcome is Outcome.UNREADABLE
        if grade.error is not None:
            fault = GraderFault(submission=submission, error=grade.error, has_earlier_points=points is not None)
            self.faults.append(fault)
        if points is not None:
            self._add_points(grade, submission, points)

    def _add_points(self, grade: Grade, submission: SubmissionRef, points: Points) -> None:
        # A member of a group may have handed in other versions as well, so the version does not identify the file
        file = replace(grade.handed, version=1, versions=1)
        self.files[grade.item.id][file].append(grade.student)
        self.grades += 1
        item = self.items[grade.item.id]
        item.shares.append(points.measured / points.max if points.max else 0.0)
        if points.late or points.adjustment:
            self.changes.append(PointsChange(submission=submission, points=points))
        if isinstance(grade.result, Result):
            item.add(grade.result)
            self._add_result(submission, grade.result)
        elif grade.result is not None:
            item.passed += grade.result.score >= grade.result.max_score
            item.questions.add(grade.result)

    def _add_result(self, submission: SubmissionRef, result: Result) -> None:
        outcomes = {result.outcome, *(test.outcome for test in result.tests)}
        for outcome in sorted(outcomes - {Outcome.GRADED, Outcome.PASSED, Outcome.SKIPPED}):
            self.outcomes[outcome].append(submission)
        is_wrong = result.outcome is Outcome.GRADED and not result.passed
        self.not_passed += is_wrong
        if result.diagnosis is not None:
            key = (submission.item.id, result.diagnosis.mistake)
            self.mistakes.setdefault(key, (submission.item, result.diagnosis, []))[2].append(submission.student)
        elif is_wrong:
            self.undiagnosed.append(submission)
        if result.isolation.kind != "none":
            self.isolations[result.isolation] += 1
            self.versions[result.versions] += 1
            submissions = [*self.slowest, SlowSubmission(submission=submission, seconds=result.seconds)]
            self.slowest = heapq.nlargest(SLOWEST, submissions, key=lambda each: each.seconds)

    def summary(self, book: Book) -> ClassSummary:
        left_out = ungraded_in(book)
        present = self.totals.keys() | {student.id for student in left_out.students}
        mistakes = [
            MistakeStatistics(
                item=item,
                name=diagnosis.mistake,
                advice=diagnosis.advice,
                students=tuple(students),
                submissions=len(self.items[item.id].shares),
            )
            for item, diagnosis, students in self.mistakes.values()
        ]
        outcomes = [
            OutcomeStatistics(outcome=outcome, submissions=tuple(submissions))
            for outcome, submissions in self.outcomes.items()
        ]
        return ClassSummary(
            rows=self._rows(book, left_out),
            totals=tuple(self.totals.values()),
            absent=tuple(student for student in book.students if student.id not in present),
            left_out=left_out,
            grades=self.grades,
            items=tuple(self.items[item.id].statistics(item) for item in book.items),
            mistakes=tuple(sorted(mistakes, key=lambda each: (-len(each.students), each.item.id, each.name))),
            not_passed=self.not_passed,
            undiagnosed=tuple(self.undiagnosed),
            unreadable=self.unreadable,
            late=self.late,
            similarities=tuple(filter(None, (self._similarities(book, item) for item in book.items))),
            outcomes=tuple(sorted(outcomes, key=lambda each: (-len(each.submissions), each.outcome))),
            slowest=tuple(self.slowest),
            changes=tuple(self.changes),
            faults=tuple(self.faults),
            isolations=_most_common(self.isolations),
            versions=_most_common(self.versions),
        )

    def _rows(self, book: Book, left_out: UngradedFiles) -> tuple[StudentRow, ...]:
        ungraded = {student.id for student in left_out.students}
        return tuple(
            StudentRow(
                student=student,
                cells=tuple(
                    self.cells.get((student.id, item.id)) or GradeCell(item=item, status=GradeStatus.ABSENT)
                    for item in book.items
                ),
                total=self.totals.get(student.id, StudentTotal(student=student)),
                has_nothing_graded=student.id in ungraded,
            )
            for student in sorted(book.students, key=lambda each: (each.name or each.id).casefold())
        )

    def _similarities(self, book: Book, item: Item) -> ItemSimilarities | None:
        """Return the similar hand-ins of an item, or None if there are none."""
        same_content: defaultdict[str, list[GradedFile]] = defaultdict(list)
        for handed in self.files[item.id]:
            same_content[handed.sha256].append(handed)
        files = []
        for sha256, same in same_content.items():
            text = book.work(same[0])
            if text is not None:
                handins = tuple(tuple(self.files[item.id][each]) for each in same)
                files.append(SubmittedFile(sha256, text, handins))
        found = find_similar(files, book.given(item.id))
        return ItemSimilarities(item=item, found=tuple(found)) if found else None


def _cell(grade: Grade) -> GradeCell:
    if grade.points is None:
        remarks = ("fault of the grader",)
        return GradeCell(item=grade.item, status=GradeStatus.UNKNOWN, outcome=grade.outcome, remarks=remarks)
    return GradeCell(
        item=grade.item,
        status=_status(grade.points),
        points=grade.points,
        outcome=grade.outcome,
        remarks=tuple(_remarks(grade, grade.points)),
    )


def _status(points: Points) -> GradeStatus:
    if points.final >= points.max:
        return GradeStatus.ALL
    return GradeStatus.SOME if points.final > 0 else GradeStatus.NONE


def _remarks(grade: Grade, points: Points) -> list[str]:
    remarks = []
    if grade.outcome is not Outcome.GRADED:
        remarks.append(OUTCOME_NAMES[grade.outcome])
    if grade.handed.versions > 1:
        remarks.append(f"version {grade.handed.version} of {grade.handed.versions}")
    if _is_late(grade):
        remarks.append("late")
    if points.adjustment:
        remarks.append("adjusted")
    if grade.error is not None:
        remarks.append("earlier score")
    return remarks


def _is_late(grade: Grade) -> bool:
    return bool(grade.handed.late or (grade.points and grade.points.late))


def _most_common(counter: Counter[H]) -> tuple[tuple[H, int], ...]:
    return tuple(counter.most_common())
