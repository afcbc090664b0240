"""`grade init`: a workspace, here or in a folder."""

from pathlib import Path

import pytest

from tests.command_line import error, run
from tests.workspace.installation import install


def test_a_workspace_is_made_here_or_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    shown = run("init", "mine").stdout
    assert "14 files in" in shown
    assert "cd mine" in shown
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert "cd " not in run("init").stdout
    assert "0 of 3" in run("list").stdout
    assert error("init").endswith("is a workspace already; grade update brings it up to date.")


def test_what_was_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    mine = tmp_path / "mine" / "exercises" / "base" / "base.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    monkeypatch.chdir(tmp_path / "mine")
    assert "Left as they were: exercises/base/base.py." in run("init").stdout
    assert mine.read_text() == "mine"
