"""The folder that a site is written to."""

from pathlib import Path

import pytest

from grader.author.site.folder import LIST, write_folder
from grader.base.errors import UsageError


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_site_is_written_again_and_what_it_had_more_goes(tmp_path: Path) -> None:
    out = tmp_path / "a" / "site"
    write_folder(out, {"index.html": b"1", "docs/b.html": b"2"})
    (out / "mine.txt").write_text("mine")
    write_folder(out, {"index.html": b"3"})
    assert names(out) == ["index.html", "mine.txt", LIST]
    assert (out / "index.html").read_bytes() == b"3"


@pytest.mark.parametrize("name", ["notes.txt", LIST])
def test_a_folder_of_something_else_is_refused_and_stays_as_it_is(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(UsageError, match="is not empty and no site of grade site; name another folder"):
        write_folder(tmp_path, {"index.html": b""})
    assert names(tmp_path) == [name]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("")
    with pytest.raises(UsageError):
        write_folder(tmp_path / "site", {"index.html": b""})


def test_nothing_beyond_the_folder_is_removed(tmp_path: Path) -> None:
    write_folder(tmp_path / "site", {"index.html": b""})
    (tmp_path / "outside").write_text("stays")
    marker = tmp_path / "site" / LIST
    marker.write_text(marker.read_text().replace('"index.html"', '"../outside"'))
    write_folder(tmp_path / "site", {"index.html": b""})
    assert (tmp_path / "outside").read_text() == "stays"
