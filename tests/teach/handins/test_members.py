"""Tests of archive members: paths that lead out, special files, and odd names."""

import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from grader.teach.handins.archive import open_archive
from grader.teach.handins.find import find_handins
from tests.teach.handins.archives import EXERCISES, in_tar, member, names, reasons, refused, tarred, why, zipped

LINK = (stat.S_IFLNK | 0o777) << 16
FIFO = (stat.S_IFIFO | 0o666) << 16


def test_reports_unsafe_members_of_a_zip_and_reads_the_others(tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        made.writestr("ada/rope.py", "good = 1\n")
        for name in ("/etc/passwd", "../up.py", "ada/../../up.py", "C:\\x.py", "\\\\host\\x.py", "a\\..\\..\\up.py"):
            made.writestr(name, "bad = 1\n")
        made.writestr("windows\\rope.py", "good = 2\n")
        made.writestr(member("ada/link.py", external_attr=LINK), "/etc/passwd")
        made.writestr(member("ada/fifo.py", external_attr=FIFO), "")
        made.writestr(member("ada/squeezed.py", compress_type=zipfile.ZIP_BZIP2), "x" * 10)
        for name in ("__MACOSX/ada/._rope.py", "ada/.DS_Store", "ada/__pycache__/rope.pyc", "ada/._rope.py"):
            made.writestr(name, "noise")
        made.writestr("ada/\x1b[2J.py", "")

    tree = open_archive(zipped(tmp_path / "x.zip", write))
    assert names(tree) == ["ada/\x1b[2J.py", "ada/rope.py", "windows/rope.py"]
    assert [entry.read() for entry in tree.entries] == [b"", b"good = 1\n", b"good = 2\n"]
    assert tree.entries[0].file.endswith("/ada/\\x1b[2J.py")
    found = reasons(tree)
    assert found.count("its path leads out of the archive") == 6
    assert found.count("created by a program, not part of a submission") == 4
    assert why(tree)["link.py"] == "a link; links are not followed"
    assert why(tree)["fifo.py"] == "not a regular file"
    assert "compressed in a way that is not supported" in why(tree)["squeezed.py"]
    assert all(each.file.isprintable() for each in tree.ignored)
    assert all(each.file.isprintable() for each in tree.unread)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.zip"]


def test_does_not_read_an_encrypted_member(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", lambda made: made.writestr("ada/rope.py", "x"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # the flag in the directory
    path.write_bytes(data)
    assert why(open_archive(path)) == {"rope.py": "encrypted"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_reads_the_last_of_several_members_with_one_name(tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        made.writestr("ada/rope.py", "first")
        made.writestr("ada//rope.py", "second")
        made.writestr("ada/rope.py", "third")

    in_zip = open_archive(zipped(tmp_path / "x.zip", write))
    files = [(in_tar("ada/rope.py"), b"first"), (in_tar("./ada/rope.py"), b"third")]
    for tree in (in_zip, open_archive(tarred(tmp_path / "x.tar", *files))):
        assert [entry.read() for entry in tree.entries] == [b"third"]
        assert "replaced by a later member" in why(tree)["rope.py"]


def test_decodes_zip_names_without_a_declared_encoding(tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        made.writestr("AAAAA/rope.py", "1")
        made.writestr("BBBB/moe_router.py", "2")

    path = zipped(tmp_path / "x.zip", write)
    path.write_bytes(path.read_bytes().replace(b"AAAAA", "José".encode()).replace(b"BBBB", b"Jos\x82"))
    tree = open_archive(path)
    assert [(entry.path, entry.read()) for entry in tree.entries] == [
        (("José", "moe_router.py"), b"2"),
        (("José", "rope.py"), b"1"),
    ]
    data = path.read_bytes().replace("José".encode(), b"J\xff\xfe\xfdx")
    flagged = data.replace(b"PK\1\2\x14\x03\x14\x00\x00\x00", b"PK\1\2\x14\x03\x14\x00\x00\x08")
    path.write_bytes(flagged)
    assert "is not a valid archive" in refused(path)


def test_reports_unsafe_members_of_a_tar_and_reads_the_others(tmp_path: Path) -> None:
    path = tarred(
        tmp_path / "x.tar",
        (in_tar("ada/rope.py", mtime=1_700_000_000), b"good"),
        (in_tar(os.fsdecode(b"jos\xe9/rope.py"), mtime=-1e30), b"odd"),
        (in_tar("../up.py"), b"bad"),
        (in_tar("/etc/passwd"), b"bad"),
        (in_tar("ada/link.py", type=tarfile.SYMTYPE, linkname="/etc/passwd"), b""),
        (in_tar("ada/hard.py", type=tarfile.LNKTYPE, linkname="ada/rope.py"), b""),
        (in_tar("ada/device.py", type=tarfile.CHRTYPE), b""),
        (in_tar("ada/fifo.py", type=tarfile.FIFOTYPE), b""),
        (in_tar("ada", type=tarfile.DIRTYPE), b""),
        (in_tar(".git/config"), b"bad"),
        (in_tar(".git/HEAD"), b"bad"),
    )
    tree = open_archive(path)
    assert [(entry.path[0], entry.read()) for entry in tree.entries] == [("ada", b"good"), ("jos\udce9", b"odd")]
    assert tree.entries[1].file.endswith("/jos\\xe9/rope.py")
    assert tree.entries[0].time is not None
    assert tree.entries[0].time.timestamp() == 1_700_000_000
    found = reasons(tree)
    assert found.count("its path leads out of the archive") == 2
    assert found.count("a link; links are not followed") == 2
    assert found.count("not a regular file") == 2
    assert found.count("created by a program, not part of a submission") == 1


def test_ignores_members_with_very_long_names(tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        made.writestr("ada/rope.py", "x = 1\n")
        made.writestr("-" * 60_000 + ".yaml", "")
        made.writestr("d/" * 101 + "rope.py", "")
        made.writestr("é" * 200 + "_.py", "")
        made.writestr("ada/" + "_1" * 120 + ".yaml", "")

    found = find_handins([zipped(tmp_path / "x.zip", write)], EXERCISES)
    assert [handin.students[0].id for handin in found.handins] == ["ada"]
    assert len(found.ignored) == 4
    assert [each.why for each in found.ignored][:2] == ["its path is longer than a disk allows"] * 2
    assert all(len(each.file) < 1000 for each in found.ignored)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp866", "Лавренко Ольга"),
        ("cp1251", "Лавренко Ольга"),
        ("cp1125", "Їжакевич Іван"),
        ("cp866", "Iваненко_2 лаб"),
        ("cp866", "ОЛЕНА"),
        ("cp437", "Müller José"),
        ("cp437", "Åse Ñandú"),
    ],
)
def test_decodes_zip_names_in_legacy_encodings(tmp_path: Path, encoding: str, name: str) -> None:
    raw = name.encode(encoding)
    stand_in = "A" * len(raw)
    path = zipped(tmp_path / "x.zip", lambda made: made.writestr(f"{stand_in}/rope.py", "1"))
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), raw))
    assert [entry.path for entry in open_archive(path).entries] == [(name, "rope.py")]
