"""Folders and archives that were made to do harm are read safely: nothing is unpacked, everything is bounded."""

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.submission import archive
from grader.submission.archive import Bounds, open_archive
from grader.submission.handin import Found
from grader.submission.recognise import find
from grader.submission.tree import Tree, walk

MIB = 1 << 20
EXERCISES = ("rope", "moe_router")


def zipped(path: Path, write: Callable[[zipfile.ZipFile], object]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        write(made)
    return path


def member(name: str, **attributes: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as made:
        for info, data in members:
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return path


def in_tar(name: str, **attributes: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def names(tree: Tree) -> list[str]:
    return ["/".join(entry.path) for entry in tree.entries]


def why(of: Tree | Found) -> dict[str, str]:
    return {each.file.rpartition("/")[2]: each.why for each in of.ignored}


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as error:
        open_archive(path)
    return str(error.value)


LINK = (stat.S_IFLNK | 0o777) << 16
FIFO = (stat.S_IFIFO | 0o666) << 16


def test_a_hostile_zip(tmp_path: Path) -> None:
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
    reasons = [each.why for each in tree.ignored]
    assert reasons.count("its path leads out of the archive") == 6
    assert reasons.count("left behind by a program, no part of a submission") == 4
    assert why(tree)["link.py"] == "a link; links are not followed"
    assert why(tree)["fifo.py"] == "not a regular file"
    assert "compressed in a way that is not read" in why(tree)["squeezed.py"]
    assert all(each.file.isprintable() for each in tree.ignored)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.zip"]


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", lambda made: made.writestr("ada/rope.py", "x"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # the flag in the directory
    path.write_bytes(data)
    assert why(open_archive(path)) == {"rope.py": "encrypted"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_of_one_name_the_last_counts(tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        made.writestr("ada/rope.py", "first")
        made.writestr("ada//rope.py", "second")
        made.writestr("ada/rope.py", "third")

    in_zip = open_archive(zipped(tmp_path / "x.zip", write))
    files = [(in_tar("ada/rope.py"), b"first"), (in_tar("./ada/rope.py"), b"third")]
    for tree in (in_zip, open_archive(tarred(tmp_path / "x.tar", *files))):
        assert [entry.read() for entry in tree.entries] == [b"third"]
        assert "replaced by a later member" in why(tree)["rope.py"]


def test_names_without_an_encoding(tmp_path: Path) -> None:
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
    assert "is no archive that can be read" in refused(path)


def test_a_hostile_tar(tmp_path: Path) -> None:
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
    reasons = [each.why for each in tree.ignored]
    assert reasons.count("its path leads out of the archive") == 2
    assert reasons.count("a link; links are not followed") == 2
    assert reasons.count("not a regular file") == 2
    assert reasons.count("left behind by a program, no part of a submission") == 1


def test_a_bomb_in_a_zip_is_not_unpacked(tmp_path: Path) -> None:
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


def test_a_bomb_in_a_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "CLASS", Bounds(1000, 8 * MIB))
    with gzip.open(tmp_path / "x.tar.gz", "wb") as made:
        for _ in range(9):
            made.write(b"\0" * MIB)
    assert "unpacks to more than 8 MiB" in refused(tmp_path / "x.tar.gz")


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(made: zipfile.ZipFile) -> None:
        for i in range(archive.STUDENTS_ENTRIES + 1):
            made.writestr(f"{i}.py", "")

    crowded = zipped(tmp_path / "crowded.zip", write)
    (tmp_path / "class" / "ada").mkdir(parents=True)
    (tmp_path / "class" / "bob").mkdir()
    (tmp_path / "class" / "bob" / "rope.py").touch()
    (tmp_path / "class" / "ada" / "crowded.zip").write_bytes(crowded.read_bytes())
    found = find([tmp_path / "class"], EXERCISES)
    assert [handin.students[0].id for handin in found.handins] == ["bob"]
    assert "holds more than 2,000 files" in why(found)["crowded.zip"]
    monkeypatch.setattr(archive, "CLASS", Bounds(1000, 8 * MIB))
    assert "crowded.zip holds more than 1,000 files" in refused(crowded)


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_what_is_no_archive(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<html>sign in first</html>" * 100)
    assert f"{name} is no archive that can be read" in refused(tmp_path / name)


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_an_archive_that_is_cut_off_or_damaged(tmp_path: Path, suffix: str) -> None:
    files = [(in_tar(f"{i}/rope.py"), os.urandom(3000)) for i in range(20)]
    path = tarred(tmp_path / "whole.tar", *files)
    if suffix == ".zip":
        path = zipped(tmp_path / "whole.zip", lambda made: [made.writestr(i.name, data) for i, data in files])
    elif suffix == ".tar.gz":
        (tmp_path / "whole.tar.gz").write_bytes(gzip.compress(path.read_bytes()))
        path = tmp_path / "whole.tar.gz"
    data = path.read_bytes()
    broken = tmp_path / f"broken{suffix}"
    broken.write_bytes(data[: len(data) // 2])
    assert "is no archive that can be read" in refused(broken)
    if suffix == ".tar":
        changed = bytearray(data)
        header = changed.index(b"7/rope.py")
        changed[header : header + 4] = b"XXXX"
        broken.write_bytes(changed)
        assert "a header in the middle of it is damaged" in refused(broken)


def test_archives_of_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "x.rar").touch()
    with pytest.raises(UsageError, match=r"pack it as a \.zip"):
        find([tmp_path / "x.rar"], EXERCISES)
    (tmp_path / "class" / "ada").mkdir(parents=True)
    for name in ("x.7z", "rope.py"):
        (tmp_path / "class" / "ada" / name).touch()
    assert why(find([tmp_path / "class"], EXERCISES))["x.7z"].endswith("ask for a .zip")


@pytest.mark.skipif(os.name == "nt", reason="links and special files")
def test_a_hostile_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "rope.py").write_text("the answer\n")
    ada = tmp_path / "class" / "ada"
    ada.mkdir(parents=True)
    (ada / "rope.py").symlink_to(secret / "rope.py")
    (ada / "out").symlink_to(secret)
    (ada / "loop").symlink_to(ada)
    os.mkfifo(ada / "moe_router.py")
    (ada / ".git").mkdir()
    (ada / ".git" / "rope.py").touch()
    (tmp_path / "class" / "bob").mkdir()
    (tmp_path / "class" / "bob" / "rope.py").write_text("x = 1\n")
    tree = walk(tmp_path / "class")
    assert names(tree) == ["bob/rope.py"]
    assert why(tree) == {
        ".git": "left behind by a program, no part of a submission",
        "loop": "a link; links are not followed",
        "out": "a link; links are not followed",
        "rope.py": "a link; links are not followed",
        "moe_router.py": "not a regular file",
    }
    (tmp_path / "class" / "bob" / "rope.py").unlink()
    (tmp_path / "class" / "bob" / "rope.py").symlink_to(secret / "rope.py")  # after it was listed
    with pytest.raises(UsageError, match="is a link, and links are not followed"):
        tree.entries[0].read()


def test_names_that_are_too_long_or_long_to_look_at(tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        made.writestr("ada/rope.py", "x = 1\n")
        made.writestr("-" * 60_000 + ".yaml", "")
        made.writestr("d/" * 101 + "rope.py", "")
        made.writestr("é" * 200 + "_.py", "")
        made.writestr("ada/" + "_1" * 120 + ".yaml", "")

    found = find([zipped(tmp_path / "x.zip", write)], EXERCISES)
    assert [handin.students[0].id for handin in found.handins] == ["ada"]
    assert len(found.ignored) == 4
    assert [each.why for each in found.ignored][:2] == ["its path is longer than any disk would have it"] * 2
    assert all(len(each.file) < 1000 for each in found.ignored)


def test_a_deep_folder(tmp_path: Path) -> None:
    deep = tmp_path / "ada" / "/".join(["d"] * 500)
    deep.mkdir(parents=True)
    (deep / "rope.py").touch()
    assert len(walk(tmp_path).entries[0].path) == 502
