"""`grade update`: a newer course in a workspace, and a student's files as they were."""

from pathlib import Path

import pytest

from tests.command_line import error, run
from tests.workspace.installation import release


def test_update_says_what_is_new_and_what_stays(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = workspace.parent / "installed"
    assert "nothing is new" in run("update").stdout
    (workspace / "exercises/base/base.py").write_text("mine")
    (workspace / "exercises/top/README.md").write_text("mine")
    for name in ("base/base.py", "top/README.md", "high/README.md"):
        (course / "exercises" / name).write_text("new")
    (course / "exercises/top/top.py").unlink()
    release(course, "9.9", monkeypatch)
    assert error("list").endswith("bring it up to date with grade update, which leaves your files as they are.")
    shown = run("update").stdout
    assert "1 file new, 1 file removed" in shown
    assert "You have begun these, whose files are given out anew: base. Yours stay." in shown
    assert "You have changed these, and they stay so: exercises/top/README.md." in shown
    assert run("list").exit_code == 0


def test_update_outside_of_a_workspace(small_course: Path) -> None:
    assert error("update").endswith("is no workspace: a clone is brought up to date with git pull.")
