"""Mistakes in a student's own code, from the try to the review."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from grader.course.progress import Mended, Progress
from grader.study.slips import store
from grader.study.slips.store import load_slips
from tests.cli.quizzes import later
from tests.command_line import error, run
from tests.three_exercises import three_exercises

SLIP = "def double(x):\n    y = x\n    return y\n"
MENDED = "def double(x):\n    y = x\n    return 2 * y\n"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = three_exercises(tmp_path / "course")
    monkeypatch.chdir(root)
    return root


def grade(root: Path, text: str) -> int:
    (root / "exercises/base/base.py").write_text(text)
    return run("exercise", "base").exit_code


def test_a_mistake_comes_back_after_days_and_is_known_by_its_line(course: Path) -> None:
    assert grade(course, SLIP) == 1
    (slip,) = load_slips(Progress.load(course))
    assert (slip.exercise, slip.text, slip.advice, slip.mended) == ("base", SLIP, "It returns its argument.", None)
    assert error("review", "--only", "mistakes").startswith("Nothing to review: no mistake was named")
    assert grade(course, MENDED) == 0
    (slip,) = load_slips(Progress.load(course))
    assert slip.mended == MENDED
    waiting = run("review", "--only", "mistakes").stdout
    assert "0 missed, 0 due" in waiting
    assert "Nothing is due now. Next: 1 question in" in waiting
    later(course, days=10)
    assert "1 due" in run().stdout
    wrong = run("review", "--only", "mistakes", input="2\n3\n").stdout
    assert "Which line is wrong?" in wrong
    assert "It returns its argument. Later, line 3 became return 2 * y." in " ".join(wrong.replace("`", "").split())
    assert "0 of 1" in wrong
    later(course, days=10)
    assert "1 of 1" in run("review", input="3\n").stdout


def test_the_same_mistake_is_kept_once_and_asked_once(course: Path) -> None:
    for text in (SLIP, SLIP.replace("y", "z"), MENDED, SLIP):
        grade(course, text)
    (slip,) = load_slips(Progress.load(course))
    assert (slip.text, slip.mended) == (SLIP, None)
    assert [event.slip for event in Progress.load(course).events if isinstance(event, Mended)] == ["base-nothing"]


def test_only_the_last_are_kept(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST", 1)
    assert grade(course, SLIP) == 1
    (old,) = load_slips(Progress.load(course))
    folder = course / ".archgrade/slips"
    older = msgspec.structs.replace(old, mistake="older", time=old.time - timedelta(days=1))
    (folder / f"{older.id}.json").write_bytes(msgspec.json.encode(older))
    assert grade(course, SLIP) == 1
    assert [slip.mistake for slip in load_slips(Progress.load(course))] == ["nothing"]


def test_copies_are_deleted_on_request_and_no_longer_due(course: Path) -> None:
    grade(course, SLIP)
    grade(course, MENDED)
    later(course, days=10)
    assert "1 copy of your files deleted" in run("progress", "--forget").stdout
    assert not list((course / ".archgrade/slips").iterdir())
    assert "grade review" not in run().stdout
    assert "0 copies" in run("progress", "--forget").stdout


def test_a_folder_that_cannot_be_written_costs_a_warning_and_no_grade(course: Path) -> None:
    (course / ".archgrade").mkdir(exist_ok=True)
    (course / ".archgrade/slips").write_text("in the way")
    (course / "exercises/base/base.py").write_text(SLIP)
    done = run("exercise", "base")
    assert done.exit_code == 1
    assert done.stderr.startswith("warning: this try cannot be kept for grade review: ")
    assert len(Progress.load(course).attempts("base")) == 1


def test_what_another_version_wrote_is_ignored(course: Path) -> None:
    grade(course, SLIP)
    (course / ".archgrade/slips/other.json").write_text('{"version": 9}')
    assert [slip.mistake for slip in load_slips(Progress.load(course))] == ["nothing"]
