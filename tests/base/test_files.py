"""Files are written atomically, and no symbolic link below a folder is followed."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.base.files import Folder, is_below_folder, open_atomic, require_writable, shown, write_bytes
from tests.files_of_at_most import files_of_at_most


def write_text(path: Path, data: bytes) -> None:
    with open_atomic(path) as file:
        file.write(data.decode())


WRITERS = [write_bytes, write_text]


@pytest.mark.parametrize("write", WRITERS)
def test_a_failed_write_keeps_the_old_file(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    path = tmp_path / "grades.csv"
    path.write_text("old")
    with files_of_at_most(10), pytest.raises(UsageError, match=r"grades\.csv cannot be written: File too large"):
        write(path, b"x" * 11)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", WRITERS)
def test_a_planted_link_is_not_followed(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    # earlier versions used predictable names for temporary files
    mine = tmp_path / "mine"
    mine.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "grades.csv").symlink_to(mine)
    (out / f".grades.csv.{os.getpid()}.part").symlink_to(mine)
    write(out / "grades.csv", b"new")
    assert mine.read_text() == "mine"
    assert (out / "grades.csv").read_text() == "new"
    assert not (out / "grades.csv").is_symlink()


@pytest.mark.parametrize("write", WRITERS)
def test_a_new_file_has_default_permissions(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    write(tmp_path / "deep" / "new", b"\xc3\xa4\r\n")
    (tmp_path / "other").touch()
    assert (tmp_path / "deep" / "new").read_bytes() == b"\xc3\xa4\r\n"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep" / "new", tmp_path / "other")}
    assert len(modes) == 1


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc/x", "a/../../x", "a//x", "a/./x", "a/"])
def test_a_name_that_leads_out_of_a_folder_is_rejected(tmp_path: Path, name: str) -> None:
    assert not is_below_folder(name)
    with Folder(tmp_path) as folder:
        for use in (folder.read, folder.remove, lambda name: folder.write(name, b""), folder.clear):
            with pytest.raises(OSError, match="the name leads out of the folder"):
                use(name)
    assert list(tmp_path.iterdir()) == []


def test_a_link_created_meanwhile_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    with Folder(tmp_path / "root") as folder:
        folder.write("a/x", b"1")
        (tmp_path / "root" / "a").rename(tmp_path / "root" / "b")
        (tmp_path / "root" / "a").symlink_to(tmp_path / "home")
        for use in (folder.read, folder.remove, lambda name: folder.write(name, b"2")):
            with pytest.raises(OSError, match="a symbolic link, which grade does not follow") as caught:
                use("a/x")
            assert caught.value.filename == str(tmp_path / "root" / "a")
        (tmp_path / "root").rename(tmp_path / "moved")
        (tmp_path / "root").symlink_to(tmp_path / "home")
        folder.write("b/y", b"3")
    assert list((tmp_path / "home").iterdir()) == []
    assert (tmp_path / "moved" / "b" / "y").read_bytes() == b"3"


def test_clear_keeps_the_content_of_a_linked_folder(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine").touch()
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "root" / "a" / "link").symlink_to(tmp_path / "home")
    with Folder(tmp_path / "root") as folder:
        folder.clear("a")
    assert list((tmp_path / "root").iterdir()) == []
    assert (tmp_path / "home" / "mine").exists()


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with Folder(tmp_path) as folder:
        for name in ("pipe", "folder"):
            with pytest.raises(OSError, match="it is no regular file"):
                folder.read(name)
        assert folder.read("none") is None
        assert folder.read("none/below") is None


def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    require_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file cannot be written: File exists"):
        require_writable(tmp_path / "file")


def test_shown_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "a" / "b") == shown(Path("a/b")) == "a/b"
    assert shown(Path("/etc")) == "/etc"
