"""The repositories of a GitHub organisation, cloned into one folder: `moe-week-3-ada/`, each with its .git.

The working tree is read as it is. The time is that of the last commit, which git reads out of the objects of the
repository and nothing else.
"""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from grader.errors import UsageError
from grader.git import ask
from grader.submission.files import MIB, read_regular, visible
from grader.submission.handin import Ignored, Student
from grader.submission.items import Known
from grader.submission.layouts.folder import student_of
from grader.submission.layouts.piece import OUTSIDE, Layout, Piece, Pieces, student_id
from grader.submission.tree import GIT, Tree, moment

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REF = re.compile(r"ref: (refs/[\w./-]+)", re.ASCII)
_COMMITTER = re.compile(r"^committer .*> (\d{1,12}) [+-]\d{4}$", re.MULTILINE | re.ASCII)


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
    times: dict[str, datetime | None] = {}
    for entry in tree.entries:
        name = names[entry.path[0]]
        if name is None:
            yield Ignored(file=entry.file, why=OUTSIDE)
            continue
        if name not in times:
            checkout = tree.folder / name / GIT if tree.folder and (name,) in tree.checkouts else None
            times[name] = _commit_time(checkout) if checkout else None
        # all files of a checkout are as old as the checkout
        yield Piece((_student(name, prefix),), replace(entry, time=None), entry.name, times[name])
    for name in sorted(empty_ones):
        file = f"{tree.name}/{visible(name)}"
        yield Ignored(file=file, why="a repository with no file that could be graded", student=_student(name, prefix))


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


def _commit_time(git: Path) -> datetime | None:
    """When the commit was made that is checked out; None where it cannot be told."""
    commit = _head(git)
    if commit is None:
        return None
    headers = ask(git, "cat-file", "commit", commit).decode("utf-8", "replace").partition("\n\n")[0]
    match = _COMMITTER.search(headers)
    return moment(int(match[1])) if match else None


def _head(git: Path) -> str | None:
    """The id of the commit that is checked out."""
    head = _content(git / "HEAD").strip()
    ref = _REF.fullmatch(head)
    if ref and ".." not in ref[1]:
        head = _content(git / ref[1]).strip()
        if not head:
            packed = re.search(rf"^([0-9a-f]{{40}}) {re.escape(ref[1])}$", _content(git / "packed-refs"), re.MULTILINE)
            head = packed[1] if packed else ""
    return head if _COMMIT.fullmatch(head) else None


def _content(path: Path) -> str:
    """The text of a small file of git's; nothing where there is none that may be read."""
    try:
        return read_regular(path, 4 * MIB).decode("utf-8", "replace")
    except UsageError:
        return ""


LAYOUT = Layout("git", _claims, _pieces)
