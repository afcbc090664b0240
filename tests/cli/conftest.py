"""Fixtures for the tests of commands: small courses, workspaces, and a workspace of another user."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.courses import one_quiz, three_exercises
from tests.cli.strangers import Scene
from tests.command_line import run
from tests.course.workspace.installation import install
from tests.ordinary import USERS, require


@pytest.fixture
def small_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a course of three exercises with `grade new`, and change to its folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    three_exercises(tmp_path)
    return tmp_path


@pytest.fixture
def quiz_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a course of two lessons, the first with a quiz, and change to its folder."""
    monkeypatch.chdir(tmp_path)
    one_quiz(tmp_path)
    return tmp_path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a workspace of a course of three exercises with `grade init`, and change to its folder."""
    install(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert run("init", "mine").exit_code == 0
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture(params=USERS)
def scene(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Create a workspace with `grade init` and a home beside it, for each kind of user, and change to the workspace."""
    require(request.param)
    folder = Path(tempfile.mkdtemp(prefix="outside-"))  # pytest's own folders are closed to other users
    scene = Scene(folder, request.param)
    install(folder, monkeypatch)
    monkeypatch.setenv("HOME", str(scene.home))
    scene.home.mkdir()
    (scene.home / ".bashrc").write_text("alias ll='ls -l'\n")
    (scene.home / "empty").touch()
    assert scene.run("init", str(scene.mine)).exit_code == 0
    monkeypatch.chdir(scene.mine)
    yield scene
    monkeypatch.undo()
    shutil.rmtree(folder)
