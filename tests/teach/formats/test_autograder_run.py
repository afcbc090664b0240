"""Run `run_autograder` in a folder with the layout of Gradescope's container."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.teach.formats.autograder_run import grade_submission
from tests.classes import FILES
from tests.teach.formats.autograder import made, script, second_exercise, unpacked

pytestmark = pytest.mark.slow


@pytest.fixture
def root(course: Path, tmp_path: Path) -> Path:
    """Create a folder like /autograder in Gradescope's container, with this environment in place of setup.sh's."""
    root = tmp_path / "autograder"
    unpacked(made(course, tmp_path / "autograder.zip"), root / "source")
    shutil.copy(root / "source/run_autograder", root)
    for folder in ("submission", "results", "venv/bin"):
        (root / folder).mkdir(parents=True)
    (root / "submission_metadata.json").write_text("{}", "utf-8")
    script(root / "venv/bin/python", f'exec "{sys.executable}" "$@"')
    return root


def run(root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([root / "run_autograder"], cwd=root, capture_output=True, text=True, check=False)


def results(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "results/results.json").read_text("utf-8"))
    return found


def hand_in(root: Path, text: str, name: str = "toolbox.py") -> None:
    path = root / "submission" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("who", "score"), [("ada", 31.0), ("ben", 30.0), ("eve", 0.0)], ids=["right", "one mistake", "syntax error"]
)
def test_writes_the_score_of_a_submission(root: Path, who: str, score: float) -> None:
    hand_in(root, FILES[who])
    done = run(root)
    assert done.returncode == 0, done.stderr
    found = results(root)
    assert found["score"] == score
    assert f"{score:g} of 31 points" in found["output"]
    assert {test["visibility"] for test in found["tests"]} <= {"visible", "after_published"}
    if who == "ben":
        assert [test["name"] for test in found["tests"] if test["status"] == "failed"] == ["toolbox: scale"]


def test_reports_two_different_files_for_one_exercise(root: Path) -> None:
    for folder, text in (("a", FILES["ada"]), ("b", FILES["ben"])):
        hand_in(root, text, f"{folder}/toolbox.py")
        os.utime(root / "submission" / folder / "toolbox.py", (1_000_000_000, 1_000_000_000))
    assert run(root).returncode == 0
    found = results(root)
    assert found["score"] == 0
    assert "There are two files for toolbox" in json.dumps(found)


def test_reports_the_expected_names_if_no_file_is_found(root: Path) -> None:
    hand_in(root, "hello", "notes.txt")
    assert run(root).returncode == 0
    found = results(root)
    assert (found["score"], found["tests"]) == (0, [])
    assert "toolbox.py or toolbox.ipynb" in found["output"]
    assert found["output"].isprintable()


def test_a_broken_test_gives_no_score(root: Path) -> None:
    tests = root / "source/course/solutions/toolbox/test_hidden.py"
    broken = '    """sums by name"""\n    submission.merge({}).nothing\n'
    tests.write_text(tests.read_text("utf-8").replace('    """sums by name"""\n', broken), "utf-8")
    hand_in(root, FILES["ada"])
    done = run(root)
    assert done.returncode != 0
    assert "test_merge fails on the reference too" in done.stderr  # for the instructor
    found = results(root)
    assert not {"score", "tests"} & found.keys()
    assert "fault of the grader" in found["output"]
    assert "test_merge" not in found["output"]


def test_an_invalid_course_gives_no_score(root: Path) -> None:
    (root / "source/course/course.yaml").write_text("title: [", "utf-8")
    hand_in(root, FILES["ada"])
    done = run(root)
    assert done.returncode != 0
    assert "course.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert not {"score", "tests"} & results(root).keys()


def test_a_timeout_gives_no_score(root: Path) -> None:
    hand_in(root, FILES["ada"])
    with pytest.raises(UsageError, match=r"stopped after 0 s"):
        grade_submission(root, seconds=0.0)
    assert not {"score", "tests"} & results(root).keys()


def test_reports_exercises_that_were_not_handed_in(root: Path) -> None:
    second_exercise(root / "source/course", "second")
    (root / "source/exercises.txt").write_text("toolbox\nsecond\n", "utf-8")
    hand_in(root, FILES["ada"])
    assert run(root).returncode == 0
    found = results(root)
    assert found["score"] == 31
    assert "second: nothing was handed in; the expected file is second.py." in found["output"].splitlines()


def test_a_submission_cannot_read_hidden_tests(root: Path) -> None:
    hidden = root / "source/course/solutions/toolbox/test_hidden.py"
    assert hidden.read_text("utf-8")
    hand_in(root, f"{FILES['ada']}\n\ndef scale(x, factor):\n    return open({str(hidden)!r}).read()\n")
    assert run(root).returncode == 0
    found = results(root)
    (failed,) = [test for test in found["tests"] if test["status"] == "failed"]
    assert "PermissionError" in failed["output"]
