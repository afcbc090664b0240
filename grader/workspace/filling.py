"""What `grade init` and `grade update` write into a workspace.

Only what is as it was given is replaced or removed. Whatever else is there is the student's, and stays.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from grader import __version__
from grader.errors import UsageError
from grader.workspace.installed import installed_course
from grader.workspace.marker import COURSE_FILE, MARKER, Workspace, workspace_at
from grader.workspace.place import remember, remembered

FOLDERS = ("lessons", "exercises")


class Filled(msgspec.Struct, frozen=True):
    """What became of the files of a workspace, by their paths in it."""

    root: Path
    written: tuple[str, ...] = ()  # new, or in the place of what was given
    kept: tuple[str, ...] = ()  # the student's, where the course has another text than it had
    removed: tuple[str, ...] = ()  # of no use to the course any more, and as given


def init(root: Path) -> Filled:
    """Makes a workspace of a folder, which may hold other things. UsageError where it is a course already."""
    root = root.absolute()
    if workspace_at(root) is not None:
        raise UsageError(f"{root} is a workspace already; grade update brings it up to date.")
    if (root / COURSE_FILE).exists() and (root / "solutions").exists():
        raise UsageError(f"{root} is a course already, and works as it is; name another folder: grade init DIR.")
    return _fill(root, Workspace(remembered(root) or secrets.token_hex(8), __version__))


def update(root: Path) -> Filled:
    """Brings the course of this installation into a workspace. UsageError where the folder is none."""
    workspace = workspace_at(root)
    if workspace is None:
        raise UsageError(f"{root} is no workspace: a clone is brought up to date with git pull.")
    return _fill(root, workspace)


def is_stub(path: str) -> bool:
    """Whether a file of a course is one that students complete."""
    place = PurePosixPath(path)
    return place.parts[0] == "exercises" and place.parent.name == place.stem and place.suffix == ".py"


def _fill(root: Path, workspace: Workspace) -> Filled:
    course = installed_course()
    given = dict(workspace.files)
    written, kept, removed = [], [], []
    fresh = {path.relative_to(course).as_posix(): path for path in _given(course)}
    try:
        for name, source in fresh.items():
            data = source.read_bytes()
            here = _content(root / name)
            if here is not None and here != data and _digest(here) != given.get(name):
                if _digest(data) != given.get(name):
                    kept.append(name)
                continue
            if here != data:
                _write(root / name, data)
                written.append(name)
            given[name] = _digest(data)
        for name in given.keys() - fresh.keys():
            here = _content(root / name)
            if here is not None and _digest(here) == given[name]:
                (root / name).unlink()
                removed.append(name)
            del given[name]
        marker = Workspace(workspace.id, __version__, dict(sorted(given.items())))
        _write(root / MARKER, msgspec.json.format(msgspec.json.encode(marker), indent=1) + b"\n")
        remember(workspace.id, root)
    except OSError as error:
        raise UsageError(f"{error.filename or root} cannot be written: {error.strerror or error}.") from None
    return Filled(root, tuple(written), tuple(kept), tuple(sorted(removed)))


def _given(course: Path) -> Iterator[Path]:
    """The files of a course that a workspace gets."""
    yield course / COURSE_FILE
    for folder in FOLDERS:
        for path in sorted((course / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _content(path: Path) -> bytes | None:
    """What is in a file; None where there is none. What a link leads to is the student's, and so is a folder."""
    if path.is_symlink() or path.is_dir():
        return b""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Writes a file, which is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
