"""One file for each student and item: of several, the newest."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from grader.errors import UsageError
from grader.submission.handin import Handin, Ignored, Kind, Student


@dataclass(frozen=True, slots=True)
class Version:
    """A file that may be the one to grade, and what tells whether it is newer than another."""

    handin: Handin  # its `time` is what the learning platform says
    number: int = 0  # how often it was handed in again
    changed: datetime | None = None  # when the file was changed last, where that says something
    in_place: bool = False  # where the course has the file: exercises/ID/ID.py
    mapped: bool = False  # the instructor says that it is for this item


def newest(versions: Iterable[Version]) -> tuple[list[Handin], list[Ignored]]:
    """The files to grade, and the earlier ones.

    Where a student has two files for one item, their contents differ, and nothing tells which is newer, to read what is
    graded raises UsageError: it is the outcome of that student alone.
    """
    every = list(versions)
    candidates: dict[tuple[str, str, str], list[Version]] = defaultdict(list)
    for each in every:
        if each.handin.item:
            for student in each.handin.students:
                candidates[student.id, each.handin.kind, each.handin.item].append(each)
    chosen: dict[tuple[str, str, str], Handin | None] = {}  # None: it cannot be told
    unclear = []
    for key, several in candidates.items():
        best = chosen[key] = _newest(several)
        if best is None:
            first = several[0].handin
            (student,) = (each for each in first.students if each.id == key[0])
            unclear.append(replace(first, students=(student,), read=partial(_refuse, _cannot_tell(several))))
    handins = []
    ignored = []
    for each in every:
        handin = each.handin

        def wins(student: Student, handin: Handin = handin) -> bool:
            return not handin.item or chosen[student.id, handin.kind, handin.item] is handin

        students = tuple(filter(wins, handin.students))
        if students:  # of a group, those who did not hand in another one
            handins.append(handin if students == handin.students else replace(handin, students=students))
        else:
            for student in handin.students:
                if (other := chosen[student.id, handin.kind, handin.item]) is not None:
                    why = f"an earlier version of {other.file}"
                    ignored.append(Ignored(file=handin.file, why=why, kind=Kind.EARLIER, student=student))
    return [*handins, *unclear], ignored


def newest_of_each(versions: Iterable[Version]) -> list[Handin]:
    """The newest file of each student for each item. Where nothing tells which it is, to read it raises UsageError."""
    alone = (
        replace(each, handin=replace(each.handin, students=(student,)))
        for each in versions
        for student in each.handin.students
    )
    return newest(alone)[0]


def _refuse(sentence: str) -> NoReturn:
    raise UsageError(sentence)


def _newest(several: Sequence[Version]) -> Handin | None:
    orders: list[Callable[[Version], Any]] = [
        lambda v: v.mapped,
        lambda v: v.handin.time,
        lambda v: v.number,
        lambda v: v.changed,
        lambda v: v.in_place,
    ]
    for order in orders:
        values = [order(each) for each in several]
        if None not in values and values.count(max(values)) == 1:
            return several[values.index(max(values))].handin
    return several[0].handin if _are_the_same(several) else None


def _are_the_same(several: Sequence[Version]) -> bool:
    try:
        return len({each.handin.read() for each in several}) == 1
    except UsageError:  # one of them cannot be read
        return False


def _cannot_tell(several: Sequence[Version]) -> str:
    first, second = (each.handin.file for each in several[:2])
    return (
        f"There are two files for {several[0].handin.item}, {first} and {second}, which differ, and nothing tells "
        "which is newer; hand in one."
    )
