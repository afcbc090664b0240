"""`grade reset`: an exercise anew, the old file kept, and nothing outside of the folder changed."""

import os
from pathlib import Path

import pytest

from tests.cli.strangers import LINK, Scene
from tests.command_line import error, run
from tests.passed import record


def test_the_old_file_is_kept_and_named(workspace: Path) -> None:
    stub = workspace / "exercises" / "base" / "base.py"
    given = stub.read_text()
    stub.write_text("mine")
    record(workspace, "base", 4)
    shown = run("reset", "base").stdout
    assert "What you had written is in exercises/base/base.1.py." in shown
    assert (stub.read_text(), stub.with_name("base.1.py").read_text()) == (given, "mine")
    assert "1 of 3" in run("list").stdout  # what was earned stays


def test_a_file_that_is_missing_comes_back(workspace: Path) -> None:
    stub = workspace / "exercises" / "base" / "base.py"
    stub.rename(workspace / "old.py")
    assert error("exercise", "base") == (
        "exercises/base/base.py is missing; bring it back, or begin anew with grade reset base."
    )
    assert run("exercise", "top").exit_code == 1  # not started: it is not in the way of others
    assert "What you had written" not in run("reset", "base").stdout
    assert stub.is_file()


def test_reset_of_an_unknown_exercise(workspace: Path) -> None:
    assert error("reset", "bsae") == "No exercise 'bsae' in this course. Did you mean 'base'?"
    assert "Missing" in error("reset")


@pytest.mark.parametrize("to", ["../../../home/.bashrc", "../../../home/made"])
def test_a_file_that_is_a_link_is_not_followed(scene: Scene, to: str) -> None:
    stub = scene.mine / "exercises/base/base.py"
    stub.unlink()
    stub.symlink_to(to)
    assert scene.error("reset", "base") == f"exercises/base/base.py cannot be written: {LINK}"


@pytest.mark.parametrize("folder", ["exercises", "exercises/base"])
def test_a_folder_that_is_a_link_is_not_followed(scene: Scene, folder: str) -> None:
    (scene.mine / "exercises/base/base.py").write_text("mine")
    scene.link_out(folder)
    assert scene.error("reset", "base") == f"{folder} cannot be written: {LINK}"


def test_the_old_file_is_not_kept_through_a_link(scene: Scene) -> None:
    stub = scene.mine / "exercises/base/base.py"
    stub.write_text("mine")
    stub.with_name("base.1.py").symlink_to("../../../home/made")
    assert "What you had written is in exercises/base/base.2.py." in scene.run("reset", "base").stdout
    assert stub.with_name("base.2.py").read_text() == "mine"
    assert stub.with_name("base.1.py").is_symlink()
    assert not (scene.home / "made").exists()


def test_a_pipe_is_no_file_to_keep(scene: Scene) -> None:
    stub = scene.mine / "exercises/base/base.py"
    stub.unlink()
    os.mkfifo(stub)
    sentence = "exercises/base/base.py cannot be written: it is no regular file; move it away."
    assert scene.error("reset", "base") == sentence


def test_an_exercise_that_the_installed_course_has_not(workspace: Path) -> None:
    (workspace / "exercises/base").rename(workspace / "exercises/other")
    (workspace / "exercises/other/base.py").rename(workspace / "exercises/other/other.py")
    assert error("reset", "other") == (
        "There is no original of exercises/other/other.py: the installed course has no such file."
    )
