"""Tests of the folder that a site is written to."""

from pathlib import Path

import pytest

from grader.author.site.folder import MANIFEST, write_folder
from grader.base.errors import UsageError


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_rewriting_a_site_deletes_its_stale_files(tmp_path: Path) -> None:
    out = tmp_path / "a" / "site"
    write_folder(out, {"index.html": b"1", "docs/b.html": b"2"})
    (out / "mine.txt").write_text("mine")
    write_folder(out, {"index.html": b"3"})
    assert names(out) == ["index.html", "mine.txt", MANIFEST]
    assert (out / "index.html").read_bytes() == b"3"


@pytest.mark.parametrize("name", ["notes.txt", MANIFEST])
def test_refuses_and_keeps_a_folder_that_is_not_a_site(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(UsageError, match="is not empty and was not written by grade site; choose another folder"):
        write_folder(tmp_path, {"index.html": b""})
    assert names(tmp_path) == [name]


def test_refuses_a_path_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("")
    with pytest.raises(UsageError):
        write_folder(tmp_path / "site", {"index.html": b""})


def test_deletes_nothing_outside_the_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "site", {"index.html": b""})
    (tmp_path / "outside").write_text("stays")
    marker = tmp_path / "site" / MANIFEST
    marker.write_text(marker.read_text().replace('"index.html"', '"../outside"'))
    write_folder(tmp_path / "site", {"index.html": b""})
    assert (tmp_path / "outside").read_text() == "stays"
