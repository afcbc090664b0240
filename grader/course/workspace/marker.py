"""The marker file of a workspace, with its id, its version, and the files that were copied to it."""

import os
from pathlib import Path
from typing import Annotated

import msgspec

from grader.base.errors import UsageError
from grader.base.files import Folder, is_below_folder, reading, shown

MARKER = ".workspace.json"
COURSE_FILE = "course.yaml"
FOLDERS = ("lessons", "exercises", "labs")
_MAX_NAME = 255  # bytes of a file name, the limit of file systems
_AGAIN = f"delete {MARKER} and run grade init here, which changes no other file"


class Workspace(msgspec.Struct, frozen=True):
    """The content of a marker file."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]  # the name of the folder of its progress
    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+!-]{1,64}\Z")]  # of archgrade
    files: dict[str, str] = {}  # path -> SHA-256 of the file that was copied
    title: str = ""  # of the course
    course: str = ""  # the digest of the course
    exercises: dict[str, str] = {}  # the digests of its exercises, by id
    declined: dict[str, str] = {}  # path -> SHA-256 of a newer file that the student has been told about


def workspace_at(root: Path) -> Workspace | None:
    """Return the workspace in a folder, or None if it is no workspace.

    Raise UsageError if its marker cannot be read, or names a file that no course may have.
    """
    path = root / MARKER
    with reading(path):
        try:
            with Folder(root) as folder:
                data = folder.read(MARKER)
        except (FileNotFoundError, NotADirectoryError):
            return None
    if data is None:
        return None
    try:
        workspace = msgspec.json.decode(data, type=Workspace)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{shown(path)} cannot be read: {error}; {_AGAIN}.") from None
    for name in workspace.files:
        if not _is_given(name):
            raise UsageError(f"{shown(path)} names {name[:80]!r}, which no course has; {_AGAIN}.")
    return workspace


def new_id() -> str:
    """Return an id for a new workspace."""
    return os.urandom(8).hex()


def write_marker(folder: Folder, workspace: Workspace) -> None:
    """Write the marker of a workspace into its folder. Raise OSError if that fails."""
    folder.write(MARKER, msgspec.json.format(msgspec.json.encode(workspace), indent=1) + b"\n")


def _is_given(name: str) -> bool:
    """Return whether a course may have a file with this name. A marker may have been forged."""
    if name == COURSE_FILE:
        return True
    folder, _, below = name.partition("/")
    inside = folder in FOLDERS and is_below_folder(below)
    plain = name.isprintable() and "\\" not in name
    return inside and plain and all(len(part.encode()) <= _MAX_NAME for part in below.split("/"))
