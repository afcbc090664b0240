"""The repositories of a GitHub organisation, cloned into one folder: `moe-week-3-ada/`, each with its .git.

The working tree is read as it is, and beside it what the earlier commits had for the exercises that are in it.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from grader.engine.submission.files import visible
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.items import Item, Known
from grader.teach.handins.layouts.folder import student_of
from grader.teach.handins.layouts.history import FILES, Unreadable, head, objects, read_blob
from grader.teach.handins.layouts.piece import OUTSIDE, Layout, Piece, Pieces, student_id
from grader.teach.handins.tree import GIT, Entry, Parts, Tree, unread


def is_checkouts(tree: Tree, known: Known) -> bool:
    """Whether most of the students' folders hold a .git."""
    students = {entry.path[0] for entry in tree.entries if student_of(entry, known) is not None}
    return sum((student,) in tree.checkouts for student in students) * 2 > len(students)


def _claims(tree: Tree, known: Known) -> str | None:
    if is_checkouts(tree, known):
        return next((entry.file for entry in tree.entries if (entry.path[0],) in tree.checkouts), None)
    return None


def _pieces(tree: Tree, known: Known) -> Pieces:
    names = {entry.path[0]: student_of(entry, known) for entry in tree.entries}
    empty_ones = {path[0] for path in tree.checkouts if len(path) == 1} - names.keys()
    names |= {name: name for name in empty_ones}
    prefix = _prefix([name for name in names.values() if name is not None], known)
    items: defaultdict[str, set[str]] = defaultdict(set)
    for entry in tree.entries:
        if item := known.item(entry.name):
            items[entry.path[0]].add(item.id)
    times: dict[str, datetime | None] = {}
    for entry in tree.entries:
        name = names[entry.path[0]]
        if name is None:
            yield Ignored(file=entry.file, why=OUTSIDE)
            continue
        student = _student(name, prefix)
        if name not in times:
            times[name] = None
            if tree.folder and (name,) in tree.checkouts:
                try:
                    times[name], earlier = _committed(tree.folder / name / GIT, known, items[name])
                except Unreadable as error:
                    yield unread(f"{tree.name}/{visible(name)}/{GIT}", f"its commits cannot be read: {error}", student)
                else:
                    for each in earlier:
                        was = Entry((name, *each.path), tree.name, 0, None, partial(_blob, tree.folder, name, each))
                        yield Piece((student,), was, was.name, each.time, item=each.item)
        # all files of a checkout are as old as the checkout
        yield Piece((student,), replace(entry, time=None), entry.name, times[name])
    for name in sorted(empty_ones):
        file = f"{tree.name}/{visible(name)}"
        yield Ignored(file=file, why="a repository with no file that could be graded", student=_student(name, prefix))


@dataclass(frozen=True)
class _Committed:
    """A file as it was in an earlier commit than the one that is checked out."""

    path: Parts  # in the clone
    blob: str
    item: Item
    time: datetime  # of the commit that brought it
    content: bytes | None = None  # None: it is read when it is wanted


def _committed(git: Path, known: Known, items: Set[str]) -> tuple[datetime | None, list[_Committed]]:
    """Return when the commit was made that is checked out, and the files for these items in those before it.

    A commit has all files for an item if it changed one of them, else none. Raise Unreadable where the clone has more
    commits or larger ones than are read.
    """
    commit = head(git)
    if commit is None:
        return None, []

    def is_wanted(name: str) -> bool:
        item = known.item(name)
        return item is not None and item.id in items

    found: list[_Committed] = []
    with objects(git) as opened:
        commits = list(opened.commits(commit))
        last = commits[0].time if commits else None
        trees = {each.time: each.tree for each in reversed(commits) if each.time != last}  # of one time the newest
        before: dict[str, list[tuple[Parts, str]]] = {}
        for time, tree in trees.items():
            there: defaultdict[str, list[tuple[Parts, str]]] = defaultdict(list)
            changed: list[_Committed] = []
            for path, blob in opened.files(tree, is_wanted):
                if item := known.item(path[-1]):
                    there[item.id].append((path, blob))
                    changed.append(_Committed(path, blob, item, time))
            found += (
                replace(each, content=opened.small(each.blob))
                for each in changed
                if there[each.item.id] != before.get(each.item.id)
            )
            if len(found) > FILES:
                raise Unreadable(f"more than {FILES:,} files in all commits")
            before = there
    return last, found


def _blob(root: Path, name: str, committed: _Committed, limit: int) -> bytes:
    if committed.content is not None:
        return committed.content
    return read_blob(root / name / GIT, committed.blob, visible(committed.path[-1]), limit)


def _student(folder: str, prefix: str) -> Student:
    login = student_id(folder.removeprefix(prefix))
    return Student(id=login, login=login)


def _prefix(names: Sequence[str], known: Known) -> str:
    """The name of the assignment, with its dash, that all folders begin with.

    Where it is not given, it is what most folders have before a login of the class, else what all begin with: that
    depends on who else is there, since `week-3-anna-k` and `week-3-anna-m` have more in common.
    """
    if known.prefix is not None:
        return known.prefix
    votes = Counter(name[:i] for name in names for i in _beginnings(name) if name[i:].casefold() in known.logins)
    return min(votes, key=lambda start: (-votes[start], len(start))) if votes else _in_common(names)


def _beginnings(name: str) -> list[int]:
    """Where a login may begin."""
    return [0, *(i + 1 for i, char in enumerate(name) if char == "-")]


def _in_common(names: Sequence[str]) -> str:
    first, last = min(names, default=""), max(names, default="")
    if first == last:
        return ""
    common = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    return common[: common.rfind("-") + 1]


LAYOUT = Layout("git", _claims, _pieces)
