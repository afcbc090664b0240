"""Find the folder of a student's progress.

In a clone, or any other course, it is `.archgrade`. The progress of a workspace is in the user's data folder, so that
cleaning the workspace does not delete it.
"""

import sys
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from grader.base.errors import UsageError
from grader.base.files import Folder
from grader.course.workspace.marker import Workspace, new_id, workspace_at, write_marker

FOLDER = ".archgrade"
_WHERE = "workspace"  # a file with the path of the workspace


def progress_folder(root: Path) -> Path:
    """Return the folder of the progress in the course at `root`. It need not exist yet."""
    workspace = own_workspace(root)
    return root / FOLDER if workspace is None else _folder_of(workspace.id)


def own_workspace(root: Path) -> Workspace | None:
    """Return the workspace at `root`, or None if it is no workspace. A copy gets an id of its own first.

    It is a copy if another workspace with its id is still at the path that was recorded, and was moved if none is.
    """
    workspace = workspace_at(root)
    if workspace is None:
        return None
    with suppress(OSError):  # what cannot be read or written stays as it is
        known = _remembered_root(workspace.id)
        if known is not None and known.exists() and known.samefile(root):
            return workspace
        if known is not None and _has_id(known, workspace.id):
            own = replace(workspace, id=new_id())
            with Folder(root) as folder:
                write_marker(folder, own)
            workspace = own
            print(f"note: this is a copy of {known}, and starts with no progress.", file=sys.stderr)
        remember_root(workspace.id, root)
    return workspace


def remember_root(workspace_id: str, root: Path) -> None:
    """Record the path of a workspace by its id."""
    folder = _folder_of(workspace_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _WHERE).write_text(str(root), "utf-8")


def remembered_id(root: Path) -> str | None:
    """Return the id of the last workspace at this path, even if its marker is deleted, or None."""
    return next((folder.name for folder in _known() if _remembered_root(folder.name) == root), None)


def _remembered_root(workspace_id: str) -> Path | None:
    """Return the recorded path of a workspace, or None if it is not known here."""
    try:
        return Path((_folder_of(workspace_id) / _WHERE).read_text("utf-8"))
    except OSError:
        return None


def _has_id(root: Path, workspace_id: str) -> bool:
    with suppress(UsageError):
        workspace = workspace_at(root)
        return workspace is not None and workspace.id == workspace_id
    return False


def _folder_of(workspace_id: str) -> Path:
    return _data_folder() / workspace_id


def _known() -> list[Path]:
    """Return the folders of all workspaces of the user, the most recent first."""
    folders = (file.parent for file in _data_folder().glob(f"*/{_WHERE}"))
    return sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)


def _data_folder() -> Path:
    from platformdirs import user_data_path  # takes 10 ms, and a clone does not need it

    return user_data_path("archgrade", appauthor=False) / "workspaces"
