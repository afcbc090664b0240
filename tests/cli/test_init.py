"""Tests of `grade init`."""

from pathlib import Path

import pytest

from tests.cli.strangers import LINK, Scene
from tests.command_line import error, run
from tests.course.workspace.installation import install


def test_creates_a_workspace_here_or_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_names_the_files_that_it_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    mine = tmp_path / "mine" / "exercises" / "base" / "base.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    monkeypatch.chdir(tmp_path / "mine")
    assert "Kept unchanged: exercises/base/base.py." in run("init", "--yes").stdout
    assert mine.read_text() == "mine"


def test_asks_before_it_fills_a_folder_that_is_not_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".bashrc").touch()
    monkeypatch.chdir(home)
    assert error("init") == (
        f"{home} is not empty; name a new folder, as in grade init DIR, or add --yes to put the course there."
    )
    monkeypatch.setattr("grader.cli.screen.is_attended", lambda: True)
    refused = run("init", input="n\n")
    asked = " ".join(refused.stdout.split())
    assert asked.startswith(f"{home} is not empty. Put course.yaml, exercises and lessons there, and keep")
    assert refused.exit_code == 1
    assert [path.name for path in home.iterdir()] == [".bashrc"]
    assert run("init", input="y\n").exit_code == 0
    assert (home / "exercises").is_dir()


@pytest.mark.parametrize(
    ("link", "to"),
    [
        ("exercises", "../home"),
        ("lessons/01-three", "../../home/made"),
        ("exercises/base/base.py", "../../../home/.bashrc"),
        ("course.yaml", "../home/empty"),
    ],
)
def test_writes_nothing_through_a_link(scene: Scene, link: str, to: str) -> None:
    new = scene.folder / "new"
    (new / link).parent.mkdir(parents=True)
    (new / link).symlink_to(to)
    assert scene.error("init", "--yes", str(new)) == f"{new / link} cannot be written: {LINK}"


@pytest.mark.parametrize("to", ["../mine/.workspace.json", "../home/made"])
def test_does_not_follow_a_marker_that_is_a_link(scene: Scene, to: str) -> None:
    marker = scene.folder / "new/.workspace.json"
    marker.parent.mkdir()
    marker.symlink_to(to)
    assert scene.error("init", str(marker.parent)) == f"{marker} cannot be read: {LINK}"


def test_fills_a_folder_reached_through_a_link(scene: Scene) -> None:
    (scene.folder / "new").mkdir()
    (scene.home / "course").symlink_to("../new")
    assert scene.run("init", str(scene.home / "course")).exit_code == 0
    assert (scene.folder / "new/exercises/base/base.py").is_file()
