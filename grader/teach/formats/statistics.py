"""A gradebook as a `Summary`: one pass over its grades, of which a few numbers each are kept."""

import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Hashable
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from grader.base.result import Diagnosis, Isolation, Outcome, Result, TestResult, Versions
from grader.show.failure import OUTCOME_NAMES
from grader.teach.formats.questions import Questions
from grader.teach.formats.summary import (
    Cell,
    Change,
    Ending,
    Fault,
    ItemStatistics,
    Likeness,
    Mistake,
    Slow,
    Standing,
    StudentRow,
    Submission,
    Summary,
    TestStatistics,
    Total,
)
from grader.teach.gradebook.left_out import LeftOut, of_book
from grader.teach.gradebook.model import Book, Grade, Handed, Item
from grader.teach.handins.handin import Student
from grader.teach.similarity import Work, similar

H = TypeVar("H", bound=Hashable)
SLOWEST = 10


def summarise(book: Book) -> Summary:
    """Reads all grades of a book, once."""
    collected = _Collected()
    for grade in book.grades():
        collected.add(grade)
    return collected.finished(book)


class _OfTest:
    def __init__(self, test: TestResult) -> None:
        self.test = test
        self.passed = self.failed = 0

    def finished(self, submissions: int) -> TestStatistics:
        return TestStatistics(
            id=self.test.id,
            name=self.test.name,
            description=self.test.description,
            hidden=self.test.visibility == "hidden",
            passed=self.passed,
            failed=self.failed,
            not_run=submissions - self.passed - self.failed,
        )


class _OfItem:
    def __init__(self) -> None:
        self.shares = array("d")
        self.passed = 0
        self.seconds = array("d")
        self.tests: dict[str, _OfTest] = {}
        self.questions = Questions()

    def add(self, result: Result) -> None:
        self.passed += result.passed
        if result.isolation.kind != "none":
            self.seconds.append(result.seconds)
        for test in result.tests:
            counts = self.tests.setdefault(test.id, _OfTest(test))
            counts.passed += test.outcome is Outcome.PASSED
            counts.failed += test.outcome not in (Outcome.PASSED, Outcome.SKIPPED, Outcome.ERROR)

    def finished(self, item: Item) -> ItemStatistics:
        tests = [each.finished(len(self.shares)) for each in self.tests.values()]
        return ItemStatistics(
            item=item,
            shares=self.shares,
            passed=self.passed,
            tests=tuple(sorted(tests, key=lambda test: test.passed)),
            questions=self.questions.finished(),
            seconds=self.seconds,
        )


_Handed: TypeAlias = defaultdict[Handed, list[Student]]  # who handed in a file: a group has one


