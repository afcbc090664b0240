"""Tests of `grade next`."""

from pathlib import Path

from grader.course.progress import PartRead, Progress
from tests.command_line import error, run
from tests.passed import record


def test_shows_a_part_to_read_and_then_an_exercise(workspace: Path) -> None:
    assert "grade lesson 1" in run("next").stdout
    Progress.load(workspace).record(PartRead(lesson="three", part=1, slug="three"))
    lines = run("next").stdout.splitlines()
    assert lines[1].split() == ["base", "base"]
    assert lines[2].strip() == "lesson 1, level 1, 5 min"
    assert [line.split()[0] for line in lines[4:]] == ["read", "write", "grade"]
    assert lines[5].endswith("exercises/base/base.py")
    record(workspace, "base", 1)
    assert "1 of 4 points so far" in run("next").stdout


def test_says_that_everything_is_done(workspace: Path) -> None:
    Progress.load(workspace).record(PartRead(lesson="three", part=1, slug="three"))
    for name in ("base", "top", "high"):
        record(workspace, name, 4)
    assert error("next").startswith("Every part is read and every exercise passed")
