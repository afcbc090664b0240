"""Points are written in one way on screens, in the history and in exported tables."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from grader.course.progress import Graded, Progress
from grader.show.numbers import format_change, format_points
from grader.teach.formats import write
from tests.command_line import run
from tests.show.screens import graded, screen
from tests.teach.formats.books import ADA, ROPE, book, grade, passed
from tests.teach.formats.written import table


@pytest.mark.parametrize(
    ("points", "text", "change"),
    [
        (10.0, "10", "+10"),
        (2.675, "2.675", "+2.675"),
        (-0.5, "-0.5", "-0.5"),
        (20 / 3, "6.6667", "+6.6667"),
        (-1e-9, "0", "0"),
        (0.0, "0", "0"),
    ],
)
def test_points_have_at_most_four_decimals(points: float, text: str, change: str) -> None:
    assert (format_points(points), format_change(points)) == (text, change)


def test_points_are_the_same_on_screens_in_history_and_in_csv(workspace: Path, tmp_path: Path) -> None:
    assert "2.675 of 4 points" in screen(replace(graded(), score=2.675, max_score=4.0))

    event = Graded(exercise="base", score=2.675, max_score=4, passed=False, sha256="a", time=datetime.now(UTC))
    Progress.load(workspace).record(event)
    assert "2.675/4" in run("history").stdout.split()
    assert "2.675/4" in run("history", "base").stdout.split()
    assert "2.675/" in run("list").stdout

    measured = grade(ADA, ROPE, passed(ROPE))
    assert measured.points is not None
    wide, *_ = write("csv", book(replace(measured, points=replace(measured.points, final=2.675))), tmp_path)
    assert "2.675" in table(wide)[1]
