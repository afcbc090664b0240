"""Two runs side by side: whose score moved, on which tests, and why."""

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator
from enum import StrEnum

from grader.base.result import Outcome
from grader.quiz.result import QuizResult
from grader.teach.gradebook.entries import Entry, Scored
from grader.teach.gradebook.model import Run, Struct


class Cause(StrEnum):
    """Why a score moved: what was another in the second run."""

    CODE = "code"  # the submission, or a file of the student's that it builds on
    TESTS = "tests"  # the exercise: its tests, reference, limits; those of what is imported; or the quiz
    ENGINE = "engine"
    TORCH = "torch"
    PYTHON = "python"
    SEED = "seed"
    ISOLATION = "isolation"
    OTHER = "other"  # a part of the key that a newer version writes
    UNKNOWN = "not known"  # nothing: the same work was measured twice, and differently


PARTS = {  # of a result's key: what it means where one differs
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


class TestMove(Struct, frozen=True, kw_only=True):
    """A test, or a question of a quiz, that ended otherwise. None: it was not there, or not run."""

    __test__ = False  # not for pytest to collect

    id: str
    before: Outcome | None  # of a question always None
    after: Outcome | None
    points_before: float | None
    points_after: float | None


class Move(Struct, frozen=True, kw_only=True):
    """A student's item that came out otherwise, as it was measured. None: it had no result in that run."""

    student: str  # id
    item: str
    before: float | None  # points
    after: float | None
    outcome_before: Outcome | None
    outcome_after: Outcome | None
    tests: tuple[TestMove, ...]
    causes: tuple[Cause, ...]

    @property
    def by(self) -> float | None:
        """How many points were gained. None where one of the runs has no result: a fault of the grader is not 0."""
        return None if self.before is None or self.after is None else self.after - self.before


class Missing(Struct, frozen=True, kw_only=True):
    """A student's item that only one of the runs has an entry for."""

    student: str
    item: str


class Comparison(Struct, frozen=True, kw_only=True):
    """All that differs between two runs."""

    before: Run
    after: Run
    same: int  # student's items that came out alike
    moved: tuple[Move, ...]  # what has no result in one of the runs, then what moved furthest
    gone: tuple[Missing, ...]  # only in the first run
    new: tuple[Missing, ...]  # only in the second run

    @property
    def unexplained(self) -> tuple[Move, ...]:
        """The same work, measured twice and differently: its score is not a function of the submission."""
        return tuple(move for move in self.moved if Cause.UNKNOWN in move.causes)


def compare(before: Run, first: Iterable[Entry], after: Run, second: Iterable[Entry]) -> Comparison:
    """Compares the entries of two runs, each in the order of students and items, one at a time."""
    same = 0
    moved: list[Move] = []
    gone: list[Missing] = []
    new: list[Missing] = []
    for old, fresh in _pairs(first, second):
        if fresh is None:
            gone += [Missing(student=old.student, item=old.item)] if old else []
        elif old is None:
            new.append(Missing(student=fresh.student, item=fresh.item))
        elif move := _move(old, fresh):
            moved.append(move)
        else:
            same += 1
    moved.sort(key=lambda move: (-math.inf if move.by is None else -abs(move.by), move.student, move.item))
    return Comparison(before=before, after=after, same=same, moved=tuple(moved), gone=tuple(gone), new=tuple(new))


def _pairs(first: Iterable[Entry], second: Iterable[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    """The entries of each student and item."""
    tagged = heapq.merge(
        ((entry.student, entry.item, 0, entry) for entry in first),
        ((entry.student, entry.item, 1, entry) for entry in second),
        key=lambda row: row[:3],
    )
    for _, group in itertools.groupby(tagged, key=lambda row: row[:2]):
        sides: list[Entry | None] = [None, None]
        for _, _, side, entry in group:
            sides[side] = entry
        yield sides[0], sides[1]


def _move(old: Entry, fresh: Entry) -> Move | None:
    """What differs between two entries, None if nothing does. Results of the same bytes need no closer look."""
    before, after = old.scored, fresh.scored
    if before is None and after is None:
        return None
    if before is not None and after is not None and before.payload == after.payload:
        return None
    tests = tuple(_test_moves(_outcomes(before, old), _outcomes(after, fresh)))
    move = Move(
        student=old.student,
        item=old.item,
        before=before.score if before else None,
        after=after.score if after else None,
        outcome_before=before.outcome if before else None,
        outcome_after=after.outcome if after else None,
        tests=tests,
        causes=_causes(before, after),
    )
    alike = (move.before, move.outcome_before) == (move.after, move.outcome_after)
    return None if alike and not tests else move


def _causes(before: Scored | None, after: Scored | None) -> tuple[Cause, ...]:
    """What of the keys differs. Nothing, where one of the runs has no result: its error says why."""
    if before is None or after is None:
        return ()
    if before.key == after.key:
        return (Cause.UNKNOWN,)
    old, new = before.key_parts, after.key_parts
    differing = (name for name in {**old, **new} if old.get(name) != new.get(name))
    return tuple(dict.fromkeys(PARTS.get(name, Cause.OTHER) for name in differing))


Ended = tuple[Outcome | None, float]


def _outcomes(scored: Scored | None, entry: Entry) -> dict[str, Ended]:
    """How each test or question ended, and its points."""
    if scored is None:
        return {}
    measured = scored.measured(entry.handed.file)
    if isinstance(measured, QuizResult):
        return {question.id: (None, question.score) for question in measured.questions}
    return {test.id: (test.outcome, test.points) for test in measured.tests}


def _test_moves(before: dict[str, Ended], after: dict[str, Ended]) -> Iterator[TestMove]:
    for id_ in {**before, **after}:
        old, new = before.get(id_, (None, None)), after.get(id_, (None, None))
        if old != new:
            yield TestMove(id=id_, before=old[0], after=new[0], points_before=old[1], points_after=new[1])
