"""Chooses the files to grade if a student has several for one item: all versions that may count, one file of each."""

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
from grader.teach.handins.handin import Handin, Ignored, IgnoredKind, Student

MOST = 20  # versions of one student for one item: each may take as long as the time limits of its tests allow
SAME_TIME = timedelta(minutes=1)  # cloning, copying or unpacking may change times by less than this


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """A file that is not graded, because another one is."""

    handin: Handin
    graded: Handin
    why: str
    kind: IgnoredKind = IgnoredKind.EARLIER


def choose_versions(handins: Iterable[Handin]) -> tuple[list[Handin], list[Ignored]]:
    """Return the files to grade, with the versions of each student and item numbered, and the files left out.

    The evidence, in order: what the file map says, the time it was handed in, the number of the archive, the place, the
    number in the name, the time of the last change. If two files of a student for one item differ and nothing tells
    which counts, reading the chosen one raises UsageError: only that student is affected.
    """
    chosen: list[Handin] = []
    groups: defaultdict[tuple[str, str, str], list[Handin]] = defaultdict(list)
    for handin in handins:
        if not handin.item:  # a quiz form that is not parsed yet
            chosen.append(handin)
            continue
        for student in handin.students:
            groups[student.id, handin.kind, handin.item].append(handin)
    owners: defaultdict[Handin, set[str]] = defaultdict(set)  # members of a group for whom it is the same version
    ignored: dict[Ignored, None] = {}  # an ordered set
    for (student_id, _, _), files in groups.items():
        versions, left_out = _versions(files, student_id)
        for version in versions:
            owners[version].add(student_id)
        for each in left_out:
            if each.handin.file == each.graded.file:  # an earlier commit of the same file
                continue
            student = _member(each.handin, student_id)
            ignored[Ignored(file=each.handin.file, why=each.why, kind=each.kind, student=student)] = None
    for version, ids in owners.items():
        chosen.append(replace(version, students=tuple(each for each in version.students if each.id in ids)))
    return chosen, list(ignored)


def _member(handin: Handin, student_id: str) -> Student:
    return next(student for student in handin.students if student.id == student_id)


def _versions(files: Sequence[Handin], student_id: str) -> tuple[list[Handin], list[_LeftOut]]:
    """Return the versions of one student in order, and the files left out."""
    mapped = [each for each in files if each.evidence.mapped] or files
    by_time = _grouped(mapped, lambda file: file.time)
    deliveries = [delivery for group in by_time for delivery in _by_archive_number(group)]
    versions: list[Handin] = []
    left_out: list[_LeftOut] = []
    for delivery in deliveries[-MOST:]:
        of_delivery, others = _of_delivery(delivery, student_id)
        versions += of_delivery
        left_out += others
    last = versions[-1]
    older = [*itertools.chain(*deliveries[:-MOST]), *versions[:-MOST]]
    left_out += (_LeftOut(each, last, f"older than the last {MOST} versions") for each in older)
    left_out += _leave_out(last, _without(files, mapped), "the map names it")
    if len(versions) > 1:
        versions, others = _distinct(versions[-MOST:])
        left_out += others
    count = len(versions)
    return [replace(each, version=n, superseded=n < count) for n, each in enumerate(versions, start=1)], left_out


def _of_delivery(files: Sequence[Handin], student_id: str) -> tuple[list[Handin], list[_LeftOut]]:
    """Choose from files handed in together: one for each number in their names. Return also the files left out."""
    rest = files
    stubs: list[Handin] = []
    while len(placed := _best_placed(rest)) < len(rest) and len(stubs) < MOST and all(map(_is_stub, placed)):
        stubs += placed
        rest = _without(rest, placed)
    versions: list[Handin] = []
    left_out: list[_LeftOut] = []
    for numbered in _grouped(placed, lambda each: each.evidence.number):
        version, others = _of_number(numbered, student_id)
        versions.append(version)
        left_out += others
    in_place = any(each.evidence.in_place for each in placed)
    place = "it is where the course has it" if in_place else "it is nearer to the top"
    left_out += _leave_out(versions[-1], _without(rest, placed), place)
    left_out += _leave_out(versions[-1], stubs, "this file is an untouched stub")
    return versions, left_out


def _of_number(files: Sequence[Handin], student_id: str) -> tuple[Handin, list[_LeftOut]]:
    """Choose the newest of files with the same number: not a stub, if possible. Return also the files left out.

    If several are left and differ, the first is chosen, and reading it raises UsageError.
    """
    newest = _newest(files)
    written = newest
    if 1 < len(newest) <= MOST:
        written = [each for each in newest if not _is_stub(each)] or newest
    first, *others = written
    differing = next((each for each in others if len(written) > MOST or not _are_equal(first, each)), None)
    if differing is None:
        version = first
        left_out = [_duplicate(each, first) for each in others]
    else:
        message = _cannot_tell(first, differing)
        version = replace(first, students=(_member(first, student_id),), read=partial(_raise, message))
        why = f"it is unclear whether this or {first.file} counts; use --map to choose"
        left_out = [_LeftOut(each, first, why, IgnoredKind.COPY) for each in others]
    left_out += _leave_out(first, _without(files, newest), "it was changed last")
    left_out += _leave_out(first, _without(newest, written), "this file is an untouched stub")
    return version, left_out


