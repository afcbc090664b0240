"""Reads the file that was handed in. Nothing of it is run, and no link is followed."""

import hashlib
import io
import os
import stat
import tokenize
from pathlib import Path

import msgspec

from grader.errors import UsageError

LIMIT = 1024 * 1024  # bytes


class Submission(msgspec.Struct, frozen=True):
    """One file that was handed in for one exercise."""

    file: str  # as the user named it
    name: str  # the exercise's id, and the module's name
    text: str  # decoded, lines end in a line feed
    sha256: str  # of the bytes


def read_submission(path: Path, name: str) -> Submission:
    """The Python file at `path`, a regular file of at most 1 MiB, as a submission of exercise `name`.

    UsageError says in a sentence why a file cannot be read.
    """
    data = _bytes(path)
    return Submission(str(path), name, _decoded(path, data), hashlib.sha256(data).hexdigest())


def _bytes(path: Path) -> bytes:
    if path.is_symlink():
        raise UsageError(f"{path} is a link, and links are not followed; name the file that it points to.")
    flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")]
    try:
        handle = os.open(path, os.O_RDONLY | sum(flags))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"There is no file {path}; name the file to grade with --file PATH.") from None
    except OSError as error:
        if path.is_dir():  # Windows does not open folders
            raise UsageError(f"{path} is a folder; name the Python file in it.") from None
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"{path} is a folder; name the Python file in it.")
        if not stat.S_ISREG(mode):
            raise UsageError(f"{path} is not a regular file; name a Python file.")
        with open(handle, "rb", closefd=False) as file:
            data = file.read(LIMIT + 1)
    finally:
        os.close(handle)
    if len(data) > LIMIT:
        raise UsageError(f"{path} is larger than 1 MiB, the most that is graded; is it the right file?")
    return data


def _decoded(path: Path, data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except SyntaxError as error:  # an unknown encoding in the coding line, or not UTF-8
        raise UsageError(f"{path} cannot be decoded: {error.msg}; save the file as UTF-8.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        codec = error.encoding.upper()
        raise UsageError(f"{path}:{line}: this line is not {codec}; save the file as UTF-8.") from None
    except (LookupError, UnicodeError) as error:  # the coding line names a codec that is not for text
        raise UsageError(f"{path} cannot be decoded: {error}; save the file as UTF-8.") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UsageError(f"{path}:{line}: a null byte, which no Python file holds; is it the right file?")
    return text.replace("\r\n", "\n").replace("\r", "\n")
