"""A folder or an archive as a list of files. Nothing is unpacked, and no link is followed."""

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
from grader.teach.handins.handin import Ignored, IgnoredKind, Student

MAX_ENTRIES = 1_000_000  # of a folder or an archive that the instructor names

Parts = tuple[str, ...]

LINK = "a link; links are not followed"
SPECIAL = "not a regular file"
NOISE = "created by a program, not part of a submission"
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
class TreeEntry:
    """A file in a tree."""

    path: Parts  # from the tree's root; as on disk, with surrogates for bytes that are not UTF-8
    root: str  # the tree's root, for display
    size: int  # bytes, as declared
    time: datetime | None  # modification time on disk or in the archive, not the time it was handed in
    fetch: Callable[[int], bytes]
    refused: str = ""  # why it is not read; empty for a file that is

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path[-1]

    @property
    def file(self) -> str:
        """The file as it was found, for display."""
        return "/".join((*([self.root] if self.root else []), *map(visible, self.path)))

    def read(self, limit: int | None = None) -> bytes:
        """Return the content. Raise UsageError if it is broken or has more than `limit` bytes.

        The default limit depends on the file's name.
        """
        return self.fetch(limit_of(self.name) if limit is None else limit)


@dataclass(frozen=True)
class Tree:
    """All files of a folder or an archive, except noise."""

    name: str  # as the user named it, for display
    stem: str  # the folder's name, the archive's without its suffix; empty for loose files
    entries: list[TreeEntry]
    unread: list[TreeEntry] = field(default_factory=list)  # links, devices, encrypted members
    ignored: list[Ignored] = field(default_factory=list)  # noise, and members without a valid path
    checkouts: frozenset[Parts] = frozenset()  # folders that contain a .git
    folder: Path | None = None  # its path on disk; None for an archive

    def only_folder(self) -> "Tree | None":
        """Return the top folder as a tree of its own if all files are in one, else None."""
        if not self.entries:
            return None
        first = self.entries[0].path[0]
        if not all(len(entry.path) > 1 and entry.path[0] == first for entry in self.entries):
            return None
        root = f"{self.name}/{visible(first)}"
        inside = [each for each in self.unread if len(each.path) > 1 and each.path[0] == first]
        beside = [unreadable_file(each.file, each.refused) for each in self.unread if each not in inside]
        return Tree(
            root,
            first,
            [_within(entry, root) for entry in self.entries],
            [_within(entry, root) for entry in inside],
            [*self.ignored, *beside],
            frozenset(path[1:] for path in self.checkouts if path[:1] == (first,)),
            self.folder / first if self.folder else None,
        )


def unreadable_file(file: str, why: str, student: Student | None = None) -> Ignored:
    """Return a file that was handed in and cannot be read."""
    return Ignored(file=file, why=why, kind=IgnoredKind.UNREAD, student=student)


def refused_entry(path: Parts, root: str, why: str) -> TreeEntry:
    """Return an entry that raises UsageError when it is read."""
    return TreeEntry(path, root, 0, None, partial(_refuse, path, why), why)


def _refuse(path: Parts, why: str, limit: int) -> NoReturn:
    raise UsageError(f"{visible(path[-1])} is not read: {why}.")


def _within(entry: TreeEntry, root: str) -> TreeEntry:
    """Return the entry relative to the folder that its path begins with."""
    return replace(entry, path=entry.path[1:], root=root)


def noise_prefix(parts: Parts) -> Parts | None:
    """Return the path up to its first part that is noise, such as `.git` or `__pycache__`; None if there is none."""
    for i, part in enumerate(parts):
        if part in _NOISE or part.startswith("._") or part.endswith(".pyc"):
            return parts[: i + 1]
    return None


def too_many_files(name: str, most: int) -> UsageError:
    """Return the error for a folder or archive with more than `most` files."""
    return UsageError(f"{name} contains more than {most:,} files; name a folder of submissions and nothing else.")


def tree_of_folder(root: Path) -> Tree:
    """Return the tree of a folder on disk. Raise UsageError if a folder in it cannot be read."""
    name = visible(root)
    entries: list[TreeEntry] = []
    refused: list[TreeEntry] = []
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
                if noise_prefix((each.name,)):
                    ignored.append(Ignored(file=shown, why=NOISE, kind=IgnoredKind.NOISE))
                elif each.is_symlink():
                    refused.append(refused_entry(path, name, LINK))
                elif each.is_dir(follow_symlinks=False):
                    open_folders.append((path, folder / each.name))
                elif each.is_file(follow_symlinks=False):
                    state = each.stat(follow_symlinks=False)
                    fetch = partial(read_regular, Path(each.path))
                    entries.append(TreeEntry(path, name, state.st_size, time_of_timestamp(state.st_mtime), fetch))
                else:
                    refused.append(refused_entry(path, name, SPECIAL))
        if len(entries) + len(refused) + len(ignored) > MAX_ENTRIES:
            raise too_many_files(name, MAX_ENTRIES)
    entries.sort(key=lambda entry: entry.path)
    return Tree(name, root.absolute().name, entries, refused, ignored, frozenset(checkouts), root)


def tree_of_files(paths: list[Path]) -> Tree:
    """Return a tree of files that were named one by one, as if they were in one folder."""
    entries = []
    for path in paths:
        state = path.lstat()
        root = "" if path.parent == Path() else visible(path.parent)
        fetch = partial(read_regular, path)
        entries.append(TreeEntry((path.name,), root, state.st_size, time_of_timestamp(state.st_mtime), fetch))
    return Tree("the files", "", entries)


def time_of_timestamp(seconds: float) -> datetime | None:
    """Return a file's modification time as a datetime; None if it is out of range."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
