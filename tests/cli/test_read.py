"""Tests of `grade read`."""

from pathlib import Path

import pytest

from tests.command_line import error, run


def test_shows_the_statement(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("read", "bas").stdout == "# base\n\nWhat to write.\n"
    assert run("read").stdout == "# base\n\nWhat to write.\n"  # the next
    monkeypatch.chdir(workspace / "exercises" / "top")
    assert run("read").stdout == "# top\n\nWhat to write.\n"
    (workspace / "exercises" / "top" / "README.md").unlink()
    assert "README.md" in error("read")
