"""Helpers to create and unpack autograder.zip."""

import io
import shutil
import stat
import zipfile
from pathlib import Path

from click.testing import Result

from tests.command_line import run


def export(course: Path, *words: str | Path) -> Result:
    return run("--course", str(course), "export", "gradescope", *map(str, words))


def made(course: Path, out: Path, *words: str | Path) -> zipfile.ZipFile:
    """Return the zip that the command writes."""
    result = export(course, "toolbox", "--out", out, *words)
    assert (result.exit_code, result.stderr) == (0, "")
    return zipfile.ZipFile(io.BytesIO(out.read_bytes()))


def unpacked(archive: zipfile.ZipFile, folder: Path) -> None:
    """Unpack with permissions as unzip does, which zipfile does not."""
    for member in archive.infolist():
        path = Path(archive.extract(member, folder))
        path.chmod(stat.S_IMODE(member.external_attr >> 16))


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


def second_exercise(course: Path, name: str) -> None:
    """Copy the exercise under another name."""
    for folder in ("exercises", "solutions"):
        shutil.copytree(course / folder / "toolbox", course / folder / name)
        (course / folder / name / "toolbox.py").rename(course / folder / name / f"{name}.py")
