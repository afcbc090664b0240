"""The task of an exercise that is not started."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grader.base.result import Outcome
from grader.show.context import NeededExercise, RunContext
from grader.show.layout import Line, Page, flow, line, with_label, wrap
from grader.show.numbers import format_points
from grader.show.status import outcome_mark

if TYPE_CHECKING:
    from grader.course import Exercise


def task_lines(exercise: "Exercise", run: RunContext, page: Page) -> list[Line]:
    """Return what to write, which exercises it builds on, and what it is worth."""
    needs = flow([line(outcome_mark(_met(need)), " ", need.id) for need in run.needs], page.width - 10)
    write = [line(part) for part in _signatures(run.write, page)]
    worth = f"{format_points(exercise.points)} points, about {exercise.minutes} minutes"
    rows = [("write", write), ("needs", needs[: page.text]), ("worth", [line(worth)])]
    return [each for label, lines in rows if lines for each in with_label(label, lines, column=10, indent=2)]


def _signatures(texts: Sequence[str], page: Page) -> list[str]:
    """Return as many signatures as there is room for, and how many are left out."""
    shown: list[str] = []
    for place, text in enumerate(texts):
        parts = wrap(text, page.width - 10)
        left = len(texts) - place
        if len(shown) + len(parts) + (left > 1) > page.text and shown:
            return [*shown, f"and {left} more"]
        shown += parts
    return shown


def _met(need: NeededExercise) -> Outcome:
    return Outcome.PASSED if need.passed else Outcome.NOT_STARTED
