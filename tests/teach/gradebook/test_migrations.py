"""Tests of migrating a gradebook from older versions."""

import sqlite3
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.database import FILE, Database
from grader.teach.gradebook.migrations import APPLICATION, FIRST, SECOND, THIRD
from tests.teach.gradebook.builders import LATE, filled, write


def version_one(folder: Path) -> None:
    """Write a gradebook of the first version with one run."""
    connection = sqlite3.connect(folder / FILE)
    connection.executescript(FIRST)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute("PRAGMA user_version = 1")
    connection.execute(
        "INSERT INTO runs (started, command, engine, course, course_hash, layout) "
        "VALUES ('2026-10-01T00:00:00+00:00', '[]', 'e', 'Old course', 'c', 'flat')"
    )
    connection.commit()
    connection.close()


def test_migrates_an_old_file_without_loss(tmp_path: Path) -> None:
    version_one(tmp_path)
    second = "ALTER TABLE runs ADD COLUMN host TEXT;\nUPDATE runs SET host = 'unknown';"
    database = Database(tmp_path, create=False, migrations=[FIRST, second])
    assert database.row("SELECT course, host FROM runs") == ("Old course", "unknown")
    assert database.row("PRAGMA user_version") == (2,)
    database.close()
    with pytest.raises(UsageError, match=r"has version 2, but .* up to 1; install a newer archgrade"):
        Database(tmp_path, create=False, migrations=[FIRST])


def test_rolls_back_a_failed_migration(tmp_path: Path) -> None:
    version_one(tmp_path)
    broken = "ALTER TABLE runs ADD COLUMN host TEXT;\nUPDATE nowhere SET host = 'x';"
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        Database(tmp_path, create=False, migrations=[FIRST, broken])
    database = Database(tmp_path, create=False, migrations=[FIRST])
    assert "host" not in [name for _, name, *_ in database.rows("PRAGMA table_info(runs)")]
    database.close()


def test_reads_the_same_grades_from_a_gradebook_without_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Gradebook(filled(tmp_path / "new")) as gradebook:
        gradebook.set_policies(late=Path(write("late.yaml", LATE)))
        expected = list(gradebook.book().grades())
    old = Database(tmp_path / "old", create=True, migrations=[FIRST, SECOND, THIRD])
    assert old.row("ATTACH ? AS new", (str(tmp_path / "new" / FILE),)) is None
    with old.transaction():
        for table in ("students", "runs", "run_items", "run_students", "results", "entries", "policies"):
            columns = ", ".join(name for _, name, *_ in old.rows(f"PRAGMA table_info({table})"))
            old.change(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")
    old.close()
    with Gradebook(tmp_path / "old") as gradebook:
        assert list(gradebook.book().grades()) == expected
        assert len(list(gradebook.entries(1))) == len(expected) == 4