class _Collected:
    """What has been read so far."""

    def __init__(self) -> None:
        self.items: defaultdict[str, _OfItem] = defaultdict(_OfItem)
        self.totals: dict[str, Total] = {}
        self.cells: dict[tuple[str, str], Cell] = {}  # by student and item
        self.mistakes: dict[tuple[str, str], tuple[Item, Diagnosis, list[Student]]] = {}
        self.handed: defaultdict[str, _Handed] = defaultdict(lambda: defaultdict(list))  # by item
        self.endings: defaultdict[Outcome, list[Submission]] = defaultdict(list)
        self.slowest: list[Slow] = []
        self.changes: list[Change] = []
        self.faults: list[Fault] = []
        self.isolations: Counter[Isolation] = Counter()
        self.versions: Counter[Versions] = Counter()
        self.undiagnosed: list[Submission] = []
        self.grades = self.not_passed = self.unreadable = self.late = 0

    def add(self, grade: Grade) -> None:
        submission, points = Submission(grade.student, grade.item), grade.points
        total = self.totals.get(grade.student.id, Total(student=grade.student))
        self.totals[grade.student.id] = total.plus(points)
        self.cells[grade.student.id, grade.item.id] = _cell(grade)
        self.late += _is_late(grade)
        self.unreadable += grade.outcome is Outcome.UNREADABLE
        if grade.error is not None:
            self.faults.append(Fault(submission=submission, error=grade.error, former=points is not None))
        if points is None:
            return
        file = replace(grade.handed, version=1, versions=1)  # one of a group may have handed in others as well
        self.handed[grade.item.id][file].append(grade.student)
        self.grades += 1
        of_item = self.items[grade.item.id]
        of_item.shares.append(points.measured / points.max if points.max else 0.0)
        if points.late or points.adjustment:
            self.changes.append(Change(submission=submission, points=points))
        if isinstance(grade.result, Result):
            of_item.add(grade.result)
            self.add_result(submission, grade.result)
        elif grade.result is not None:
            of_item.passed += grade.result.score >= grade.result.max_score
            of_item.questions.add(grade.result)

    def add_result(self, submission: Submission, result: Result) -> None:
        outcomes = {result.outcome, *(test.outcome for test in result.tests)}
        for outcome in sorted(outcomes - {Outcome.GRADED, Outcome.PASSED, Outcome.SKIPPED}):
            self.endings[outcome].append(submission)
        wrong = result.outcome is Outcome.GRADED and not result.passed
        self.not_passed += wrong
        if result.diagnosis is None:
            self.undiagnosed += [submission] if wrong else []
        else:
            key = (submission.item.id, result.diagnosis.mistake)
            self.mistakes.setdefault(key, (submission.item, result.diagnosis, []))[2].append(submission.student)
        if result.isolation.kind != "none":
            self.isolations[result.isolation] += 1
            self.versions[result.versions] += 1
            slow = [*self.slowest, Slow(submission=submission, seconds=result.seconds)]
            self.slowest = heapq.nlargest(SLOWEST, slow, key=lambda each: each.seconds)

    def likeness(self, book: Book, item: Item) -> Likeness | None:
        """The hand-ins of an item that are alike, if there are any."""
        files: defaultdict[str, list[Handed]] = defaultdict(list)
        for handed in self.handed[item.id]:
            files[handed.sha256].append(handed)
        works = []
        for sha256, same in files.items():
            text = book.work(same[0])
            if text is not None:
                works.append(Work(sha256, text, tuple(tuple(self.handed[item.id][each]) for each in same)))
        found = similar(works, book.given(item.id))
        return Likeness(item=item, found=tuple(found)) if found else None

    def rows(self, book: Book, lost: LeftOut) -> tuple[StudentRow, ...]:
        overlooked = {student.id for student in lost.students}
        return tuple(
            StudentRow(
                student=student,
                cells=tuple(
                    self.cells.get((student.id, item.id)) or Cell(item=item, standing=Standing.ABSENT)
                    for item in book.items
                ),
                total=self.totals.get(student.id, Total(student=student)),
                lost=student.id in overlooked,
            )
            for student in sorted(book.students, key=lambda each: (each.name or each.id).casefold())
        )

    def finished(self, book: Book) -> Summary:
        mistakes = [
            Mistake(
                item=item,
                name=found.mistake,
                advice=found.advice,
                students=tuple(students),
                submissions=len(self.items[item.id].shares),
            )
            for item, found, students in self.mistakes.values()
        ]
        endings = [Ending(outcome=outcome, submissions=tuple(each)) for outcome, each in self.endings.items()]
        lost = of_book(book)
        there = self.totals.keys() | {student.id for student in lost.students}
        return Summary(
            rows=self.rows(book, lost),
            totals=tuple(self.totals.values()),
            absent=tuple(student for student in book.students if student.id not in there),
            left_out=lost,
            grades=self.grades,
            items=tuple(self.items[item.id].finished(item) for item in book.items),
            mistakes=tuple(sorted(mistakes, key=lambda each: (-len(each.students), each.item.id, each.name))),
            not_passed=self.not_passed,
            undiagnosed=tuple(self.undiagnosed),
            unreadable=self.unreadable,
            late=self.late,
            likenesses=tuple(filter(None, (self.likeness(book, item) for item in book.items))),
            endings=tuple(sorted(endings, key=lambda each: (-len(each.submissions), each.outcome))),
            slowest=tuple(self.slowest),
            changes=tuple(self.changes),
            faults=tuple(self.faults),
            isolations=_most_common(self.isolations),
            versions=_most_common(self.versions),
        )


def _cell(grade: Grade) -> Cell:
    points = grade.points
    if points is None:
        return Cell(item=grade.item, standing=Standing.UNKNOWN, outcome=grade.outcome, remarks=("fault of the grader",))
    standing = Standing.ALL if points.final >= points.max else Standing.SOME if points.final > 0 else Standing.NONE
    remarks = [] if grade.outcome is Outcome.GRADED else [OUTCOME_NAMES[grade.outcome]]
    remarks += [f"version {grade.handed.version} of {grade.handed.versions}"] if grade.handed.versions > 1 else []
    remarks += ["late"] if _is_late(grade) else []
    remarks += ["adjusted"] if points.adjustment else []
    remarks += ["former score"] if grade.error is not None else []
    return Cell(item=grade.item, standing=standing, points=points, outcome=grade.outcome, remarks=tuple(remarks))


def _is_late(grade: Grade) -> bool:
    return bool(grade.handed.late or (grade.points and grade.points.late))


def _most_common(counted: Counter[H]) -> tuple[tuple[H, int], ...]:
    return tuple(counted.most_common())
