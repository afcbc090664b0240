"""Files that are there whole or not at all, and remarks for whoever has them written."""

import io
import os
import stat
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

import click

from grader.clean import clean_line, inert
from grader.course.document import shown
from grader.errors import UsageError

MOST_NAMED = 5
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every file in a ZIP, so that the same files give the same bytes


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8) to write, which gets its name when it is whole; its folder is made.

    UsageError if it cannot be written. What was under that name before is then untouched.
    """
    with _part(path) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield file


def write_bytes(path: Path, data: bytes) -> Path:
    """Writes a file as `whole` does."""
    with _part(path) as part:
        part.write_bytes(data)
    return path


def require_writable(folder: Path) -> None:
    """Makes a folder, where there is none. UsageError if no file can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"{shown(folder)} cannot be written to: {error.strerror or error}.") from None


def zipped(files: Mapping[str, bytes], scripts: Collection[str] = ()) -> bytes:
    """A ZIP of these files, by their names in it; `scripts` can be run. The same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            member = zipfile.ZipInfo(name, EPOCH)
            member.create_system = 3  # Unix, whose permissions follow
            member.external_attr = (stat.S_IFREG | (0o755 if name in scripts else 0o644)) << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    """Where to write what becomes `path` at the end, if all goes well."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be written: {error.strerror or error}.") from None


def read(path: Path) -> str:
    """The text of a template, its line ends and its byte order mark as they are. UsageError if it cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{shown(path)}: there is no such file.") from None
    except OSError as error:
        raise UsageError(f"{shown(path)}: cannot be read: {error.strerror}.") from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{shown(path)}:{line}: not UTF-8; take the file as it was downloaded.") from None


def several(names: Sequence[str]) -> str:
    """Names for a remark: the first few, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def remark(text: str) -> None:
    """Says one line on stderr."""
    click.echo(inert(f"note: {clean_line(text)}"), err=True)