def _distinct(versions: Sequence[Handin]) -> tuple[list[Handin], list[_LeftOut]]:
    """Return the versions without untouched stubs and unchanged resubmissions, and those left out.

    An unchanged resubmission keeps the time of the first one.
    """
    written = [each for each in versions if not _is_stub(each)] or versions
    last = written[-1]
    why = f"an untouched stub; {last.file} is graded"
    left_out = [_LeftOut(each, last, why) for each in _without(versions, written)]
    distinct: list[Handin] = []
    for each in written:
        if distinct and _are_equal(distinct[-1], each):
            before = distinct.pop()
            left_out.append(_duplicate(before, each))
            each = replace(each, time=before.time, late=before.late)
        distinct.append(each)
    return distinct, left_out


def _leave_out(graded: Handin, others: Sequence[Handin], reason: str) -> list[_LeftOut]:
    """Return the other files as left out, with the reason why this one is graded."""
    why = f"not the same as {graded.file}, which is graded because {reason}"
    return [
        _duplicate(each, graded)
        if n < MOST and _are_equal(each, graded)
        else _LeftOut(each, graded, why, IgnoredKind.COPY)
        for n, each in enumerate(others)
    ]


def _duplicate(handin: Handin, graded: Handin) -> _LeftOut:
    """Return a file as left out because it has the same content as the graded one."""
    return _LeftOut(handin, graded, f"the same as {graded.file}, which is graded")


def _without(files: Sequence[Handin], taken: Sequence[Handin]) -> list[Handin]:
    """Return the files that are not among those taken, by identity."""
    ids = set(map(id, taken))
    return [each for each in files if id(each) not in ids]


# ------------------------------------------------------------ the evidence


def _grouped(files: Sequence[Handin], key: Callable[[Handin], Any]) -> list[Sequence[Handin]]:
    """Return the files grouped and sorted by a key; as one group if any key is None."""
    groups: defaultdict[Any, list[Handin]] = defaultdict(list)
    for each in files:
        groups[key(each)].append(each)
    return [files] if None in groups else [groups[each] for each in sorted(groups)]


def _by_archive_number(files: Sequence[Handin]) -> list[Sequence[Handin]]:
    """Return the files grouped by the numbers of their archives, if these have one name: `work.zip`, `work-1.zip`."""
    names = {each.evidence.archive[0] for each in files}
    return _grouped(files, lambda each: each.evidence.archive[1]) if len(names) == 1 else [files]


def _best_placed(files: Sequence[Handin]) -> Sequence[Handin]:
    """Return the files that are where the course has them, or else those nearest to the top."""
    if not _are_side_by_side(files):
        return files
    best = max(map(_place, files))
    return [each for each in files if _place(each) == best]


def _place(handin: Handin) -> tuple[bool, int]:
    return handin.evidence.in_place, -handin.evidence.depth


def _newest(files: Sequence[Handin]) -> Sequence[Handin]:
    """Return the files that were changed last, or less than a minute before that."""
    times = [each.evidence.changed for each in files if each.evidence.changed is not None]
    if len(times) < len(files) or not _are_side_by_side(files):
        return files
    latest = max(times)
    return [each for each, time in zip(files, times, strict=True) if latest - time < SAME_TIME]


def _are_side_by_side(files: Sequence[Handin]) -> bool:
    """Return whether the files are in one tree, so that their places and times can be compared."""
    return len({each.evidence.tree for each in files}) == 1


def _are_equal(first: Handin, second: Handin) -> bool:
    content = _hash(first)
    return content is not None and content == _hash(second)


def _hash(handin: Handin) -> bytes | None:
    """Return a hash of the file, or None if it cannot be read."""
    try:
        return hashlib.sha256(handin.read()).digest()
    except UsageError:
        return None


def _is_stub(handin: Handin) -> bool:
    """Return whether a file is an untouched stub."""
    if handin.kind == "quiz":
        return False
    try:
        return is_untouched(submission_of(handin.read(), handin.plain_name, handin.item).text, handin.item)
    except UsageError:
        return False


def _raise(message: str) -> NoReturn:
    raise UsageError(message)


def _cannot_tell(first: Handin, second: Handin) -> str:
    return (
        f"There are two files for {first.item}, {first.file} and {second.file}, which differ, and it is unclear "
        "which is newer; hand in one."
    )
