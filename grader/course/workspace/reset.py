"""An exercise's file as it was given: from the installed course, or in a clone from git."""

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
    """Put the text that was given where the student's file is, and return where that is kept, if there was one.

    `untouched` tells if nothing is written in a text yet. Raise UsageError if there is no such text.
    """
    name = stub.relative_to(root).as_posix()
    with writing(root, inside=True), Folder(root) as folder:
        mine = folder.read(name)
        given = _given(root, name, untouched)
        if mine == given:
            return None
        kept = None if mine is None else _keep(folder, name, mine)
        folder.write(name, given)
    return None if kept is None else root / kept


def _given(root: Path, name: str, untouched: Callable[[str], bool]) -> bytes:
    if workspace_at(root) is not None:
        given = installed_course() / name
        if given.is_file():
            return given.read_bytes()
        raise UsageError(f"There is no text of {name} as it was given: the installed course has no such file.")
    for text in _versions(root, name):
        if untouched(text.decode("utf-8", "replace")):
            return text
    raise UsageError(f"There is no text of {name} as it was given: git knows none; take it from what was handed out.")


def _versions(root: Path, name: str) -> Iterator[bytes]:
    """Yield the texts of a file in git, the newest first.

    git is asked where the repository is, for which it runs nothing; then its objects are read without its
    configuration, as those of a stranger's.
    """
    words = ["git", "-C", str(root), "rev-parse", "--git-common-dir", "--show-prefix", "HEAD"]
    try:
        done = subprocess.run(words, capture_output=True, check=False)
    except FileNotFoundError:
        return
    if done.returncode:  # there is no repository, or no commit in it
        return
    repository, prefix, head = map(os.fsdecode, done.stdout.splitlines())
    path = prefix + name
    for commit in git_output(root / repository, "rev-list", head, "--", path).decode("ascii").split():
        yield git_output(root / repository, "cat-file", "blob", f"{commit}:{path}")


def _keep(folder: Folder, name: str, mine: bytes) -> str:
    """Write the student's text under a name beside it that nothing has, and return that: kv_cache.1.py"""
    number = 1
    while True:
        kept = f"{name.removesuffix('.py')}.{number}.py"
        try:
            folder.create(kept, mine)
        except FileExistsError:
            number += 1
        else:
            return kept
