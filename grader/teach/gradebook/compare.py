"""Compares two runs: which scores changed, on which tests, and why."""

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from grader.base.result import Outcome
from grader.quiz.result import QuizResult
from grader.teach.gradebook.entries import GradebookEntry, StoredResult
from grader.teach.gradebook.model import BatchRun


class Cause(StrEnum):
    """The cause of a changed score: what differs in the second run."""

    CODE = "code"  # the submission, or a file of the student's that it imports
    TESTS = "tests"  # the exercise (tests, reference, limits), an imported one, or the quiz
    ENGINE = "engine"
    TORCH = "torch"
    PYTHON = "python"
    SEED = "seed"
    ISOLATION = "isolation"
    OTHER = "other"  # a part of the key that only a newer version knows
    UNKNOWN = "not known"  # nothing differs: the same work got two results


CAUSES = {  # by the part of a result's key that differs
    "submission": Cause.CODE,
    "needs": Cause.CODE,
    "unreadable": Cause.CODE,
    "exercise": Cause.TESTS,
    "engine": Cause.ENGINE,
    "torch": Cause.TORCH,
    "python": Cause.PYTHON,
    "seed": Cause.SEED,
    "isolation": Cause.ISOLATION,
}


class TestChange(msgspec.Struct, frozen=True, kw_only=True):
    """A test or a quiz question with a different outcome. None: it did not exist, or did not run."""

    __test__ = False  # not for pytest to collect

    id: str
    before: Outcome | None  # of a question: None
    after: Outcome | None
    points_before: float | None
    points_after: float | None


class ScoreChange(msgspec.Struct, frozen=True, kw_only=True):
    """A student's item with a different result, before policies. None: it had no result in that run."""

    student: str  # id
    item: str
    before: float | None  # points
    after: float | None
    outcome_before: Outcome | None
    outcome_after: Outcome | None
    tests: tuple[TestChange, ...]
    causes: tuple[Cause, ...]

    @property
    def difference(self) -> float | None:
        """The points gained; None if one of the runs has no result: a fault of the grader is not 0."""
        return None if self.before is None or self.after is None else self.after - self.before


class MissingEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A student's item with an entry in only one of the runs."""

    student: str
    item: str


class RunComparison(msgspec.Struct, frozen=True, kw_only=True):
    """The differences between two runs."""

    before: BatchRun
    after: BatchRun
    same: int  # number of student's items with equal results
    moved: tuple[ScoreChange, ...]  # without a result in one of the runs first, then by size of the change
    gone: tuple[MissingEntry, ...]  # only in the first run
    new: tuple[MissingEntry, ...]  # only in the second run

    @property
    def unexplained(self) -> tuple[ScoreChange, ...]:
        """Changes without a cause: the score is not a function of the submission."""
        return tuple(move for move in self.moved if Cause.UNKNOWN in move.causes)


def compare_runs(
    before: BatchRun, old: Iterable[GradebookEntry], after: BatchRun, new: Iterable[GradebookEntry]
) -> RunComparison:
    """Compare the entries of two runs. Both must be in the order of students and items, and are read one at a time."""
    same = 0
    moved: list[ScoreChange] = []
    only_old: list[MissingEntry] = []
    only_new: list[MissingEntry] = []
    for first, second in _pairs(old, new):
        if second is None:
            only_old += [MissingEntry(student=first.student, item=first.item)] if first else []
        elif first is None:
            only_new.append(MissingEntry(student=second.student, item=second.item))
        elif change := _change(first, second):
            moved.append(change)
        else:
            same += 1
    moved.sort(key=_sort_key)
    return RunComparison(
        before=before, after=after, same=same, moved=tuple(moved), gone=tuple(only_old), new=tuple(only_new)
    )


def _sort_key(change: ScoreChange) -> tuple[float, str, str]:
    size = math.inf if change.difference is None else abs(change.difference)
    return -size, change.student, change.item


def _pairs(
    old: Iterable[GradebookEntry], new: Iterable[GradebookEntry]
) -> Iterator[tuple[GradebookEntry | None, GradebookEntry | None]]:
    """Yield the entries of each student and item in both runs."""
    tagged = heapq.merge(
        ((entry.student, entry.item, 0, entry) for entry in old),
        ((entry.student, entry.item, 1, entry) for entry in new),
        key=lambda row: row[:3],
    )
    for _, group in itertools.groupby(tagged, key=lambda row: row[:2]):
        pair: list[GradebookEntry | None] = [None, None]
        for _, _, side, entry in group:
            pair[side] = entry
        yield pair[0], pair[1]


def _change(old: GradebookEntry, new: GradebookEntry) -> ScoreChange | None:
    """Return the difference between two entries, or None."""
    before, after = old.result, new.result
    if before is None and after is None:
        return None
    if before is not None and after is not None and before.payload == after.payload:  # saves decoding them
        return None
    tests = tuple(_test_changes(_outcomes(old), _outcomes(new)))
    change = ScoreChange(
        student=old.student,
        item=old.item,
        before=before.score if before else None,
        after=after.score if after else None,
        outcome_before=before.outcome if before else None,
        outcome_after=after.outcome if after else None,
        tests=tests,
        causes=_causes(before, after),
    )
    is_equal = (change.before, change.outcome_before) == (change.after, change.outcome_after)
    return None if is_equal and not tests else change


def _causes(before: StoredResult | None, after: StoredResult | None) -> tuple[Cause, ...]:
    """Return the causes by the parts of the keys that differ; none if a run has no result, whose error explains it."""
    if before is None or after is None:
        return ()
    if before.key == after.key:
        return (Cause.UNKNOWN,)
    old, new = before.key_parts, after.key_parts
    differing = (name for name in {**old, **new} if old.get(name) != new.get(name))
    return tuple(dict.fromkeys(CAUSES.get(name, Cause.OTHER) for name in differing))


_OutcomeAndPoints = tuple[Outcome | None, float]


def _outcomes(entry: GradebookEntry) -> dict[str, _OutcomeAndPoints]:
    """Return the outcome and the points of each test or question by id."""
    if entry.result is None:
        return {}
    result = entry.result.load(entry.handed.file)
    if isinstance(result, QuizResult):
        return {question.id: (None, question.score) for question in result.questions}
    return {test.id: (test.outcome, test.points) for test in result.tests}


def _test_changes(before: dict[str, _OutcomeAndPoints], after: dict[str, _OutcomeAndPoints]) -> Iterator[TestChange]:
    for id_ in {**before, **after}:
        old, new = before.get(id_, (None, None)), after.get(id_, (None, None))
        if old != new:
            yield TestChange(id=id_, before=old[0], after=new[0], points_before=old[1], points_after=new[1])
