"""The file that makes a folder a workspace: it says which one, of which version, and what was given."""

from pathlib import Path
from typing import Annotated

import msgspec

from grader.errors import UsageError

MARKER = ".workspace.json"
COURSE_FILE = "course.yaml"


class Workspace(msgspec.Struct, frozen=True):
    """A workspace."""

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]  # of its progress: the name of a folder elsewhere
    version: str  # of the archgrade whose course it holds
    files: dict[str, str] = {}  # what was given, by its path: the SHA-256 of its bytes


def workspace_at(root: Path) -> Workspace | None:
    """The workspace in a folder; None where it is none. UsageError where its marker cannot be read."""
    path = root / MARKER
    try:
        return msgspec.json.decode(path.read_bytes(), type=Workspace)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"{path} cannot be read: {reason}. Delete it and run grade init here; no other file changes by that."
        ) from None
