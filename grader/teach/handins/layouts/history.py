"""Reads the commits of a clone and the files in them.

The configuration of a clone, its hooks and attributes are a stranger's, and could name programs to run. So git works in
an empty repository of ours on nothing but the objects of the clone, and `git cat-file` is the only command.
"""

import itertools
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from grader.base.errors import UsageError
from grader.base.git import isolated_repository
from grader.engine.submission.files import MIB, read_regular, too_large
from grader.teach.handins.tree import Parts, moment, noise

COMMITS = 1000  # the newest, of those that are read
FILES = 10_000  # of those asked for, in one commit
_KEPT = MIB  # bytes of the files of one clone that are kept in memory; what is more is read when it is wanted
_DEPTH = 50  # folders around a file
_SECONDS = 10  # for one look into a clone
_MEMORY = 4096 * MIB  # address space of git: packs are mapped into it
_OBJECT = re.compile(r"[0-9a-f]{40}")
_HEADER = re.compile(rb"[0-9a-f]{40} (commit|tree|blob|tag) (\d{1,18})\n")
_REF = re.compile(r"ref: (refs/[\w./-]+)", re.ASCII)
_TREE = re.compile(r"\Atree ([0-9a-f]{40})$", re.MULTILINE)
_PARENT = re.compile(r"^parent ([0-9a-f]{40})$", re.MULTILINE)
_COMMITTER = re.compile(r"^committer .*> (\d{1,12}) [+-]\d{4}$", re.MULTILINE | re.ASCII)
_ENTRY = re.compile(rb"(\d{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)
_ENDED = f"git ended, or took more than {_SECONDS} s"
_FOLDER, _FILES = b"40000", (b"100644", b"100755")

Blobs = tuple[tuple[Parts, str], ...]  # paths and the ids of their contents


class Unreadable(Exception):
    """A clone whose objects cannot be read, or not within bounds."""


class TooLarge(Unreadable):
    """An object of more bytes than were asked for."""

    def __init__(self, size: int):
        super().__init__(f"an object of {size // MIB} MiB")
        self.size = size


@dataclass(frozen=True)
class Commit:
    """A commit: when it was made, by the clock of whoever made it, and the id of its tree."""

    time: datetime
    tree: str


@dataclass
class Objects:
    """The objects of a clone."""

    _ask: IO[bytes]
    _answer: IO[bytes]
    _trees: dict[str, Blobs] = field(default_factory=dict)
    _room: int = _KEPT

    def commits(self, head: str) -> Iterator[Commit]:
        """Yield a commit and those that it was built on, the newest first, of a merge along its first parent.

        No commit is later than one that builds on it, whatever its clock said. It ends where a clone was cut off.
        """
        latest: datetime | None = None
        name: str | None = head
        for _ in range(COMMITS):
            text = None if name is None else self.read(name, b"commit", MIB)
            if text is None:
                return
            headers = text.decode("utf-8", "replace").partition("\n\n")[0]
            tree, parent, seconds = (each.search(headers) for each in (_TREE, _PARENT, _COMMITTER))
            time = moment(int(seconds[1])) if seconds else None
            if tree is None or time is None:
                return
            latest = time if latest is None else min(time, latest)
            yield Commit(latest, tree[1])
            name = parent[1] if parent else None

    def files(self, tree: str, wanted: Callable[[str], bool], depth: int = 0) -> Blobs:
        """Return the regular files in a tree whose names are wanted. Raise Unreadable if they are too many."""
        if tree not in self._trees:
            found: list[tuple[Parts, str]] = []
            for mode, name, blob in _ENTRY.findall(self.read(tree, b"tree", 4 * MIB) or b""):
                part = os.fsdecode(name)
                if noise((part,)):
                    continue
                if mode == _FOLDER and depth < _DEPTH:
                    found += (((part, *path), each) for path, each in self.files(blob.hex(), wanted, depth + 1))
                elif mode in _FILES and wanted(part):
                    found.append(((part,), blob.hex()))
                if len(found) > FILES:
                    raise Unreadable(f"more than {FILES:,} files in a commit")
            self._trees[tree] = tuple(found)
        return self._trees[tree]

    def small(self, blob: str) -> bytes | None:
        """Return the content of a file; None where what was returned so far leaves no room for it in memory."""
        try:
            content = self.read(blob, b"blob", self._room)
        except TooLarge as error:
            left = error.size + 1  # of what git writes all the same
            while left:
                left -= len(self._answered(min(left, MIB)))
            return None
        self._room -= len(content or b"")
        return content

    def read(self, name: str, kind: bytes, most: int) -> bytes | None:
        """Return the content of an object; None where it is missing or of another kind.

        Raise TooLarge if it has more than `most` bytes, and Unreadable if git ends or takes too long.
        """
        try:
            self._ask.write(f"{name}\n".encode("ascii"))
            self._ask.flush()
        except OSError:
            raise Unreadable(_ENDED) from None
        header = self._answer.readline(200)
        if header.endswith(b" missing\n"):
            return None
        match = _HEADER.fullmatch(header)
        if match is None:
            raise Unreadable(_ENDED)
        size = int(match[2])
        if size > most:
            raise TooLarge(size)
        content = self._answered(size + 1)[:-1]
        return content if match[1] == kind else None

    def _answered(self, size: int) -> bytes:
        content = self._answer.read(size)
        if len(content) < size:
            raise Unreadable(_ENDED)
        return content


def head(git: Path) -> str | None:
    """Return the id of the commit that is checked out, None where there is none that may be read."""
    if shutil.which("git") is None or not _is_whole(git):
        return None
    name = _content(git / "HEAD").strip()
    ref = _REF.fullmatch(name)
    if ref and ".." not in ref[1]:
        name = _content(git / ref[1]).strip()
        if not name:
            packed = re.search(rf"^([0-9a-f]{{40}}) {re.escape(ref[1])}$", _content(git / "packed-refs"), re.MULTILINE)
            name = packed[1] if packed else ""
    return name if _OBJECT.fullmatch(name) else None


@contextmanager
def objects(git: Path) -> Iterator[Objects]:
    """Open the objects of a clone, for as long as one look may take."""
    with isolated_repository(git) as (empty, environment):
        process = subprocess.Popen(
            ["git", "cat-file", "--batch"],
            env=environment,
            cwd=empty,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(_SECONDS, process.kill)
        try:
            _bound(process.pid)
            timer.start()
            yield Objects(process.stdin, process.stdout)
        finally:
            timer.cancel()
            process.kill()
            process.communicate()


def read_blob(git: Path, blob: str, file: str, limit: int) -> bytes:
    """Return the content of a file in a commit. Raise UsageError if it is too large, or cannot be read."""
    try:
        with objects(git) as opened:
            content = opened.read(blob, b"blob", limit)
    except TooLarge:
        raise too_large(file, limit) from None
    except Unreadable:
        content = None
    if content is None:
        raise UsageError(f"{file} cannot be read as it was in an earlier commit; clone the repository again.")
    return content


def _bound(pid: int) -> None:
    """Bound the memory of git, which holds whole objects, if the system can do that."""
    try:
        import resource
    except ImportError:  # Windows
        return
    if hasattr(resource, "prlimit"):
        resource.prlimit(pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _is_whole(git: Path) -> bool:
    """Return True if all of a clone lies in its folder.

    By links it could pass the commits of another student off as its own.
    """
    if git.is_symlink() or (git / "objects" / "info" / "alternates").exists():
        return False
    read = [git / "refs", git / "objects"]
    below = (Path(folder, each) for top in read for folder, *found in os.walk(top) for each in itertools.chain(*found))
    return not any(each.is_symlink() for each in itertools.chain(read, below))


def _content(path: Path) -> str:
    """Return the text of a small file of git's, or nothing if there is none that may be read."""
    try:
        return read_regular(path, 4 * MIB).decode("utf-8", "replace")
    except UsageError:
        return ""
