"""Write editions atomically."""

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.teach.release.write import write_edition
from tests.files_of_at_most import files_of_at_most

FILES = {"course.yaml": b"title: T\n", "exercises/a/a.py": b"pass\n"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_writes_a_new_or_empty_folder(tmp_path: Path, there: bool) -> None:
    out = tmp_path / "deep" / "out"
    if there:
        out.mkdir(parents=True)
    write_edition(out, FILES)
    assert contents(tmp_path) == {f"deep/out/{name}": data for name, data in FILES.items()}


def test_the_working_directory_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_edition(Path(), FILES)
    assert contents(Path()) == FILES
    assert os.path.samefile(tmp_path, os.curdir)


@pytest.mark.parametrize("name", ["full", "file"])
def test_does_not_overwrite_anything(tmp_path: Path, name: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(UsageError, match="is not empty; name another folder"):
        write_edition(tmp_path / name, FILES)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("out", ["out", "out.zip", "there"])
def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, out: str) -> None:
    if out == "there":
        (tmp_path / out).mkdir()
    large = FILES | {"exercises/b/b.py": os.urandom(2000)}
    with files_of_at_most(1000), pytest.raises(UsageError, match=f"{out} cannot be written: File too large"):
        write_edition(tmp_path / out, large)
    assert contents(tmp_path) == {}
    assert [path.name for path in tmp_path.iterdir()] == (["there"] if out == "there" else [])


def test_the_same_files_give_the_same_zip(tmp_path: Path) -> None:
    first, second = tmp_path / "week.zip", tmp_path / "again" / "week.zip"
    write_edition(first, FILES)
    write_edition(second, dict(reversed(FILES.items())))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist() == ["week/course.yaml", "week/exercises/a/a.py"]


def test_links_that_are_added_while_writing_are_not_followed(tmp_path: Path) -> None:
    """The folder was empty when it was checked."""
    out, home = tmp_path / "out", tmp_path / "home"
    out.mkdir()
    home.mkdir()

    class Planting(dict[str, bytes]):
        """Files that add links to the folder while they are written."""

        def items(self) -> Any:
            (out / "exercises").symlink_to(home)
            (out / "course.yaml").symlink_to(home / "made")
            return super().items()

    with pytest.raises(UsageError, match="out cannot be written"):
        write_edition(out, Planting(FILES))
    assert list(home.iterdir()) == []
