"""Tests of `grade reset`."""

import os
from pathlib import Path

import pytest

from tests.cli.strangers import LINK, Scene
from tests.command_line import error, run
from tests.passed import record


def test_keeps_and_names_the_old_file(workspace: Path) -> None:
    stub = workspace / "exercises" / "base" / "base.py"
    given = stub.read_text()
    stub.write_text("mine")
    record(workspace, "base", 4)
    shown = run("reset", "base").stdout
    assert "What you had written is in exercises/base/base.1.py." in shown
    assert (stub.read_text(), stub.with_name("base.1.py").read_text()) == (given, "mine")
    assert "1 of 3" in run("list").stdout  # what was earned stays


def test_restores_a_missing_file(workspace: Path) -> None:
    stub = workspace / "exercises" / "base" / "base.py"
    stub.rename(workspace / "old.py")
    assert error("exercise", "base") == (
        "exercises/base/base.py is missing; restore it, or start over with grade reset base."
    )
    assert run("exercise", "top").exit_code == 1  # not started: it is not in the way of others
    assert "What you had written" not in run("reset", "base").stdout
    assert stub.is_file()


def test_rejects_an_unknown_exercise(workspace: Path) -> None:
    assert error("reset", "bsae") == "No exercise 'bsae' in this course. Did you mean 'base'?"


def test_without_an_id_it_asks_for_the_current_exercise(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = workspace / "exercises" / "base" / "base.py"
    stub.write_text("mine")
    assert error("reset") == "To start base again, name it: grade reset base."  # there is no terminal to ask in
    monkeypatch.setattr("grader.cli.screen.is_attended", lambda: True)
    for answer, exit_code, left in (("n", 1, "mine"), ("y", 0, "")):
        done = run("reset", input=f"{answer}\n")
        assert done.stdout.startswith("Start base again, and keep your file beside the new one? [y/N]: ")
        assert done.exit_code == exit_code
        assert stub.read_text().startswith(left)
        assert stub.with_name("base.1.py").exists() == (answer == "y")


@pytest.mark.parametrize("to", ["../../../home/.bashrc", "../../../home/made"])
def test_does_not_follow_a_file_that_is_a_link(scene: Scene, to: str) -> None:
    stub = scene.mine / "exercises/base/base.py"
    stub.unlink()
    stub.symlink_to(to)
    assert scene.error("reset", "base") == f"exercises/base/base.py cannot be written: {LINK}"


@pytest.mark.parametrize("folder", ["exercises", "exercises/base"])
def test_does_not_follow_a_folder_that_is_a_link(scene: Scene, folder: str) -> None:
    (scene.mine / "exercises/base/base.py").write_text("mine")
    scene.link_out(folder)
    assert scene.error("reset", "base") == f"{folder} cannot be written: {LINK}"


def test_does_not_write_the_old_file_through_a_link(scene: Scene) -> None:
    stub = scene.mine / "exercises/base/base.py"
    stub.write_text("mine")
    stub.with_name("base.1.py").symlink_to("../../../home/made")
    assert "What you had written is in exercises/base/base.2.py." in scene.run("reset", "base").stdout
    assert stub.with_name("base.2.py").read_text() == "mine"
    assert stub.with_name("base.1.py").is_symlink()
    assert not (scene.home / "made").exists()


def test_rejects_a_pipe(scene: Scene) -> None:
    stub = scene.mine / "exercises/base/base.py"
    stub.unlink()
    os.mkfifo(stub)
    sentence = "exercises/base/base.py cannot be written: it is no regular file; move it away."
    assert scene.error("reset", "base") == sentence


def test_rejects_an_exercise_that_the_installed_course_lacks(workspace: Path) -> None:
    (workspace / "exercises/base").rename(workspace / "exercises/other")
    (workspace / "exercises/other/base.py").rename(workspace / "exercises/other/other.py")
    assert error("reset", "other") == (
        "There is no original of exercises/other/other.py: the installed course has no such file."
    )
