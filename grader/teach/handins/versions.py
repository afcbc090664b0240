"""Choose what is graded of a student's several files for one item: all versions that may count, one file of each."""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

from grader.base.errors import UsageError
from grader.engine.submission.examine import is_untouched
from grader.engine.submission.read import submission_of
from grader.teach.handins.handin import Handin, Ignored, Kind, Student

MOST = 20  # versions of one student for one item that are graded: each may take as long as the limits of its tests say
APART = timedelta(minutes=1)  # what clones, copies or unpacks files may give them times that differ by less


@dataclass(frozen=True, slots=True)
class _Left:
    """A file that is not graded, the one that is, and why."""

    handin: Handin
    graded: Handin
    why: str
    kind: Kind = Kind.EARLIER


def choose(handins: Iterable[Handin]) -> tuple[list[Handin], list[Ignored]]:
    """Return what is to be graded, the versions of each student for an item numbered, and the files that are not.

    The order of evidence is that of docs/submissions.md. Where a student has two files for one item that differ, and
    nothing tells which counts, reading what is graded raises UsageError: it is the outcome of that student alone.
    """
    chosen: list[Handin] = []
    several: defaultdict[tuple[str, str, str], list[Handin]] = defaultdict(list)
    for handin in handins:
        if handin.item:
            for student in handin.students:
                several[student.id, handin.kind, handin.item].append(handin)
        else:
            chosen.append(handin)  # a form of a quiz that nobody has read yet
    owners: defaultdict[Handin, set[str]] = defaultdict(set)  # of a group, those for whom it is the same version
    ignored: dict[Ignored, None] = {}  # in order
    for (student_id, _, _), files in several.items():
        versions, left = _versions(files, student_id)
        for each in versions:
            owners[each].add(student_id)
        for out in left:
            if out.handin.file != out.graded.file:  # an earlier commit is no other file
                student = _member(out.handin, student_id)
                ignored[Ignored(file=out.handin.file, why=out.why, kind=out.kind, student=student)] = None
    for each, ids in owners.items():
        chosen.append(replace(each, students=tuple(student for student in each.students if student.id in ids)))
    return chosen, list(ignored)


def _member(handin: Handin, student_id: str) -> Student:
    return next(student for student in handin.students if student.id == student_id)


def _versions(files: Sequence[Handin], student_id: str) -> tuple[list[Handin], list[_Left]]:
    """Return the versions of one student in order, and the files that are left out."""
    named = [each for each in files if each.evidence.mapped] or files
    deliveries = [again for each in _apart(named, lambda file: file.time) for again in _by_archive(each)]
    versions: list[Handin] = []
    left: list[_Left] = []
    for delivery in deliveries[-MOST:]:
        of_delivery, others = _of_delivery(delivery, student_id)
        versions += of_delivery
        left += others
    last = versions[-1]
    older = [*itertools.chain(*deliveries[:-MOST]), *versions[:-MOST]]
    left += (_Left(each, last, f"older than the last {MOST} versions") for each in older)
    left += _beside(last, _without(files, named), "the map names it")
    if len(versions) > 1:
        versions, others = _distinct(versions[-MOST:])
        left += others
    count = len(versions)
    return [replace(each, version=n, superseded=n < count) for n, each in enumerate(versions, start=1)], left


def _of_delivery(files: Sequence[Handin], student_id: str) -> tuple[list[Handin], list[_Left]]:
    """Return one of the files that were handed in together for each number in their names, and those left out."""
    rest = files
    stubs: list[Handin] = []
    while len(placed := _best_placed(rest)) < len(rest) and len(stubs) < MOST and all(map(_is_open, placed)):
        stubs += placed
        rest = _without(rest, placed)
    versions: list[Handin] = []
    left: list[_Left] = []
    for numbered in _apart(placed, lambda each: each.evidence.number):
        newest = _newest(numbered)
        written = newest
        if 1 < len(newest) <= MOST:
            written = [each for each in newest if not _is_open(each)] or newest
        first = written[0]
        differing = next((each for each in written[1:] if len(written) > MOST or not _are_the_same(first, each)), None)
        if differing is None:
            versions.append(first)
            left += (_same(each, first) for each in written[1:])
        else:
            sentence = _cannot_tell(first, differing)
            versions.append(replace(first, students=(_member(first, student_id),), read=partial(_refuse, sentence)))
            why = f"nothing tells whether this or {first.file} counts: say it with --map"
            left += (_Left(each, first, why, Kind.COPY) for each in written[1:])
        left += _beside(first, _without(numbered, newest), "it was changed last")
        left += _beside(first, _without(newest, written), "nothing is written in this one")
    in_place = any(each.evidence.in_place for each in placed)
    where = "it lies where the course has it" if in_place else "it lies nearer to the top"
    left += _beside(versions[-1], _without(rest, placed), where)
    left += _beside(versions[-1], stubs, "nothing is written in this one")
    return versions, left


