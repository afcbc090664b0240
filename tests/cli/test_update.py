"""Tests of `grade update`."""

import hashlib
from pathlib import Path

import pytest

from tests.cli.strangers import EMPTY, LINK, Scene, snapshot
from tests.command_line import error, run
from tests.course.workspace.installation import release
from tests.ordinary import USERS


def test_shows_what_is_new_and_what_is_kept(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = workspace.parent / "installed"
    assert "nothing is new" in run("update").stdout
    (workspace / "exercises/base/base.py").write_text("mine")
    (workspace / "exercises/top/README.md").write_text("mine")
    for name in ("base/base.py", "top/README.md", "high/README.md"):
        (course / "exercises" / name).write_text("new")
    (course / "exercises/top/top.py").unlink()
    release(course, "9.9", monkeypatch)
    assert error("list").endswith("run grade update, which does not change your files.")
    shown = run("update").stdout
    assert "1 file new, 1 file removed" in shown
    assert "Removed, because the course no longer has them: exercises/top/top.py." in shown
    assert "You have begun exercises whose stubs are new: base. Your files are kept." in shown
    assert "You have changed these files, which are kept: exercises/top/README.md." in shown
    assert run("list").exit_code == 0


def test_newer_hidden_tests_do_not_grade_an_older_statement(workspace: Path) -> None:
    hidden = workspace.parent / "installed/solutions/base/test_hidden.py"
    hidden.write_text(hidden.read_text() + "\n# newer\n")
    told = "base in this workspace differs from base in the installed course; run grade update"
    assert error("exercise", "base").startswith(told)
    assert "not started" in run("exercise", "top").stdout
    assert run("update").exit_code == 0
    assert "not started" in run("exercise", "base").stdout


def test_does_not_update_a_workspace_of_another_course(workspace: Path) -> None:
    syllabus = workspace.parent / "installed/course.yaml"
    syllabus.write_text(syllabus.read_text().replace("title: ", "title: Another, ", 1))
    for words in (["update"], ["exercise", "base"]):
        assert "is a workspace of the course" in error(*words)
        assert "create another workspace: grade init DIR." in error(*words)


def test_rejects_a_folder_that_is_not_a_workspace(small_course: Path) -> None:
    assert error("update").endswith("is no workspace; update a clone with git pull.")


def test_does_not_delete_files_outside_that_a_marker_names(scene: Scene) -> None:
    bashrc = scene.home / ".bashrc"
    scene.name_in_marker(
        **{
            "../home/.bashrc": hashlib.sha256(bashrc.read_bytes()).hexdigest(),
            "exercises/../../home/empty": EMPTY,
            str(scene.home / "empty"): EMPTY,
        }
    )
    assert scene.error("update") == (
        ".workspace.json names '../home/.bashrc', which no course has; "
        "delete .workspace.json and run grade init here, which changes no other file."
    )
    (scene.mine / ".workspace.json").unlink()
    before = snapshot(scene.home)
    assert scene.run("init", "--yes").exit_code == 0
    assert scene.run("update").exit_code == 0
    assert snapshot(scene.home) == before


@pytest.mark.parametrize(
    "name",
    [
        "../home/empty",
        "exercises/../../home/empty",
        "exercises/..",
        "exercises/./base/old.py",
        "exercises//base/old.py",
        "/exercises/old.py",
        "exercises/",
        "exercises",
        "exercises/old.py/",
        "",
        ".",
        "solutions/old.py",
        "old.py",
        ".workspace.json",
        "exercises/..\\..\\home",
        "exercises\\old.py",
        "exercises/old.py\0",
        "exercises/\x1b[2Jold.py",
        "exercises/old\u202e.py",
        "exercises/" + "x" * 256,
        "exercises/" + "ä" * 128,
    ],
)
@pytest.mark.parametrize("scene", USERS[:1], indirect=True)
def test_rejects_an_invalid_name_before_any_change(scene: Scene, name: str) -> None:
    (scene.mine / "exercises" / "gone.py").touch()
    scene.name_in_marker(**{"exercises/gone.py": EMPTY, name: EMPTY})
    assert f".workspace.json names {name[:80]!r}, which no course has" in scene.error("update")


@pytest.mark.parametrize("scene", USERS[:1], indirect=True)
def test_accepts_names_in_any_script(scene: Scene) -> None:
    name = "exercises/" + "ї" * 127
    (scene.mine / name).touch()
    scene.name_in_marker(**{name: EMPTY})
    assert "1 file removed" in scene.run("update").stdout
    assert not (scene.mine / name).exists()


@pytest.mark.parametrize("name", ["exercises", "lessons", "exercises/base", "exercises/base/README.md", "course.yaml"])
def test_writes_nothing_through_a_link(scene: Scene, name: str) -> None:
    course = scene.folder / "installed"
    (course / "exercises/base/README.md").write_text("new")
    (course / "lessons/01-three/1-three.md").write_text("new")
    scene.link_out(name)
    assert scene.error("update") == f"{name} cannot be written: {LINK}"


def test_deletes_nothing_through_a_link(scene: Scene) -> None:
    (scene.mine / "exercises/old").symlink_to("../../home")
    scene.name_in_marker(**{"exercises/old/empty": EMPTY})
    assert scene.error("update") == f"exercises/old cannot be written: {LINK}"


def test_does_not_delete_a_link_as_an_empty_file(scene: Scene) -> None:
    (scene.mine / "exercises/old.py").symlink_to("../../home/.bashrc")
    scene.name_in_marker(**{"exercises/old.py": EMPTY})
    assert scene.error("update") == f"exercises/old.py cannot be written: {LINK}"


def test_creates_no_folder_through_a_dangling_link(scene: Scene) -> None:
    course = scene.folder / "installed"
    (course / "exercises/base/pictures").mkdir()
    (course / "exercises/base/pictures/new.json").touch()
    (scene.mine / "exercises/base/pictures").symlink_to("../../../home/made")
    assert scene.error("update") == f"exercises/base/pictures cannot be written: {LINK}"


def test_does_not_follow_a_marker_that_is_a_link(scene: Scene) -> None:
    scene.link_out(".workspace.json")
    assert scene.error("update") == f".workspace.json cannot be read: {LINK}"


def test_accepts_a_workspace_reached_through_a_link(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    (scene.folder / "installed/exercises/base/README.md").write_text("new")
    (scene.home / "course").symlink_to("../mine")
    assert scene.run("--course", str(scene.home / "course"), "update").exit_code == 0
    assert (scene.mine / "exercises/base/README.md").read_text() == "new"


@pytest.mark.parametrize("scene", USERS[1:], indirect=True)
def test_names_the_file_that_it_cannot_write(scene: Scene) -> None:
    (scene.folder / "installed/exercises/base/README.md").write_text("new")
    for folder, name in (("exercises/base", "exercises/base/README.md"), (".", ".workspace.json")):
        (scene.mine / folder).chmod(0o555)
        assert scene.run("update").stderr == f"error: {name} cannot be written: Permission denied.\n"
        (scene.mine / folder).chmod(0o755)
