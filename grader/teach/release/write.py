"""Write an edition: a folder or a ZIP, whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import Folder, shown, temporary_name, write_bytes, writing, zipped


def is_zip(path: Path) -> bool:
    """Whether a path is that of a ZIP, by its name."""
    return path.suffix.lower() == ".zip" and not path.is_dir()


def require_room(out: Path) -> None:
    """Raise UsageError if what is to be written is a link, or a folder is, and something is there."""
    if out.is_symlink():
        raise UsageError(f"{shown(out)} is a symbolic link, and is not followed; name what it leads to.")
    if not is_zip(out) and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise UsageError(f"{shown(out)} is not empty; name another folder, or a file that ends with .zip.")


def write(out: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder, which is empty or not there, or a ZIP that unpacks to a folder of its own name.

    The same files give the same bytes. Raise UsageError if something is there, or cannot be written.
    """
    require_room(out)
    if is_zip(out):
        write_bytes(out, zipped({f"{out.stem}/{name}": data for name, data in files.items()}))
        return
    path = Path(os.path.realpath(out))  # out may be `..`
    there = path.is_dir()
    around = path if there else path.parent
    part = temporary_name()
    with writing(out):
        around.mkdir(parents=True, exist_ok=True)
        with Folder(around) as folder:
            try:
                for name, data in files.items():
                    folder.write(f"{part}/{name}", data)
                if there:  # who stands in it stays there
                    for child in sorted({name.partition("/")[0] for name in files}):
                        folder.move(f"{part}/{child}", child)
                else:
                    folder.move(part, path.name)
            finally:
                folder.clear(part)
