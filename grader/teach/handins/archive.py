"""Archives as trees: .zip, .tar, .tar.gz, .tgz. Members are read from the archive on demand."""

import gzip
import io
import re
import tempfile
import weakref
import zipfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from grader.base.errors import UsageError
from grader.base.files import reading
from grader.engine.submission.files import MIB, visible
from grader.teach.handins.handin import Ignored, IgnoredKind
from grader.teach.handins.members import BROKEN, Member, TarReader, ZipReader
from grader.teach.handins.tree import (
    GIT,
    MAX_ENTRIES,
    NOISE,
    Parts,
    Tree,
    TreeEntry,
    noise_prefix,
    refused_entry,
    too_many_files,
    unreadable_file,
)

MAX_UNPACKED = 4096 * MIB  # unpacked bytes of an instructor's .tar.gz
STUDENTS_LIMIT = 128 * MIB  # bytes of an archive that a student handed in: it may contain a trained model
STUDENTS_UNPACKED = 256 * MIB
IN_MEMORY = 64 * MIB  # unpacked bytes of a .tar.gz that are kept in memory; a temporary file holds more
STUDENTS_ENTRIES = 2_000
MAX_DEPTH = 100  # folders in a member's path
MAX_NAME = 255  # characters in a part of a member's path, as on a disk

_SUFFIX = re.compile(r"\.(zip|tar|tar\.gz|tgz)$", re.IGNORECASE)
_OTHER = re.compile(r"\.(7z|rar|gz|bz2|xz|zst|tbz2?|txz)$", re.IGNORECASE)


@dataclass(frozen=True)
class ArchiveLimits:
    """How much is read of an archive."""

    entries: int
    unpacked: int  # bytes


CLASS = ArchiveLimits(MAX_ENTRIES, MAX_UNPACKED)
STUDENT = ArchiveLimits(STUDENTS_ENTRIES, STUDENTS_UNPACKED)


def is_archive(name: str) -> bool:
    """Return whether a file is an archive of a supported format, by its suffix."""
    return _SUFFIX.search(name) is not None


def is_unsupported_archive(name: str) -> bool:
    """Return whether a file is an archive of an unsupported format, by its suffix."""
    return not is_archive(name) and _OTHER.search(name) is not None


def archive_stem(name: str) -> str:
    """Return an archive's name without its suffixes."""
    return _OTHER.sub("", _SUFFIX.sub("", name))


def open_archive(path: Path) -> Tree:
    """Return the tree of an archive on disk. The file stays open as long as any of its entries is referenced.

    Raise UsageError if the archive is damaged or exceeds the limits.
    """
    name = visible(path)
    with reading(path):
        file = path.open("rb")
    return _tree(file, name, path.name, CLASS)


def open_nested_archive(entry: TreeEntry) -> Tree:
    """Return the tree of a student's archive in another tree. Each read of a member opens the archive again.

    Raise UsageError as `open_archive` does, with lower limits.
    """
    tree = _nested(entry)
    members = [replace(each, fetch=partial(_reopen_and_read, entry, i)) for i, each in enumerate(tree.entries)]
    return replace(tree, entries=members)


def _nested(entry: TreeEntry) -> Tree:
    data = entry.read(STUDENTS_LIMIT)
    if data.count(zipfile.stringCentralDir) > STUDENT.entries:  # type: ignore[attr-defined]  # before it takes memory
        raise too_many_files(entry.file, STUDENT.entries)
    return _tree(io.BytesIO(data), entry.file, entry.name, STUDENT)


def _reopen_and_read(outer: TreeEntry, index: int, limit: int) -> bytes:
    return _nested(outer).entries[index].read(limit)


def _tree(file: IO[bytes], name: str, file_name: str, bounds: ArchiveLimits) -> Tree:
    try:
        if file_name.lower().endswith(".zip"):
            archive: ZipReader | TarReader = ZipReader(file, name)
        else:
            if file_name.lower().endswith("gz"):
                with file:
                    file = _unpacked(file, name, bounds.unpacked)
            archive = TarReader(file, name)
        found = _entries(archive.members(), name, bounds.entries)
    except BROKEN as error:
        file.close()
        raise UsageError(f"{name} is not a valid archive ({visible(str(error))}); pack it again.") from None
    except UsageError:
        file.close()
        raise
    weakref.finalize(archive, file.close)
    return Tree(name, archive_stem(file_name), *found)


def _entries(
    members: Iterable[Member], name: str, most: int
) -> tuple[list[TreeEntry], list[TreeEntry], list[Ignored], frozenset[Parts]]:
    """Return the files, the refused entries, the ignored members, and the folders that contain a .git."""
    files: dict[Parts, TreeEntry] = {}
    refused: list[TreeEntry] = []
    ignored: list[Ignored] = []
    noise: dict[Parts, None] = {}  # an ordered set
    for count, member in enumerate(members):
        if count >= most:
            raise too_many_files(name, most)
        if isinstance(member, Ignored):
            ignored.append(member)
            continue
        path, why = (member.path, "") if isinstance(member, TreeEntry) else member
        if len(path) > MAX_DEPTH or max(map(len, path)) > MAX_NAME:
            file = f"{name}: {visible(path[-1][:40])}..."
            ignored.append(unreadable_file(file, "its path is longer than a disk allows"))
        elif prefix := noise_prefix(path):
            noise[prefix] = None
        elif not isinstance(member, TreeEntry):
            refused.append(refused_entry(path, name, why))
        else:
            if path in files:  # unpacking would also leave the last one
                why = "replaced by a later member of the same name in the archive"
                ignored.append(Ignored(file=member.file, why=why, kind=IgnoredKind.EARLIER))
            files[path] = member
    for path in noise:
        ignored.append(Ignored(file="/".join((name, *map(visible, path))), why=NOISE, kind=IgnoredKind.NOISE))
    checkouts = frozenset(path[:-1] for path in noise if path[-1] == GIT)
    return sorted(files.values(), key=lambda entry: entry.path), refused, ignored, checkouts


def _unpacked(file: IO[bytes], name: str, most: int) -> IO[bytes]:
    """Return a decompressed copy of a gzip file, so that members can be read by their offsets."""
    copy = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    with ExitStack() as stack, gzip.open(file) as stream:
        stack.callback(copy.close)
        while chunk := stream.read(MIB):
            if copy.tell() + len(chunk) > most:
                raise UsageError(f"{name} unpacks to more than {most // MIB:,} MiB, the most that is read.")
            copy.write(chunk)
        copy.seek(0)
        stack.pop_all()  # the caller closes it
    return copy
