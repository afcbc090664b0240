"""Restore the original file of an exercise: from the installed course, or in a clone from git."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import Folder, writing
from grader.base.git import git_output
from grader.course.workspace.installed import installed_course
from grader.course.workspace.marker import workspace_at


def reset(root: Path, stub: Path, untouched: Callable[[str], bool]) -> Path | None:
    """Replace the student's file by the original, and return the path of the backup, or None if none was needed.

    `untouched` returns whether a text is still without any implementation. Raise UsageError if there is no original.
    """
    name = stub.relative_to(root).as_posix()
    with writing(root, inside=True), Folder(root) as folder:
        mine = folder.read(name)
        original = _original(root, name, untouched)
        if mine == original:
            return None
        kept = None if mine is None else _back_up(folder, name, mine)
        folder.write(name, original)
    return None if kept is None else root / kept


def _original(root: Path, name: str, untouched: Callable[[str], bool]) -> bytes:
    if workspace_at(root) is not None:
        original = installed_course() / name
        if original.is_file():
            return original.read_bytes()
        raise UsageError(f"There is no original of {name}: the installed course has no such file.")
    for text in _versions(root, name):
        if untouched(text.decode("utf-8", "replace")):
            return text
    raise UsageError(f"There is no original of {name} in git; copy it from the files that you received.")


def _versions(root: Path, name: str) -> Iterator[bytes]:
    """Yield all versions of a file in git, newest first.

    The first command only finds the repository, and runs no program. The objects are then read without the
    repository's configuration, which may be a stranger's.
    """
    words = ["git", "-C", str(root), "rev-parse", "--git-common-dir", "--show-prefix", "HEAD"]
    try:
        done = subprocess.run(words, capture_output=True, check=False)
    except FileNotFoundError:
        return
    if done.returncode:  # no repository, or no commit
        return
    repository, prefix, head = map(os.fsdecode, done.stdout.splitlines())
    path = prefix + name
    for commit in git_output(root / repository, "rev-list", head, "--", path).decode("ascii").split():
        yield git_output(root / repository, "cat-file", "blob", f"{commit}:{path}")


def _back_up(folder: Folder, name: str, mine: bytes) -> str:
    """Write the student's text to a new file beside the old one, such as kv_cache.1.py, and return its name."""
    number = 1
    while True:
        kept = f"{name.removesuffix('.py')}.{number}.py"
        try:
            folder.create(kept, mine)
        except FileExistsError:
            number += 1
        else:
            return kept
