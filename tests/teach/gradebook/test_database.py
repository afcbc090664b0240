"""Tests of the database: full and read-only disks, locked and invalid files."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.teach.gradebook import Gradebook, StorageFull
from grader.teach.gradebook.database import FILE
from tests.command_line import error
from tests.teach.gradebook.builders import ADA, BOB, MOE, begin, record, result


def record_until_full(gradebook: Gradebook, run_id: int) -> int:
    """Record results until the disk is full, and return their number."""
    recorded = 0

    def record_all() -> None:
        nonlocal recorded
        while recorded < 1000:
            record(gradebook, run_id, ADA, MOE, result(), submission=os.urandom(500).hex())
            recorded += 1

    with pytest.raises(StorageFull, match=r"The disk of .* is full\. Grades so far are kept; make room"):
        record_all()
    assert recorded > 1
    return recorded


def test_raises_storage_full_on_enospc_and_keeps_recorded_grades(tmp_path: Path) -> None:
    with Gradebook(tmp_path, create=True) as gradebook:
        run_id = begin(gradebook)
        (pages,) = gradebook._database.row("PRAGMA page_count") or (0,)
        gradebook._database.row(f"PRAGMA max_page_count = {pages + 4}")
        recorded = record_until_full(gradebook, run_id)
        gradebook._database.row("PRAGMA max_page_count = 100000")
        record(gradebook, run_id, BOB, MOE, result(first=0.0))
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("SELECT count(*) FROM results").fetchone() == (recorded + 1,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """Mount a file system of 400 KiB."""
    if not sys.platform.startswith("linux") or os.getuid() != 0:
        pytest.skip("needs to mount a file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("may not mount a file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_raises_storage_full_on_a_full_disk_and_keeps_recorded_grades(small_disk: Path) -> None:
    with Gradebook(small_disk, create=True) as gradebook:
        run_id = begin(gradebook)
        recorded = record_until_full(gradebook, run_id)
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    with Gradebook(small_disk) as gradebook:
        record(gradebook, run_id, BOB, MOE, result())
        assert gradebook._database.row("SELECT count(*) FROM results") == (recorded + 1,)
        assert gradebook._database.row("PRAGMA integrity_check") == ("ok",)


def test_rejects_files_that_are_not_gradebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert error("gradebook") == ("results: there is no gradebook here; grade batch SUBMISSIONS --out DIR creates one.")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / FILE).write_text("not a database, and longer than a header of one has to be" * 20)
    assert error("gradebook", "text").startswith("text/gradebook.sqlite is not a gradebook, or is damaged: ")
    (tmp_path / "other").mkdir()
    connection = sqlite3.connect(tmp_path / "other" / FILE)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    assert error("gradebook", "other") == (
        "other/gradebook.sqlite is a database of another program; name another folder."
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file cannot be used: File exists; name another folder"):
        Gradebook(tmp_path / "file", create=True)
    with Gradebook(tmp_path / "empty", create=True):
        pass
    assert error("gradebook", "empty").startswith("Nothing has been graded yet")


def test_reads_a_gradebook_on_a_read_only_disk(small_disk: Path) -> None:
    with Gradebook(small_disk, create=True) as gradebook:
        record(gradebook, begin(gradebook), ADA, MOE, result())
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for folder in (small_disk, small_disk / "results"):
        with pytest.raises(UsageError, match=r"cannot be (written|used)"):
            Gradebook(folder, create=True)
    with Gradebook(small_disk) as gradebook:
        assert [grade.student.id for grade in gradebook.book().grades()] == ["ada"]
        with pytest.raises(UsageError, match="cannot be written"):
            begin(gradebook, "again")


def test_shows_no_stale_grades_on_a_read_only_disk(small_disk: Path) -> None:
    """Leave results in the write-ahead log, which cannot be read there."""
    with Gradebook(small_disk, create=True) as gradebook:
        begin(gradebook)
        copies = {path.name: path.read_bytes() for path in small_disk.iterdir()}
    for name, data in copies.items():
        (small_disk / name).write_bytes(data)
    assert copies[f"{FILE}-wal"]
    (small_disk / f"{FILE}-shm").unlink()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(UsageError, match="cannot be written"):
        Gradebook(small_disk)


def test_rejects_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    for create in (False, True):
        with pytest.raises(UsageError, match=r"gradebook\.sqlite is empty, as after an interrupted copy"):
            Gradebook(tmp_path, create=create)


def test_a_full_disk_has_its_own_exit_code() -> None:
    assert StorageFull("").exit_code == 4


def test_reports_a_locked_file(gradebook_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.teach.gradebook.database.TIMEOUT", 0.0)
    connection = sqlite3.connect(gradebook_folder / FILE, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    with (
        Gradebook(gradebook_folder) as gradebook,
        pytest.raises(UsageError, match=r"results/gradebook.sqlite is in use by another program"),
    ):
        begin(gradebook, "batch again")
    connection.close()
