"""Tests of `grade progress`."""

from pathlib import Path

import pytest

from tests.command_line import error, run
from tests.passed import record


def test_exports_and_imports_progress(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert error("progress", "--export", "out.jsonl") == "There is no progress here yet, so there is nothing to export."
    record(workspace, "base", 4)
    assert "1 event in" in run("progress").stdout
    assert "grade progress --import out.jsonl" in run("progress", "--export", "out.jsonl").stdout
    assert "is not overwritten" in error("progress", "--export", "out.jsonl")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "other machine"))
    assert "0 of 3" in run("list").stdout
    assert "1 event is new" in run("progress", "--import", "out.jsonl").stdout
    assert "1 of 3" in run("list").stdout
    assert "0 events are new" in run("progress", "--import", "out.jsonl").stdout
