"""Opens what a stranger handed in: a regular file, no link followed, and no more of it than a bound."""

import os
import stat
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.text import clean_line

MIB = 1 << 20
CODE_LIMIT = MIB  # bytes
NOTEBOOK_LIMIT = 16 * MIB  # bytes: the pictures in its outputs count

NOTEBOOK = ".ipynb"


def visible(name: str | Path) -> str:
    """The name of a file or folder for people: valid Unicode, bytes of no encoding as \\xe9, controls as escapes."""
    return clean_line(str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


def is_notebook(name: str) -> bool:
    return name.lower().endswith(NOTEBOOK)


def limit_of(name: str) -> int:
    """The most bytes that a file of this name may have."""
    return NOTEBOOK_LIMIT if is_notebook(name) else CODE_LIMIT


def too_large(file: str, limit: int) -> UsageError:
    """The error for a file of more than `limit` bytes. `file` is visible."""
    return UsageError(f"{file} is larger than {limit // MIB} MiB, the most that is graded; is it the right file?")


def read_regular(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes. UsageError says in a sentence why it cannot be read."""
    file = visible(path)
    if path.is_symlink():
        raise UsageError(f"{file} is a link, and links are not followed; name the file that it points to.")
    flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")]
    try:
        handle = os.open(path, os.O_RDONLY | sum(flags))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"There is no file {file}; name the file to grade with --file PATH.") from None
    except OSError as error:
        if path.is_dir():  # Windows does not open folders
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
