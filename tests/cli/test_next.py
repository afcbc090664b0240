"""Tests of `grade next`."""

from pathlib import Path

from grader.course.progress import PartRead, Progress
from tests.command_line import error, run
from tests.passed import record
from tests.three_exercises import WRONG_BASE, YAML


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


def test_says_where_one_stopped(workspace: Path) -> None:
    Progress.load(workspace).record(PartRead(lesson="three", part=1, slug="three"))
    (workspace / "exercises" / "base" / "base.py").write_text(WRONG_BASE)
    run("exercise", "base")
    assert "  you were at many double, test 2 of 2" in run("next").stdout.splitlines()
    run("hint", "base")
    assert "you were at many double, test 2 of 2, 1 hint used" in run("next").stdout
    assert "you were at many double, test 2 of 2, 1 hint used" in run("list").stdout


def test_plans_what_fits(workspace: Path) -> None:
    lines = run("next", "--minutes", "12").stdout.splitlines()
    assert [line.split()[:2] for line in lines[3:6]] == [["1", "min"], ["5", "min"], ["5", "min"]]
    assert lines[4].split()[2:] == ["grade", "exercise", "base", "base"]
    assert lines[6].split() == ["11", "min", "in", "all"]
    assert lines[8].split() == ["then", "grade", "exercise", "top", "5", "min"]
    assert "times are the course's" in lines[10]


def test_a_plan_says_that_the_next_step_does_not_fit(workspace: Path) -> None:
    Progress.load(workspace).record(PartRead(lesson="three", part=1, slug="three"))
    for name in ("base", "high"):
        longer = YAML.format(id=name, needs="").replace("minutes: 5", "minutes: 45")
        (workspace / "exercises" / name / "exercise.yaml").write_text(longer)
    lines = run("next", "--minutes", "40").stdout.splitlines()
    assert lines[1].split(maxsplit=2)[2].startswith("the next step takes longer")
    assert lines[3].split() == ["begin", "grade", "exercise", "base", "45", "min"]


def test_a_plan_after_the_last_step_says_so(workspace: Path) -> None:
    Progress.load(workspace).record(PartRead(lesson="three", part=1, slug="three"))
    for name in ("base", "top", "high"):
        record(workspace, name, 4)
    assert "nothing is due" in run("next", "--minutes", "40").stdout


def test_minutes_are_a_whole_number(workspace: Path) -> None:
    assert "'soon' is not a whole number from 5 to 600" in error("next", "--minutes", "soon")
