"""Archives as trees: .zip, .tar, .tar.gz, .tgz. A member is read from the archive when it is wanted."""

import gzip
import io
import re
import tempfile
import weakref
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from grader.base.errors import UsageError
from grader.base.files import reading
from grader.engine.submission.files import MIB, visible
from grader.teach.handins.handin import Ignored, Kind
from grader.teach.handins.members import BROKEN, Member, Tar, Zip
from grader.teach.handins.tree import (
    GIT,
    MAX_ENTRIES,
    NOISE,
    Entry,
    Parts,
    Tree,
    noise,
    refusal,
    too_many,
    unread,
)

MAX_UNPACKED = 4096 * MIB  # bytes that a .tar.gz of the instructor's may hold
STUDENTS_LIMIT = 128 * MIB  # bytes of an archive that a student handed in: a trained model may lie in it
STUDENTS_UNPACKED = 256 * MIB
IN_MEMORY = 64 * MIB  # bytes of what a .tar.gz holds; beyond, they lie in a file without a name
STUDENTS_ENTRIES = 2_000
MAX_DEPTH = 100  # folders in a member's path
MAX_NAME = 255  # characters of a part of it, as on a disk

_SUFFIX = re.compile(r"\.(zip|tar|tar\.gz|tgz)$", re.IGNORECASE)
_OTHER = re.compile(r"\.(7z|rar|gz|bz2|xz|zst|tbz2?|txz)$", re.IGNORECASE)


@dataclass(frozen=True)
class Bounds:
    entries: int
    unpacked: int  # bytes


CLASS = Bounds(MAX_ENTRIES, MAX_UNPACKED)
STUDENT = Bounds(STUDENTS_ENTRIES, STUDENTS_UNPACKED)


def is_archive(name: str) -> bool:
    return _SUFFIX.search(name) is not None


def is_other_archive(name: str) -> bool:
    """Whether a name is that of an archive of a kind that is not read."""
    return not is_archive(name) and _OTHER.search(name) is not None


def stem_of(name: str) -> str:
    """The name of an archive, of whatever kind, without what says that it is one."""
    return _OTHER.sub("", _SUFFIX.sub("", name))


def open_archive(path: Path) -> Tree:
    """The tree of an archive on disk, which stays open as long as one of its entries is held.

    UsageError where it is damaged, or holds more than is read.
    """
    name = visible(path)
    with reading(path):
        file = path.open("rb")
    return _tree(file, name, path.name, CLASS)


def look_into(entry: Entry) -> Tree:
    """The tree of an archive that lies in another tree. It is read again for each of its members that is wanted.

    UsageError as for `open_archive`, with lower bounds: a student made it.
    """
    tree = _nested(entry)
    members = [replace(each, fetch=partial(_again, entry, i)) for i, each in enumerate(tree.entries)]
    return replace(tree, entries=members)


def _nested(entry: Entry) -> Tree:
    data = entry.read(STUDENTS_LIMIT)
    if data.count(zipfile.stringCentralDir) > STUDENT.entries:  # type: ignore[attr-defined]  # before it takes memory
        raise too_many(entry.file, STUDENT.entries)
    return _tree(io.BytesIO(data), entry.file, entry.name, STUDENT)


def _again(outer: Entry, index: int, limit: int) -> bytes:
    return _nested(outer).entries[index].read(limit)


def _tree(file: IO[bytes], name: str, file_name: str, bounds: Bounds) -> Tree:
    try:
        if file_name.lower().endswith(".zip"):
            archive: Zip | Tar = Zip(file, name)
        else:
            if file_name.lower().endswith("gz"):
                with file:
                    file = _unpacked(file, name, bounds.unpacked)
            archive = Tar(file, name)
        found = _entries(archive.members(), name, bounds.entries)
    except BROKEN as error:
        file.close()
        raise UsageError(f"{name} is no archive that can be read ({visible(str(error))}); pack it again.") from None
    except UsageError:
        file.close()
        raise
    weakref.finalize(archive, file.close)
    return Tree(name, stem_of(file_name), *found)


def _entries(
    members: Iterable[Member], name: str, most: int
) -> tuple[list[Entry], list[Entry], list[Ignored], frozenset[Parts]]:
    """The members that are files, those that are not read, what is ignored, and the folders that hold a .git."""
    files: dict[Parts, Entry] = {}
    refused: list[Entry] = []
    ignored: list[Ignored] = []
    rubbish: dict[Parts, None] = {}  # in order
    for count, member in enumerate(members):
        if count >= most:
            raise too_many(name, most)
        if isinstance(member, Ignored):
            ignored.append(member)
            continue
        path, why = (member.path, "") if isinstance(member, Entry) else member
        if len(path) > MAX_DEPTH or max(map(len, path)) > MAX_NAME:
            ignored.append(
                unread(f"{name}: {visible(path[-1][:40])}...", "its path is longer than any disk would have it")
            )
        elif left := noise(path):
            rubbish[left] = None
        elif not isinstance(member, Entry):
            refused.append(refusal(path, name, why))
        else:
            if path in files:  # whoever unpacks it is left with the last one
                why = "replaced by a later member of the same name in the archive"
                ignored.append(Ignored(file=member.file, why=why, kind=Kind.EARLIER))
            files[path] = member
    ignored += [Ignored(file="/".join((name, *map(visible, path))), why=NOISE, kind=Kind.NOISE) for path in rubbish]
    checkouts = frozenset(path[:-1] for path in rubbish if path[-1] == GIT)
    return sorted(files.values(), key=lambda entry: entry.path), refused, ignored, checkouts


def _unpacked(file: IO[bytes], name: str, most: int) -> IO[bytes]:
    """A decompressed copy of what gzip compressed.

    One pass over it, and then each member can be read where it lies: a compressed stream would have to be read from
    its beginning for each of them.
    """
    copy = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    with gzip.open(file) as stream:
        while chunk := stream.read(MIB):
            if copy.tell() + len(chunk) > most:
                copy.close()
                raise UsageError(f"{name} unpacks to more than {most // MIB:,} MiB, the most that is read.")
            copy.write(chunk)
    copy.seek(0)
    return copy
