"""Atomic writes, invalid templates, and notes that contain commands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.teach.formats import write
from grader.teach.formats.files import print_note
from tests.teach.formats.books import MemoryBook, sample_book


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
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


def test_an_unreadable_template_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv: there is no such file"):
        write("moodle", sample_book(), tmp_path, tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("Identifier\nMüller".encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.csv:2: not UTF-8"):
        write("canvas", sample_book(), tmp_path, tmp_path / "latin.csv")


def test_notes_cannot_contain_workflow_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub executes `::command::` at the beginning of a line, and `##[command]` anywhere in one."""
    print_note("not in the file: ##[add-mask]a\n::add-mask::a")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: ")
    assert "##[" not in line
