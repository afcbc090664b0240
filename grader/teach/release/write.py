"""Where an edition is written, and read again: a folder or a ZIP, which is there whole or not at all."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from grader.base.errors import UsageError
from grader.base.files import Folder, part_name, shown, write_bytes, zipped
from grader.course.load import COURSE_FILE
from grader.teach.release.edition import read_bytes


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
    part = part_name()
    try:
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
    except OSError as error:
        raise UsageError(f"{shown(out)} cannot be written: {error.strerror or error}.") from None


def read(path: Path) -> dict[str, bytes]:
    """The files of an edition, by their paths in it. UsageError where it is none, or cannot be read."""
    if path.is_dir():
        inside = sorted(path.rglob("*"))
        if link := next((each for each in inside if each.is_symlink()), None):
            raise UsageError(
                f"{shown(link)} is a link, and an edition has none: who packs it may take what it leads to."
            )
        files = {each.relative_to(path).as_posix(): read_bytes(each) for each in inside if each.is_file()}
    else:
        files = _unzipped(path)
    roots = [PurePosixPath(name).parent for name in files if PurePosixPath(name).name == COURSE_FILE]
    if not roots:
        raise UsageError(f"{shown(path)} is no edition of a course: there is no {COURSE_FILE} in it.")
    root = min(roots, key=lambda each: len(each.parts))
    prefix = "" if root == PurePosixPath() else f"{root}/"
    return {name.removeprefix(prefix): data for name, data in files.items()}


def _unzipped(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {each.filename: archive.read(each) for each in archive.infolist() if not each.is_dir()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UsageError(f"{shown(path)} cannot be unpacked: {error}.") from None
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be read: {error.strerror}.") from None
