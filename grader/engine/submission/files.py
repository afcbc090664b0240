"""Reads files of strangers: regular files only, without following links, up to a size limit."""

import os
import stat
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.text import clean_line

MIB = 1 << 20
CODE_LIMIT = MIB  # bytes
NOTEBOOK_LIMIT = 16 * MIB  # bytes, including the pictures in its outputs

NOTEBOOK = ".ipynb"


def visible(name: str | Path) -> str:
    """Return a file name for people: valid Unicode, with undecodable bytes and control characters escaped."""
    return clean_line(str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


def is_notebook(name: str) -> bool:
    """Return whether a file name has the suffix of a notebook."""
    return name.lower().endswith(NOTEBOOK)


def limit_of(name: str) -> int:
    """Return the maximum size in bytes of a file with this name."""
    return NOTEBOOK_LIMIT if is_notebook(name) else CODE_LIMIT


def too_large(file: str, limit: int) -> UsageError:
    """Return the error for a file of more than `limit` bytes. `file` is a name for people."""
    return UsageError(f"{file} is larger than {limit // MIB} MiB, the maximum; is it the right file?")


def read_regular(path: Path, limit: int) -> bytes:
    """Return the content of a regular file. Raise UsageError if it cannot be read or has more than `limit` bytes."""
    file = visible(path)
    if path.is_symlink():
        raise UsageError(f"{file} is a link, and links are not followed; name the file that it points to.")
    flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")]
    try:
        handle = os.open(path, os.O_RDONLY | sum(flags))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"There is no file {file}; name the file to grade with --file PATH.") from None
    except OSError as error:
        if path.is_dir():  # on Windows, which cannot open folders
            raise UsageError(f"{file} is a folder; name the Python file in it.") from None
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"{file} is a folder; name the Python file in it.")
        if not stat.S_ISREG(mode):
            raise UsageError(f"{file} is not a regular file; name a Python file.")
        with open(handle, "rb", closefd=False) as opened:
            data = opened.read(limit + 1)
    finally:
        os.close(handle)
    if len(data) > limit:
        raise too_large(file, limit)
    return data
