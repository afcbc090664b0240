"""Find the folder of a student's progress.

In a clone, or any other course, it is `.archgrade`. The progress of a workspace is in the user's data folder, so that
cleaning the workspace does not delete it.
"""

from contextlib import suppress
from pathlib import Path

from grader.course.workspace.marker import workspace_at

FOLDER = ".archgrade"
_WHERE = "workspace"  # a file with the path of the workspace


def progress_folder(root: Path) -> Path:
    """Return the folder of the progress in the course at `root`. It need not exist yet."""
    workspace = workspace_at(root)
    if workspace is None:
        return root / FOLDER
    folder = _folder_of(workspace.id)
    with suppress(OSError):  # the path only helps to find a workspace again whose marker is lost
        if (folder / _WHERE).read_text("utf-8") != str(root):  # the workspace was moved
            remember_root(workspace.id, root)
    return folder


def remember_root(workspace_id: str, root: Path) -> None:
    """Record the path of a workspace by its id."""
    folder = _folder_of(workspace_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _WHERE).write_text(str(root), "utf-8")


def remembered_id(root: Path) -> str | None:
    """Return the id of the last workspace at this path, even if its marker is deleted, or None."""
    return next((folder.name for folder in _known() if (folder / _WHERE).read_text("utf-8") == str(root)), None)


def _folder_of(workspace_id: str) -> Path:
    return _data_folder() / workspace_id


def _known() -> list[Path]:
    """Return the folders of all workspaces of the user, the most recent first."""
    folders = (file.parent for file in _data_folder().glob(f"*/{_WHERE}"))
    return sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)


def _data_folder() -> Path:
    from platformdirs import user_data_path  # takes 10 ms, and a clone does not need it

    return user_data_path("archgrade", appauthor=False) / "workspaces"
