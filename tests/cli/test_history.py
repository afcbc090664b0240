"""Tests of `grade history`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from grader.course.progress import Graded, Progress
from tests.command_line import run


def tried(root: Path, score: float, tests: tuple[str, ...] | None, days: int, sha256: str) -> None:
    time = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(days=days)
    event = Graded(exercise="base", score=score, max_score=4, passed=score == 4, sha256=sha256, tests=tests, time=time)
    Progress.load(root).record(event)


def test_shows_what_each_attempt_changed(workspace: Path) -> None:
    tried(workspace, 1, None, 0, "a")
    tried(workspace, 1, ("one",), 1, "b")
    tried(workspace, 3, ("many",), 2, "c")
    tried(workspace, 3, ("many",), 4, "c")
    tried(workspace, 4, ("one", "many"), 5, "d")
    rows = [" ".join(line.split()) for line in run("history", "base").stdout.splitlines()[3:8]]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert rows[0].endswith("1/4")
    assert rows[2].endswith("3/4 +2 passes many; fails one")
    assert rows[3].endswith("3/4 the same file")
    assert rows[4].endswith("4/4 +1 passes one")
    assert "2026-11-20" in rows[0]


def test_counts_the_attempts_at_all_exercises(workspace: Path) -> None:
    assert "Nothing has been graded yet." in run("history").stdout
    assert run("history", "top").stdout.splitlines()[2:] == [
        "",
        "  It has not been graded yet.",
        "",
        "  grade     grade exercise top",
    ]
    for day in (0, 2, 3):
        tried(workspace, day, (), day, str(day))
    lines = run("history").stdout.splitlines()
    assert lines[1].endswith("3 attempts on 3 days, the last 2 in a row")
    assert lines[3].split()[1:5] == ["base", "3/4", "3", "attempts"]
    assert lines[-1].split()[:4] == ["more", "grade", "history", "base"]
