"""Where a student's progress is kept.

In a clone, or any other course, in `.archgrade` there. That of a workspace lies in the user's own data, so that what
cleans the workspace does not take it away.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from grader.course.workspace.marker import workspace_at

FOLDER = ".archgrade"
_WHERE = "workspace"  # a file that holds where the workspace was when it was made


def progress_folder(root: Path) -> Path:
    """The folder with the progress in the course at `root`, which may not be there yet."""
    workspace = workspace_at(root)
    if workspace is None:
        return root / FOLDER
    folder = _of(workspace.id)
    with suppress(OSError):  # it is for a workspace that is lost
        if (folder / _WHERE).read_text("utf-8") != str(root):  # it was moved
            remember_root(workspace.id, root)
    return folder


def remember_root(workspace: str, root: Path) -> None:
    """Writes down where the workspace with this id is."""
    folder = _of(workspace)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _WHERE).write_text(str(root), "utf-8")


def remembered_id(root: Path) -> str | None:
    """The id of a workspace that was here, though its marker is gone; None where there was none."""
    return next((folder.name for folder in _known() if (folder / _WHERE).read_text("utf-8") == str(root)), None)


def _of(workspace: str) -> Path:
    return _all() / workspace


def _known() -> Iterator[Path]:
    """The workspaces of this user, those first that were used last."""
    folders = (file.parent for file in _all().glob(f"*/{_WHERE}"))
    return iter(sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True))


def _all() -> Path:
    from platformdirs import user_data_path  # 10 ms, which a clone has no use for

    return user_data_path("archgrade", appauthor=False) / "workspaces"
