"""The layout with the repositories of a GitHub organization cloned into one folder: `moe-week-3-ada/`, with its .git.

The working tree is read as it is. Earlier commits are read for the items that the working tree contains.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from grader.engine.submission.files import visible
from grader.teach.handins.file_names import ItemRef, NameParser
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.layouts.folder import student_of
from grader.teach.handins.layouts.git_objects import FILES, UnreadableClone, head_commit, open_objects, read_blob
from grader.teach.handins.layouts.layout import OUTSIDE, Layout, OwnedFile, OwnedFiles, student_id
from grader.teach.handins.tree import GIT, Parts, Tree, TreeEntry, unreadable_file


def is_checkouts(tree: Tree, parser: NameParser) -> bool:
    """Return whether most of the students' folders contain a .git."""
    students = {entry.path[0] for entry in tree.entries if student_of(entry, parser) is not None}
    return sum((student,) in tree.checkouts for student in students) * 2 > len(students)


def _detect(tree: Tree, parser: NameParser) -> str | None:
    if is_checkouts(tree, parser):
        return next((entry.file for entry in tree.entries if (entry.path[0],) in tree.checkouts), None)
    return None


def _files(tree: Tree, parser: NameParser) -> OwnedFiles:
    by_name: defaultdict[str, list[TreeEntry]] = defaultdict(list)
    for entry in tree.entries:
        name = student_of(entry, parser)
        if name is None:
            yield Ignored(file=entry.file, why=OUTSIDE)
        else:
            by_name[name].append(entry)
    empty = {path[0] for path in tree.checkouts if len(path) == 1} - {entry.path[0] for entry in tree.entries}
    prefix = _prefix([*by_name, *empty], parser)
    for name, entries in by_name.items():
        yield from _files_of_student(tree, parser, name, _student(name, prefix), entries)
    for name in sorted(empty):
        file = f"{tree.name}/{visible(name)}"
        yield Ignored(file=file, why="a repository without a file to grade", student=_student(name, prefix))


def _files_of_student(
    tree: Tree, parser: NameParser, name: str, student: Student, entries: Sequence[TreeEntry]
) -> OwnedFiles:
    time = None
    if tree.folder and (name,) in tree.checkouts:
        items = {item.id for entry in entries if (item := parser.item(entry.name))}
        try:
            time, earlier = _read_commits(tree.folder / name / GIT, parser, items)
        except UnreadableClone as error:
            why = f"its commits cannot be read: {error}"
            yield unreadable_file(f"{tree.name}/{visible(name)}/{GIT}", why, student)
        else:
            yield from _earlier_versions(tree.name, tree.folder, name, student, earlier)
    for entry in entries:  # without modification times: a clone sets them all
        yield OwnedFile((student,), replace(entry, time=None), entry.name, time)


def _earlier_versions(
    root: str, folder: Path, name: str, student: Student, earlier: Sequence["_CommittedFile"]
) -> Iterator[OwnedFile]:
    for each in earlier:
        entry = TreeEntry((name, *each.path), root, 0, None, partial(_read, folder, name, each))
        yield OwnedFile((student,), entry, entry.name, each.time, item=each.item)


@dataclass(frozen=True)
class _CommittedFile:
    """A file in an earlier commit than the one that is checked out."""

    path: Parts  # in the clone
    blob: str
    item: ItemRef
    time: datetime  # of the commit that changed it
    content: bytes | None = None  # None: read on demand


def _read_commits(git: Path, parser: NameParser, items: Set[str]) -> tuple[datetime | None, list[_CommittedFile]]:
    """Return the time of the commit that is checked out, and the files for these items in earlier commits.

    A commit contributes all its files for an item if it changed one of them, else none. Raise UnreadableClone if the
    clone exceeds the limits.
    """
    commit = head_commit(git)
    if commit is None:
        return None, []

    def is_wanted(name: str) -> bool:
        item = parser.item(name)
        return item is not None and item.id in items

    found: list[_CommittedFile] = []
    with open_objects(git) as objects:
        commits = list(objects.commits(commit))
        last = commits[0].time if commits else None
        trees = {each.time: each.tree for each in reversed(commits) if each.time != last}  # the newest of each time
        before: dict[str, list[tuple[Parts, str]]] = {}
        for time, tree in trees.items():
            blobs: defaultdict[str, list[tuple[Parts, str]]] = defaultdict(list)  # by item
            files: list[_CommittedFile] = []
            for path, blob in objects.files(tree, is_wanted):
                if item := parser.item(path[-1]):
                    blobs[item.id].append((path, blob))
                    files.append(_CommittedFile(path, blob, item, time))
            for file in files:
                if blobs[file.item.id] != before.get(file.item.id):
                    found.append(replace(file, content=objects.read_if_small(file.blob)))
            if len(found) > FILES:
                raise UnreadableClone(f"more than {FILES:,} files in all commits")
            before = blobs
    return last, found


def _read(folder: Path, name: str, file: _CommittedFile, limit: int) -> bytes:
    if file.content is not None:
        return file.content
    return read_blob(folder / name / GIT, file.blob, visible(file.path[-1]), limit)


def _student(folder: str, prefix: str) -> Student:
    login = student_id(folder.removeprefix(prefix))
    return Student(id=login, login=login)


def _prefix(names: Sequence[str], parser: NameParser) -> str:
    """Return the name of the assignment, with its dash, that all folders begin with.

    If it is not given, it is what most folders have before a login of the class, else what all folders begin with.
    The latter depends on who is in the class: `week-3-anna-k` and `week-3-anna-m` have more in common.
    """
    if parser.prefix is not None:
        return parser.prefix
    votes = Counter(name[:i] for name in names for i in _login_starts(name) if name[i:].casefold() in parser.logins)
    return min(votes, key=lambda prefix: (-votes[prefix], len(prefix))) if votes else _common_prefix(names)


def _login_starts(name: str) -> list[int]:
    """Return the indices at which a login may begin."""
    return [0, *(i + 1 for i, char in enumerate(name) if char == "-")]


def _common_prefix(names: Sequence[str]) -> str:
    first, last = min(names, default=""), max(names, default="")
    if first == last:
        return ""
    common = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    return common[: common.rfind("-") + 1]


LAYOUT = Layout("git", _detect, _files)
