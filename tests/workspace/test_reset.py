"""The text of an exercise as it was given: of the installed course, or from git."""

import subprocess
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.submission.examine import unwritten
from grader.workspace.filling import init
from grader.workspace.reset import reset
from tests.three_exercises import STUB, three_exercises

GIVEN = STUB.format(name="double")
MINE = "def double(x):\n    return x\n"


def untouched(text: str) -> bool:
    return unwritten(text) is not None


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=e")
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


def test_in_a_workspace_it_comes_from_the_installed_course(course: Path, tmp_path: Path) -> None:
    root = init(tmp_path / "mine").root
    stub = root / "exercises" / "base" / "base.py"
    stub.write_text(MINE)
    assert reset(root, stub, untouched) == stub.with_name("base.1.py")
    assert (stub.read_text(), stub.with_name("base.1.py").read_text()) == (GIVEN, MINE)
    assert reset(root, stub, untouched) is None  # as it was given: there is nothing to keep
    stub.write_text("other")
    assert reset(root, stub, untouched) == stub.with_name("base.2.py")
    stub.unlink()
    assert reset(root, stub, untouched) is None
    assert stub.read_text() == GIVEN


def test_in_a_clone_it_is_the_newest_text_that_was_not_begun(tmp_path: Path) -> None:
    root = three_exercises(tmp_path / "clone")
    stub = root / "exercises" / "base" / "base.py"
    git(root, "init")
    for number, text in enumerate(["# older\n" + GIVEN, GIVEN, MINE]):
        stub.write_text(text)
        git(root, "add", ".")
        git(root, "commit", "-m", str(number))
    assert reset(root, stub, untouched) == stub.with_name("base.1.py")
    assert (stub.read_text(), stub.with_name("base.1.py").read_text()) == (GIVEN, MINE)


def test_where_nothing_knows_the_text_nothing_is_changed(tmp_path: Path) -> None:
    root = three_exercises(tmp_path / "course")
    stub = root / "exercises" / "base" / "base.py"
    stub.write_text(MINE)
    with pytest.raises(UsageError, match=r"no text of exercises/base/base\.py as it was given"):
        reset(root, stub, untouched)
    assert stub.read_text() == MINE
