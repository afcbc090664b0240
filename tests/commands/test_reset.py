"""`grade reset`: an exercise anew, and the old file kept."""

from pathlib import Path

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
