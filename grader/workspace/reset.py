"""An exercise's file as it was given: from the installed course, or in a clone from git."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from grader.errors import UsageError
from grader.workspace.installed import installed_course
from grader.workspace.marker import workspace_at


def reset(root: Path, stub: Path, untouched: Callable[[str], bool]) -> Path | None:
    """Puts the text that was given in the place of the student's file; returns where that is kept, if there was one.

    `untouched` says of a text that nothing is written in it yet. UsageError where there is no such text.
    """
    given = _given(root, stub, untouched)
    kept = None
    try:
        if stub.is_file() and stub.read_bytes() != given:
            kept = _free(stub)
            stub.rename(kept)
        stub.write_bytes(given)
    except OSError as error:
        raise UsageError(f"{stub} cannot be written: {error.strerror or error}.") from None
    return kept


def _given(root: Path, stub: Path, untouched: Callable[[str], bool]) -> bytes:
    name = stub.relative_to(root).as_posix()
    if workspace_at(root) is not None:
        return (installed_course() / name).read_bytes()
    for text in _versions(root, name):
        if untouched(text.decode("utf-8", "replace")):
            return text
    raise UsageError(f"There is no text of {name} as it was given: git knows none; take it from what was handed out.")


def _versions(root: Path, name: str) -> Iterator[bytes]:
    """The texts of a file in git, the newest first."""
    for commit in _git(root, "log", "--format=%H", "--", name).decode("ascii", "replace").split():
        yield _git(root, "show", f"{commit}:./{name}")


def _git(root: Path, *words: str) -> bytes:
    """What git prints; nothing where it fails, or there is none."""
    try:
        return subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False).stdout
    except OSError:
        return b""


def _free(stub: Path) -> Path:
    """A name beside a file that nothing has: kv_cache.1.py"""
    number = 1
    while (path := stub.with_suffix(f".{number}.py")).exists():
        number += 1
    return path