def _distinct(versions: Sequence[Handin]) -> tuple[list[Handin], list[_Left]]:
    """Return the versions without untouched stubs and unchanged resubmissions, and those left out.

    What was handed in again unchanged keeps the time at which it first came.
    """
    begun = [each for each in versions if not _is_open(each)] or versions
    last = begun[-1]
    left = [_Left(each, last, f"nothing is written in it; {last.file} is graded") for each in _without(versions, begun)]
    distinct: list[Handin] = []
    for each in begun:
        if distinct and _are_the_same(distinct[-1], each):
            before = distinct.pop()
            left.append(_same(before, each))
            each = replace(each, time=before.time, late=before.late)
        distinct.append(each)
    return distinct, left


def _beside(graded: Handin, others: Sequence[Handin], reason: str) -> list[_Left]:
    """Return the other files as left out for the one that is graded, with the reason."""
    why = f"not the same as {graded.file}, which is graded since {reason}"
    return [
        _same(each, graded) if n < MOST and _are_the_same(each, graded) else _Left(each, graded, why, Kind.COPY)
        for n, each in enumerate(others)
    ]


def _same(handin: Handin, graded: Handin) -> _Left:
    """Return a file as left out for one with the same content."""
    return _Left(handin, graded, f"the same as {graded.file}, which is graded")


def _without(files: Sequence[Handin], taken: Sequence[Handin]) -> list[Handin]:
    """Return the files that are not taken, by identity."""
    ids = set(map(id, taken))
    return [each for each in files if id(each) not in ids]


# ------------------------------------------------------------ the evidence


def _apart(files: Sequence[Handin], key: Callable[[Handin], Any]) -> list[Sequence[Handin]]:
    """Group the files by a key, in its order; keep them together if the key of one is unknown."""
    groups: defaultdict[Any, list[Handin]] = defaultdict(list)
    for each in files:
        groups[key(each)].append(each)
    return [files] if None in groups else [groups[each] for each in sorted(groups)]


def _by_archive(files: Sequence[Handin]) -> list[Sequence[Handin]]:
    """Group the files by the numbers of their archives, if these have one name: `work.zip` and `work-1.zip`."""
    names = {each.evidence.archive[0] for each in files}
    return _apart(files, lambda each: each.evidence.archive[1]) if len(names) == 1 else [files]


def _best_placed(files: Sequence[Handin]) -> Sequence[Handin]:
    """Return those that lie where the course has the file, or else those nearest to the top."""
    if not _are_side_by_side(files):
        return files
    best = max(map(_place, files))
    return [each for each in files if _place(each) == best]


def _place(handin: Handin) -> tuple[bool, int]:
    return handin.evidence.in_place, -handin.evidence.depth


def _newest(files: Sequence[Handin]) -> Sequence[Handin]:
    """Return those that were changed last, or less than a minute before that."""
    times = [each.evidence.changed for each in files if each.evidence.changed is not None]
    if len(times) < len(files) or not _are_side_by_side(files):
        return files
    latest = max(times)
    return [each for each, time in zip(files, times, strict=True) if latest - time < APART]


def _are_side_by_side(files: Sequence[Handin]) -> bool:
    """Return True if the files lie in one tree, so that their places and times can be compared."""
    return len({each.evidence.tree for each in files}) == 1


def _are_the_same(first: Handin, second: Handin) -> bool:
    content = _content(first)
    return content is not None and content == _content(second)


def _content(handin: Handin) -> bytes | None:
    """Return a hash of the file, or None if it cannot be read."""
    try:
        return hashlib.sha256(handin.read()).digest()
    except UsageError:
        return None


def _is_open(handin: Handin) -> bool:
    """Return True for a stub in which nothing is written yet."""
    if handin.kind == "quiz":
        return False
    try:
        return is_untouched(submission_of(handin.read(), handin.plain_name, handin.item).text, handin.item)
    except UsageError:
        return False


# ------------------------------------------------------------ what cannot be told


def _refuse(sentence: str) -> NoReturn:
    raise UsageError(sentence)


def _cannot_tell(first: Handin, second: Handin) -> str:
    return (
        f"There are two files for {first.item}, {first.file} and {second.file}, which differ, and nothing tells "
        "which is newer; hand in one."
    )
