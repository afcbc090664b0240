"""The exports in a folder, signed together: signatures.json has the hash of each by its path.

So a file is detected that was changed, cut off, left out, added, or put in the place of another that is signed as well.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from grader.base.errors import UsageError
from grader.base.files import write_bytes
from grader.base.text import clean_line
from grader.course.document import shown
from grader.teach.formats.files import remark
from grader.teach.gradebook.model import Book
from grader.teach.signing.keys import PrivateKey, PublicKey
from grader.teach.signing.statement import Changed, read, sign

NAME = "signatures.json"
_GRADEBOOK = re.compile(r"gradebook\.sqlite.*|\.lock")  # what changes with each run, and is no export


class SignedFile(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """An export."""

    path: str  # from the folder
    sha256: str


class Signatures(msgspec.Struct, frozen=True, kw_only=True):
    """The statement."""

    schema: Literal["archgrade/signatures/v1"] = "archgrade/signatures/v1"
    course: str
    run: int
    date: datetime  # when the run ended
    engine: str
    files: tuple[SignedFile, ...]  # by their paths


def write_signatures(book: Book, out: Path, paths: Iterable[Path], key: PrivateKey) -> Path:
    """Signs these files of a folder, and keeps what the same key has signed of it before."""
    files = {each.path: each for each in _before(out, key.public)}
    for path in paths:
        name = path.relative_to(out).as_posix()
        files[name] = SignedFile(path=name, sha256=_hash(path))
    statement = Signatures(
        course=clean_line(book.course),
        run=book.run.id,
        date=book.run.ended or book.run.started,
        engine=book.run.engine,
        files=tuple(sorted(files.values())),
    )
    return write_bytes(out / NAME, sign(statement, key))


def read_signatures(folder: Path, key: PublicKey) -> Signatures:
    """The signatures of a folder. Changed where this key did not sign them as they are."""
    signed = read(_bytes(folder / NAME))
    signed.verified(key)
    return signed.convert(Signatures)


def problem(folder: Path, file: SignedFile) -> str | None:
    """What is wrong with a file that was signed, None if nothing is."""
    path = folder / file.path
    if not path.is_file():
        return "is missing"
    return None if _hash(path) == file.sha256 else "was changed after it was signed"


def not_signed(folder: Path, signatures: Signatures) -> list[str]:
    """The files of a folder that are not among those signed, the gradebook itself left out."""
    known = {NAME, *(each.path for each in signatures.files)}
    found = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())
    return [name for each in found if (name := each.as_posix()) not in known and not _GRADEBOOK.fullmatch(name)]


def folder_of(path: Path) -> Path | None:
    """The nearest folder around a file that has signatures."""
    return next((folder for folder in path.absolute().parents if (folder / NAME).is_file()), None)


def _before(out: Path, key: PublicKey) -> tuple[SignedFile, ...]:
    if not (out / NAME).is_file():
        return ()
    try:
        return read_signatures(out, key).files
    except Changed as changed:
        remark(f"{shown(out / NAME)} {changed}; what it held of other files is no longer signed.")
        return ()


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{shown(path)} cannot be read: {error.strerror or error}.")
