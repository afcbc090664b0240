"""The line with the points, and their change since the attempt before."""

import pytest
from msgspec.structs import replace

from grader.base.result import Outcome
from grader.show.context import RunContext
from grader.show.layout import Page, paint
from grader.show.score import score_lines
from tests.show.screens import result


def points(view: RunContext | None, outcome: Outcome = Outcome.GRADED, width: int = 77) -> str:
    """Return the first line of a result with 7 of 10 points."""
    made = replace(result(outcome=outcome), score=7.0, max_score=10.0)
    return paint(score_lines(made, Page(width=width), view)[0], width, color=False)


@pytest.mark.parametrize(
    ("tries", "before", "shown"),
    [
        (1, None, "7 of 10 points"),
        (3, 2.0, "7 of 10 points, +5 since try 2"),
        (2, 7.5, "7 of 10 points, -0.5 since try 1"),
        (12, 7.0, "7 of 10 points, as in try 11"),
    ],
)
def test_score_shows_the_change_since_the_attempt_before(tries: int, before: float | None, shown: str) -> None:
    line = points(RunContext(tries=tries, before=before))
    assert line.strip().split("   ")[0] == shown
    assert len(points(RunContext(tries=tries, before=before), width=60)) <= 60


def test_the_time_is_left_out_where_it_does_not_fit_beside_the_score() -> None:
    shown = points(RunContext(tries=82, before=7.0), width=40)
    assert shown == "  7 of 10 points, as in try 81"


def test_score_shows_no_change_without_a_context_or_a_grade() -> None:
    assert "since" not in points(None)
    assert "not graded" in points(RunContext(tries=3, before=2.0), Outcome.ERROR)
    assert "since" not in points(RunContext(tries=3, before=2.0), Outcome.ERROR)
