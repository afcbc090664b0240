"""Helpers that make the submissions of a class, and read what was found in them."""

import io
import os
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from grader.base.errors import UsageError
from grader.teach.handins.find import find_handins
from grader.teach.handins.handin import Found

EXERCISES = ("moe_router", "rope", "attention_masks")
QUIZZES = ("mixture-of-experts", "depth-vs-width")
CODE = b"x = 1\n"

Files = Mapping[str, bytes]


def folder(root: Path, files: Files) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return root


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), data)
    return path


def tarred(path: Path, files: Files) -> Path:
    with tarfile.open(path, "w:gz" if path.name.lower().endswith("gz") else "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def code(*names: str) -> dict[str, bytes]:
    return {name: b"# " + os.fsencode(name) + b"\n" for name in names}


def gradescope(root: Path, *submissions: tuple[str, str, Files]) -> Path:
    """Make a Gradescope export from the time, the student and the files of each submission."""
    metadata = {
        f"s{n}": {":submitters": [{":sid": student} for student in whose.split()], ":created_at": time}
        for n, (time, whose, _) in enumerate(submissions)
    }
    folder(root, {"submission_metadata.yml": yaml.safe_dump(metadata).encode()})
    for n, (_, _, files) in enumerate(submissions):
        folder(root / f"s{n}", files)
    return root


def taken(found: Found) -> list[tuple[str, str]]:
    return [(handin.students[0].id, handin.item) for handin in found.handins]


def last(found: Found) -> list[tuple[str, str]]:
    """Return the student and the file name of each last version."""
    return [(each.students[0].id, Path(each.file).name) for each in found.handins if not each.superseded]


def why(found: Found) -> dict[str, str]:
    return {each.file: each.why for each in found.ignored}


def refused(*paths: Path, layout: str | None = None, only: tuple[str, ...] = ()) -> str:
    with pytest.raises(UsageError) as error:
        find_handins(paths, EXERCISES, QUIZZES, layout=layout, only=only)
    return str(error.value)
