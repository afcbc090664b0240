"""The file that makes a folder a workspace: it says which one, of which version, and what was given."""

from pathlib import Path
from typing import Annotated

import msgspec

from grader.base.errors import UsageError
from grader.base.files import Folder, is_below_folder, reading, shown

MARKER = ".workspace.json"
COURSE_FILE = "course.yaml"
FOLDERS = ("lessons", "exercises")
_LONGEST = 255  # bytes of a part of a name, as file systems have it
_AGAIN = f"delete {MARKER} and run grade init here, which changes no other file"


class Workspace(msgspec.Struct, frozen=True):
    """A workspace."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]  # of its progress: the name of a folder elsewhere
    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+!-]{1,64}\Z")]  # of the archgrade whose course it holds
    files: dict[str, str] = {}  # what was given, by its path: the SHA-256 of its bytes


def workspace_at(root: Path) -> Workspace | None:
    """Return the workspace in a folder, or None if it is none.

    Raise UsageError if its marker cannot be read, or names a file that no course gives.
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
            raise UsageError(f"{shown(path)} names {name[:80]!r}, which no course gives; {_AGAIN}.")
    return workspace


def _is_given(name: str) -> bool:
    """Return whether a course may give a file of this name: anybody may have written a marker."""
    if name == COURSE_FILE:
        return True
    folder, _, below = name.partition("/")
    inside = folder in FOLDERS and is_below_folder(below)
    plain = name.isprintable() and "\\" not in name
    return inside and plain and all(len(part.encode()) <= _LONGEST for part in below.split("/"))
