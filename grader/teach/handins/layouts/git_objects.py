"""Reads the commits of a clone and the files in them.

The clone's configuration, hooks and attributes are untrusted, and could name programs to run. So git runs in an empty
repository with access to nothing but the objects of the clone, and `git cat-file` is the only command.
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
from grader.teach.handins.tree import Parts, noise_prefix, time_of_timestamp

COMMITS = 1000  # the newest commits are read
FILES = 10_000  # wanted files in one commit
_CACHED = MIB  # bytes of one clone's files that are kept in memory; more are read on demand
_DEPTH = 50  # folders around a file
_SECONDS = 10  # of one git process
_MEMORY = 4096 * MIB  # address space of git, which maps packs into it
_OBJECT = re.compile(r"[0-9a-f]{40}")
_HEADER = re.compile(rb"[0-9a-f]{40} (commit|tree|blob|tag) (\d{1,18})\n")
_REF = re.compile(r"ref: (refs/[\w./-]+)", re.ASCII)
_TREE = re.compile(r"\Atree ([0-9a-f]{40})$", re.MULTILINE)
_PARENT = re.compile(r"^parent ([0-9a-f]{40})$", re.MULTILINE)
_COMMITTER = re.compile(r"^committer .*> (\d{1,12}) [+-]\d{4}$", re.MULTILINE | re.ASCII)
_ENTRY = re.compile(rb"(\d{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)
_ENDED = f"git exited, or took more than {_SECONDS} s"
_FOLDER, _FILES = b"40000", (b"100644", b"100755")

Blobs = tuple[tuple[Parts, str], ...]  # paths and the ids of their contents


class UnreadableClone(Exception):
    """The objects of a clone cannot be read within the limits."""


class ObjectTooLarge(UnreadableClone):
    """An object is larger than the limit."""

    def __init__(self, size: int):
        super().__init__(f"an object of {size // MIB} MiB")
        self.size = size


@dataclass(frozen=True)
class Commit:
    """A commit of a clone."""

    time: datetime  # by the committer's clock
    tree: str  # id


@dataclass
class GitObjects:
    """The objects of a clone, read through a `git cat-file --batch` process."""

    _stdin: IO[bytes]
    _stdout: IO[bytes]
    _trees: dict[str, Blobs] = field(default_factory=dict)
    _room: int = _CACHED

    def commits(self, head: str) -> Iterator[Commit]:
        """Yield a commit and its ancestors along first parents, newest first, to the end of a shallow clone.

        No ancestor's time is later than its descendant's, whatever the committer's clock said.
        """
        latest: datetime | None = None
        name: str | None = head
        for _ in range(COMMITS):
            text = None if name is None else self.read(name, b"commit", MIB)
            if text is None:
                return
            headers = text.decode("utf-8", "replace").partition("\n\n")[0]
            tree, parent, seconds = (each.search(headers) for each in (_TREE, _PARENT, _COMMITTER))
            time = time_of_timestamp(int(seconds[1])) if seconds else None
            if tree is None or time is None:
                return
            latest = time if latest is None else min(time, latest)
            yield Commit(latest, tree[1])
            name = parent[1] if parent else None

    def files(self, tree: str, wanted: Callable[[str], bool], depth: int = 0) -> Blobs:
        """Return the regular files in a tree whose names are wanted.

        Raise UnreadableClone if there are too many.
        """
        if tree not in self._trees:
            found: list[tuple[Parts, str]] = []
            for mode, name, blob in _ENTRY.findall(self.read(tree, b"tree", 4 * MIB) or b""):
                part = os.fsdecode(name)
                if noise_prefix((part,)):
                    continue
                if mode == _FOLDER and depth < _DEPTH:
                    found += (((part, *path), each) for path, each in self.files(blob.hex(), wanted, depth + 1))
                elif mode in _FILES and wanted(part):
                    found.append(((part,), blob.hex()))
                if len(found) > FILES:
                    raise UnreadableClone(f"more than {FILES:,} files in a commit")
            self._trees[tree] = tuple(found)
        return self._trees[tree]

    def read_if_small(self, blob: str) -> bytes | None:
        """Return the content of a file, or None if it would exceed the memory for all contents returned so far."""
        try:
            content = self.read(blob, b"blob", self._room)
        except ObjectTooLarge as error:
            left = error.size + 1  # git writes the content nevertheless
            while left:
                left -= len(self._read_exactly(min(left, MIB)))
            return None
        self._room -= len(content or b"")
        return content

    def read(self, name: str, kind: bytes, most: int) -> bytes | None:
        """Return the content of an object; None if it is missing or of another kind.

        Raise ObjectTooLarge if it has more than `most` bytes, and UnreadableClone if git exits or times out.
        """
        try:
            self._stdin.write(f"{name}\n".encode("ascii"))
            self._stdin.flush()
        except OSError:
            raise UnreadableClone(_ENDED) from None
        header = self._stdout.readline(200)
        if header.endswith(b" missing\n"):
            return None
        match = _HEADER.fullmatch(header)
        if match is None:
            raise UnreadableClone(_ENDED)
        size = int(match[2])
        if size > most:
            raise ObjectTooLarge(size)
        content = self._read_exactly(size + 1)[:-1]
        return content if match[1] == kind else None

    def _read_exactly(self, size: int) -> bytes:
        content = self._stdout.read(size)
        if len(content) < size:
            raise UnreadableClone(_ENDED)
        return content


def head_commit(git: Path) -> str | None:
    """Return the id of the commit that is checked out; None if there is none or the clone is not self-contained."""
    if shutil.which("git") is None or not _is_self_contained(git):
        return None
    name = _read_text(git / "HEAD").strip()
    ref = _REF.fullmatch(name)
    if ref and ".." not in ref[1]:
        name = _read_text(git / ref[1]).strip() or _packed_ref(git, ref[1])
    return name if _OBJECT.fullmatch(name) else None


def _packed_ref(git: Path, ref: str) -> str:
    match = re.search(rf"^([0-9a-f]{{40}}) {re.escape(ref)}$", _read_text(git / "packed-refs"), re.MULTILINE)
    return match[1] if match else ""


@contextmanager
def open_objects(git: Path) -> Iterator[GitObjects]:
    """Open the objects of a clone. The git process is killed after ten seconds."""
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
            _limit_memory(process.pid)
            timer.start()
            yield GitObjects(process.stdin, process.stdout)
        finally:
            timer.cancel()
            process.kill()
            process.communicate()


def read_blob(git: Path, blob: str, file: str, limit: int) -> bytes:
    """Return the content of a file in a commit. Raise UsageError if it is too large or cannot be read."""
    try:
        with open_objects(git) as objects:
            content = objects.read(blob, b"blob", limit)
    except ObjectTooLarge:
        raise too_large(file, limit) from None
    except UnreadableClone:
        content = None
    if content is None:
        raise UsageError(f"{file} cannot be read as it was in an earlier commit; clone the repository again.")
    return content


def _limit_memory(pid: int) -> None:
    """Limit the memory of git, which loads whole objects, on systems that support it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    if hasattr(resource, "prlimit"):
        resource.prlimit(pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _is_self_contained(git: Path) -> bool:
    """Return whether all of a clone is in its folder: links could present another student's commits as its own."""
    if git.is_symlink() or (git / "objects" / "info" / "alternates").exists():
        return False
    roots = [git / "refs", git / "objects"]
    below = (
        Path(folder, each) for root in roots for folder, *found in os.walk(root) for each in itertools.chain(*found)
    )
    return not any(each.is_symlink() for each in itertools.chain(roots, below))


def _read_text(path: Path) -> str:
    """Return the text of a small file, or an empty string if it is missing or not a regular file."""
    try:
        return read_regular(path, 4 * MIB).decode("utf-8", "replace")
    except UsageError:
        return ""
