"""A folder or an archive as a list of entries. Nothing is unpacked, and no link is followed."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

from grader.base.errors import UsageError
from grader.base.files import reading
from grader.engine.submission.files import limit_of, read_regular, visible
from grader.teach.handins.handin import Ignored, Kind, Student

MAX_ENTRIES = 1_000_000  # of a folder or an archive that the instructor names

Parts = tuple[str, ...]

LINK = "a link; links are not followed"
SPECIAL = "not a regular file"
NOISE = "left behind by a program, no part of a submission"
GIT = ".git"

_NOISE = {
    GIT,
    ".DS_Store",
    ".idea",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    ".vscode",
    "Thumbs.db",
    "__MACOSX",
    "__pycache__",
    "desktop.ini",
    "node_modules",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file in a tree."""

    path: Parts  # from the tree's root; as on disk, with surrogates for bytes that are no UTF-8
    root: str  # the tree's root, for people
    size: int  # bytes, as declared
    time: datetime | None  # of its last change, as the disk or the archive has it; says little of when it came in
    fetch: Callable[[int], bytes]
    refused: str = ""  # why it is not read, if it is not

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def file(self) -> str:
        """The file as it was found, for people."""
        return "/".join((*([self.root] if self.root else []), *map(visible, self.path)))

    def read(self, limit: int | None = None) -> bytes:
        """The content. UsageError if it is broken, or has more than `limit` bytes: what a file of its name may have."""
        return self.fetch(limit_of(self.name) if limit is None else limit)


@dataclass(frozen=True)
class Tree:
    """All files of a folder or an archive but for noise."""

    name: str  # as the user named it, for people
    stem: str  # the folder's name, the archive's without its suffix; empty for loose files
    entries: list[Entry]
    unread: list[Entry] = field(default_factory=list)  # links, devices, encrypted members
    ignored: list[Ignored] = field(default_factory=list)  # what is no part of a submission, or has no path in the tree
    checkouts: frozenset[Parts] = frozenset()  # folders that hold a .git
    folder: Path | None = None  # where it lies, if it is not an archive

    def inner(self) -> "Tree | None":
        """The only folder in it as a tree of its own; None where there are files beside it, or other folders."""
        first = self.entries[0].path[0] if self.entries else ""
        if not all(len(entry.path) > 1 and entry.path[0] == first for entry in self.entries):
            return None
        if not self.entries:
            return None
        root = f"{self.name}/{visible(first)}"
        inside = [each for each in self.unread if len(each.path) > 1 and each.path[0] == first]
        beside = [unread(each.file, each.refused) for each in self.unread if each not in inside]
        return Tree(
            root,
            first,
            [_within(entry, root) for entry in self.entries],
            [_within(entry, root) for entry in inside],
            [*self.ignored, *beside],
            frozenset(path[1:] for path in self.checkouts if path[:1] == (first,)),
            self.folder / first if self.folder else None,
        )


def unread(file: str, why: str, student: Student | None = None) -> Ignored:
    """A file that was handed in, and cannot be read."""
    return Ignored(file=file, why=why, kind=Kind.UNREAD, student=student)


def refusal(path: Parts, root: str, why: str) -> Entry:
    """A file of this path that is not read."""
    return Entry(path, root, 0, None, partial(_refuse, path, why), why)


def _refuse(path: Parts, why: str, limit: int) -> NoReturn:
    raise UsageError(f"{visible(path[-1])} is not read: {why}.")


def _within(entry: Entry, root: str) -> Entry:
    """The entry, seen from the folder that its path begins with."""
    return replace(entry, path=entry.path[1:], root=root)


def noise(parts: Parts) -> Parts | None:
    """The part of a path that is noise with all that lies below it; None if there is none."""
    for i, part in enumerate(parts):
        if part in _NOISE or part.startswith("._") or part.endswith(".pyc"):
            return parts[: i + 1]
    return None


def too_many(name: str, most: int) -> UsageError:
    return UsageError(f"{name} holds more than {most:,} files; name what holds submissions and nothing else.")


def walk(root: Path) -> Tree:
    """The tree of a folder on disk. UsageError where a folder in it cannot be read."""
    name = visible(root)
    entries: list[Entry] = []
    refused: list[Entry] = []
    ignored: list[Ignored] = []
    checkouts = set()
    open_folders: list[tuple[Parts, Path]] = [((), root)]
    while open_folders:
        parts, folder = open_folders.pop()
        with reading(folder):
            with os.scandir(folder) as found:
                content = sorted(found, key=lambda each: each.name)
            for each in content:
                path = (*parts, each.name)
                shown = "/".join((name, *map(visible, path)))
                if each.name == GIT:
                    checkouts.add(parts)
                if noise((each.name,)):
                    ignored.append(Ignored(file=shown, why=NOISE, kind=Kind.NOISE))
                elif each.is_symlink():
                    refused.append(refusal(path, name, LINK))
                elif each.is_dir(follow_symlinks=False):
                    open_folders.append((path, folder / each.name))
                elif each.is_file(follow_symlinks=False):
                    state = each.stat(follow_symlinks=False)
                    fetch = partial(read_regular, Path(each.path))
                    entries.append(Entry(path, name, state.st_size, moment(state.st_mtime), fetch))
                else:
                    refused.append(refusal(path, name, SPECIAL))
        if len(entries) + len(refused) + len(ignored) > MAX_ENTRIES:
            raise too_many(name, MAX_ENTRIES)
    entries.sort(key=lambda entry: entry.path)
    return Tree(name, root.absolute().name, entries, refused, ignored, frozenset(checkouts), root)


def loose(paths: list[Path]) -> Tree:
    """Files that were named one by one, as if they lay in one folder."""
    entries = []
    for path in paths:
        state = path.lstat()
        root = "" if path.parent == Path() else visible(path.parent)
        fetch = partial(read_regular, path)
        entries.append(Entry((path.name,), root, state.st_size, moment(state.st_mtime), fetch))
    return Tree("the files", "", entries)


def moment(seconds: float) -> datetime | None:
    """The time of a file; None where it is none."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
