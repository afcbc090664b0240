"""Helpers that make archives and read them."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from grader.base.errors import UsageError
from grader.teach.handins.archive import open_archive
from grader.teach.handins.handin import Found
from grader.teach.handins.tree import Tree

MIB = 1 << 20
EXERCISES = ("rope", "moe_router")

Info = TypeVar("Info", zipfile.ZipInfo, tarfile.TarInfo)


def zipped(path: Path, write: Callable[[zipfile.ZipFile], object]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        write(made)
    return path


def member(name: str, **attributes: object) -> zipfile.ZipInfo:
    return changed(zipfile.ZipInfo(name), attributes)


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as made:
        for info, data in members:
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return path


def in_tar(name: str, **attributes: object) -> tarfile.TarInfo:
    return changed(tarfile.TarInfo(name), attributes)


def changed(info: Info, attributes: Mapping[str, object]) -> Info:
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def names(tree: Tree) -> list[str]:
    return ["/".join(entry.path) for entry in tree.entries]


def why(of: Tree | Found) -> dict[str, str]:
    refused = {entry.name: entry.refused for entry in of.unread} if isinstance(of, Tree) else {}
    return {each.file.rpartition("/")[2]: each.why for each in of.ignored} | refused


def reasons(tree: Tree) -> list[str]:
    return [*(each.why for each in tree.ignored), *(entry.refused for entry in tree.unread)]


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as error:
        open_archive(path)
    return str(error.value)
