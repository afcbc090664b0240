"""Files are written whole or not at all, and read or explained; remarks are no commands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.teach.formats import write
from grader.teach.formats.files import remark
from tests.teach.formats.books import MemoryBook, sample_book


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    class Broken(MemoryBook):
        def grades(self) -> Iterator[Any]:
            yield from list(super().grades())[:5]
            raise RuntimeError("in the middle")

    of = sample_book()
    (path,) = write("json", of, tmp_path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="in the middle"):
        write("json", Broken(of.course, of.run, of.items, of.students, of.all_grades), tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_template_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv does not exist"):
        write("moodle", sample_book(), tmp_path, tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("Identifier\nMüller".encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.csv:2: not UTF-8"):
        write("canvas", sample_book(), tmp_path, tmp_path / "latin.csv")


def test_a_note_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub obeys `::command::` at the beginning of a line, and `##[command]` wherever it stands in one."""
    remark("not in the file: ##[add-mask]a\n::add-mask::a")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: ")
    assert "##[" not in line
