"""One file for each student and item: of several, the newest."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from grader.errors import UsageError
from grader.submission.handin import Handin, Ignored, Student


@dataclass(frozen=True, slots=True)
class Version:
    """A file that may be the one to grade, and what tells whether it is newer than another."""

    handin: Handin  # its `time` is what the learning platform says
    number: int = 0  # how often it was handed in again
    changed: datetime | None = None  # when the file was changed last, where that says something


def newest(versions: Iterable[Version]) -> tuple[list[Handin], list[Ignored]]:
    """The files to grade, and the earlier ones.

    UsageError where a student has two files for one item, their contents differ, and nothing tells which is newer.
    """
    every = list(versions)
    candidates: dict[tuple[str, str, str], list[Version]] = defaultdict(list)
    for each in every:
        if each.handin.item:
            for student in each.handin.students:
                candidates[student.id, each.handin.kind, each.handin.item].append(each)
    chosen: dict[tuple[str, str, str], Version] = {}
    unclear = []
    for key, several in candidates.items():
        best = _newest(several)
        if best is None:
            unclear.append(several)
        else:
            chosen[key] = best
    if unclear:
        raise _cannot_tell(unclear)
    handins = []
    ignored = []
    for each in every:
        handin = each.handin

        def wins(student: Student, handin: Handin = handin) -> bool:
            return not handin.item or chosen[student.id, handin.kind, handin.item].handin is handin

        students = tuple(filter(wins, handin.students))
        if students:  # of a group, those who did not hand in another one
            handins.append(handin if students == handin.students else replace(handin, students=students))
        else:
            other = chosen[handin.students[0].id, handin.kind, handin.item].handin
            ignored.append(Ignored(handin.file, f"an earlier version of {other.file}"))
    return handins, ignored


def newest_of_each(versions: Iterable[Version]) -> list[Handin]:
    """The newest file of each student for each item. Where nothing tells which it is, to read it raises UsageError."""
    several: dict[tuple[str, str], list[Version]] = defaultdict(list)
    for each in versions:
        for student in each.handin.students:
            own = replace(each, handin=replace(each.handin, students=(student,)))
            several[student.id, each.handin.item].append(own)
    return [_the_newest(each) for each in several.values()]


def _the_newest(several: Sequence[Version]) -> Handin:
    try:
        (handin,), _ = newest(several)
    except UsageError as error:
        return replace(several[0].handin, read=partial(_refuse, error))
    return handin


def _refuse(error: UsageError) -> NoReturn:
    raise error


def _newest(several: Sequence[Version]) -> Version | None:
    orders: list[Callable[[Version], Any]] = [lambda v: v.handin.time, lambda v: v.number, lambda v: v.changed]
    for order in orders:
        values = [order(each) for each in several]
        if None not in values and values.count(max(values)) == 1:
            return several[values.index(max(values))]
    return several[0] if _are_the_same(several) else None


def _are_the_same(several: Sequence[Version]) -> bool:
    try:
        return len({each.handin.read() for each in several}) == 1
    except UsageError:  # one of them cannot be read
        return False


def _cannot_tell(unclear: Sequence[Sequence[Version]]) -> UsageError:
    first, second = (each.handin for each in unclear[0][:2])
    who = first.students[0].id
    more = f" So it is {len(unclear) - 1} more times." if len(unclear) > 1 else ""
    return UsageError(
        f"{who} has two files for {first.item}, {first.file} and {second.file}, "
        f"and nothing tells which is newer; remove one of them.{more}"
    )
