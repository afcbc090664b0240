"""What the tests of several commands share: courses in the working directory, and the folder of a stranger."""

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
    """A course of three exercises made by `grade new`, and the working directory in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    three_exercises(tmp_path)
    return tmp_path


@pytest.fixture
def quiz_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of two lessons, the first with a quiz, and the working directory in it."""
    monkeypatch.chdir(tmp_path)
    one_quiz(tmp_path)
    return tmp_path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of a course of three exercises, made by `grade init`, and the working directory in it."""
    install(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert run("init", "mine").exit_code == 0
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture(params=USERS)
def scene(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A workspace made by `grade init`, which is the working directory, and a home beside it, for each kind of user."""
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
