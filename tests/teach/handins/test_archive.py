"""Tests of archives: hostile ones are read within limits."""

import gzip
import os
import struct
import zipfile
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.handins import archive
from grader.teach.handins.archive import ArchiveLimits, open_archive
from grader.teach.handins.find import find_handins
from tests.teach.handins.archives import EXERCISES, MIB, in_tar, refused, tarred, why, zipped


def test_rejects_a_zip_bomb_without_unpacking_it(tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        made.writestr("ada/rope.py", b"\0" * (40 * MIB))
        made.writestr("bob/rope.py", "x = 1\n")

    path = zipped(tmp_path / "x.zip", write)
    bomb, good = open_archive(path).entries
    with pytest.raises(UsageError, match=r"x.zip/ada/rope.py is larger than 1 MiB"):
        bomb.read()
    assert good.read() == b"x = 1\n"
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<L", 40 * MIB), struct.pack("<L", 100)))  # says that it is small
    with pytest.raises(UsageError, match=r"ada/rope.py cannot be read: Bad CRC-32"):
        open_archive(path).entries[0].read()


def test_rejects_a_tar_that_unpacks_to_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "CLASS", ArchiveLimits(1000, 8 * MIB))
    with gzip.open(tmp_path / "x.tar.gz", "wb") as made:
        for _ in range(9):
            made.write(b"\0" * MIB)
    assert "unpacks to more than 8 MiB" in refused(tmp_path / "x.tar.gz")


def test_rejects_an_archive_with_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(made: zipfile.ZipFile) -> None:
        for i in range(archive.STUDENTS_ENTRIES + 1):
            made.writestr(f"{i}.py", "")

    crowded = zipped(tmp_path / "crowded.zip", write)
    (tmp_path / "class" / "ada").mkdir(parents=True)
    (tmp_path / "class" / "bob").mkdir()
    (tmp_path / "class" / "bob" / "rope.py").touch()
    (tmp_path / "class" / "ada" / "crowded.zip").write_bytes(crowded.read_bytes())
    found = find_handins([tmp_path / "class"], EXERCISES)
    assert [handin.students[0].id for handin in found.handins] == ["bob"]
    assert "contains more than 2,000 files" in why(found)["crowded.zip"]
    monkeypatch.setattr(archive, "CLASS", ArchiveLimits(1000, 8 * MIB))
    assert "crowded.zip contains more than 1,000 files" in refused(crowded)


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_rejects_a_file_that_is_not_an_archive(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<html>sign in first</html>" * 100)
    assert f"{name} is not a valid archive" in refused(tmp_path / name)


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_rejects_a_truncated_or_damaged_archive(tmp_path: Path, suffix: str) -> None:
    files = [(in_tar(f"{i}/rope.py"), os.urandom(3000)) for i in range(20)]

    def write(made: zipfile.ZipFile) -> None:
        for file, data in files:
            made.writestr(file.name, data)

    path = tarred(tmp_path / "whole.tar", *files)
    if suffix == ".zip":
        path = zipped(tmp_path / "whole.zip", write)
    elif suffix == ".tar.gz":
        (tmp_path / "whole.tar.gz").write_bytes(gzip.compress(path.read_bytes()))
        path = tmp_path / "whole.tar.gz"
    data = path.read_bytes()
    broken = tmp_path / f"broken{suffix}"
    broken.write_bytes(data[: len(data) // 2])
    assert "is not a valid archive" in refused(broken)
    if suffix == ".tar":
        changed = bytearray(data)
        header = changed.index(b"7/rope.py")
        changed[header : header + 4] = b"XXXX"
        broken.write_bytes(changed)
        assert "a header in the middle of it is damaged" in refused(broken)


def test_asks_for_a_zip_in_place_of_unsupported_archives(tmp_path: Path) -> None:
    (tmp_path / "x.rar").touch()
    with pytest.raises(UsageError, match=r"pack it as a \.zip"):
        find_handins([tmp_path / "x.rar"], EXERCISES)
    (tmp_path / "class" / "ada").mkdir(parents=True)
    for name in ("x.7z", "rope.py"):
        (tmp_path / "class" / "ada" / name).touch()
    assert why(find_handins([tmp_path / "class"], EXERCISES))["x.7z"].endswith("ask for a .zip")
