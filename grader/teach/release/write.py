"""Write an edition atomically, as a folder or a ZIP file."""

import os
from collections.abc import Mapping
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import Folder, shown, temporary_name, write_bytes, writing, zipped


def is_zip(path: Path) -> bool:
    """Return whether a path names a ZIP file."""
    return path.suffix.lower() == ".zip" and not path.is_dir()


def require_empty(out: Path) -> None:
    """Raise UsageError if `out` is a symbolic link, a folder that is not empty, or a file that is not a ZIP."""
    if out.is_symlink():
        raise UsageError(f"{shown(out)} is a symbolic link, and is not followed; name its target instead.")
    if not is_zip(out) and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise UsageError(f"{shown(out)} is not empty; name another folder, or a file that ends with .zip.")


def write_edition(out: Path, files: Mapping[str, bytes]) -> None:
    """Write the files to a new or empty folder, or to a ZIP file that unpacks to a folder of its own name.

    The same files give the same bytes. Raises UsageError if the target is not empty or cannot be written.
    """
    require_empty(out)
    if is_zip(out):
        write_bytes(out, zipped({f"{out.stem}/{name}": data for name, data in files.items()}))
        return
    path = Path(os.path.realpath(out))  # `out` may be `..`
    exists = path.is_dir()
    parent = path if exists else path.parent
    part = temporary_name()
    with writing(out):
        parent.mkdir(parents=True, exist_ok=True)
        with Folder(parent) as folder:
            try:
                for name, data in files.items():
                    folder.write(f"{part}/{name}", data)
                if exists:  # keep the folder itself, which may be somebody's working directory
                    for child in sorted({name.partition("/")[0] for name in files}):
                        folder.move(f"{part}/{child}", child)
                else:
                    folder.move(part, path.name)
            finally:
                folder.clear(part)
