"""Readers of zip and tar archives: yield one member at a time; unsafe members are reported and not read."""

import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import IO, TypeAlias

from grader.base.errors import UsageError
from grader.engine.submission.files import too_large, visible
from grader.teach.handins.handin import Ignored
from grader.teach.handins.tree import LINK, SPECIAL, Parts, TreeEntry, time_of_timestamp, unreadable_file

Member: TypeAlias = TreeEntry | Ignored | tuple[Parts, str]  # the tuple: a path, and why it is not read

BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError, NotImplementedError)

_CYRILLIC = ("cp866", "cp1125", "cp1251")  # encodings of old Eastern European programs, most likely first
# One letter and lower-case ones, or capitals only; cp866 has no Cyrillic `I` and `i`, so names use the Latin ones
_WORD = re.compile(r"[А-ЯЁЄІЇҐІIiа-яёєіїґ][а-яёєіїґʼi]+|[А-ЯЁЄІЇҐI]{2,}")
_DEVICE = re.compile(r"[A-Za-z]:")


def _parts(name: str) -> Parts | None:
    """Return the parts of a member's name; None if it leads out of the archive."""
    parts = tuple(part for part in re.split(r"[/\\]", name) if part not in ("", "."))  # some programs write backslashes
    if name[:1] in ("/", "\\") or ".." in parts or not parts or _DEVICE.match(parts[0]):
        return None
    return parts


def _outside(name: str, member: str) -> Ignored:
    return unreadable_file(f"{name}: {visible(member[:200])}", "its path leads out of the archive")


class ZipReader:
    """A reader of zip archives."""

    def __init__(self, file: IO[bytes], name: str):
        self._name = name
        self._zip = zipfile.ZipFile(file)

    def members(self) -> Iterator[Member]:
        """Yield the members that are not folders."""
        for info in self._zip.infolist():
            member = _name_in_zip(info)
            path = _parts(member)
            mode = info.external_attr >> 16
            if info.is_dir():
                continue
            if path is None:
                yield _outside(self._name, member)
            elif stat.S_ISLNK(mode):
                yield path, LINK
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                yield path, SPECIAL
            elif info.flag_bits & 1:
                yield path, "encrypted"
            elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others expand without bound
                yield path, "compressed in a way that is not supported; pack it again as a plain .zip"
            else:
                yield TreeEntry(path, self._name, info.file_size, _zip_time(info), partial(self._read, info))

    def _read(self, info: zipfile.ZipInfo, limit: int) -> bytes:
        file = f"{self._name}/{visible(_name_in_zip(info))}"
        if info.file_size > limit:
            raise too_large(file, limit)
        try:
            with self._zip.open(info) as member:
                return member.read(limit + 1)[:limit]  # reading up to the end verifies the checksum
        except (*BROKEN, RuntimeError) as error:
            raise UsageError(f"{file} cannot be read: {visible(str(error))}; pack it again.") from None


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """Return the member's name. Many programs write UTF-8 without setting the flag for it."""
    name = info.orig_filename.partition("\0")[0]
    if info.flag_bits & 0x800:
        return name
    raw = name.encode("cp437")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        readings = (raw.decode(encoding, "replace") for encoding in _CYRILLIC)
        return next(filter(_all_cyrillic, readings), name)


def _all_cyrillic(name: str) -> bool:
    """Return whether all words that are not ASCII are Cyrillic, with capitals only where people write them."""
    words = [word for word in re.findall(r"[^\x00-\x40\x5b-\x60\x7b-\x7f]+", name) if not word.isascii()]
    return all(_WORD.fullmatch(word) for word in words)


def _zip_time(info: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*info.date_time, tzinfo=UTC)  # the real zone is unknown: only times of one archive compare
    except ValueError:
        return None


class TarReader:
    """A reader of uncompressed tar archives."""

    def __init__(self, file: IO[bytes], name: str):
        self._name = name
        self._file = file

    def members(self) -> Iterator[Member]:
        """Yield the members that are not folders."""
        with tarfile.open(fileobj=self._file, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # keeps memory constant
                path = _parts(info.name)
                if info.isdir():
                    continue
                if path is None:
                    yield _outside(self._name, info.name)
                elif info.issym() or info.islnk():
                    yield path, LINK
                elif not info.isreg() or info.issparse():
                    yield path, SPECIAL
                else:
                    fetch = partial(self._read, info.offset_data, info.size, f"{self._name}/{visible(info.name)}")
                    yield TreeEntry(path, self._name, info.size, time_of_timestamp(info.mtime), fetch)
            self._file.seek(tar.offset)
            if any(self._file.read(tarfile.BLOCKSIZE)):  # tarfile mistakes a damaged header for the end
                raise tarfile.ReadError("a header in the middle of it is damaged")

    def _read(self, offset: int, size: int, file: str, limit: int) -> bytes:
        if size > limit:
            raise too_large(file, limit)
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) < size:
            raise UsageError(f"{file} cannot be read: the archive ends in the middle of it; pack it again.")
        return data
