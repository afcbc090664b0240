"""A result on a terminal: what happened, the first failing fact, its cause, and what to do next.

Pure: a `Result` comes in, text goes out. A screen has at most `LINES` lines unless all is asked for: of
`SCREENS`, which show less and less, the first that has no more lines is taken.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from grader.report.explanation import explanation
from grader.report.layout import (
    BLANK,
    COLUMNS,
    Line,
    Page,
    clean,
    cleaned,
    dim,
    line,
    paint,
    paragraphs,
    prose,
    reflow,
)
from grader.report.marks import IN_ASCII
from grader.report.score import score
from grader.report.standing import header, progress
from grader.report.status import status
from grader.report.steps import next_steps
from grader.report.task import task
from grader.report.view import View
from grader.result import Outcome, Result, Struct

if TYPE_CHECKING:
    from grader.course import Exercise

LINES = 30
NOT_RECORDED = "This is not your own file, so it is not recorded as progress."
FULL = Page(width=COLUMNS, full=True)
SCREENS = (  # folding tests comes first, cutting sentences last
    Page(width=COLUMNS, fold=0, rows=8, text=8, context=2, callers=3, locals=1, output=4),
    Page(width=COLUMNS, fold=1, rows=8, text=8, context=2, callers=3, locals=1, output=4),
    Page(width=COLUMNS, fold=2, rows=8, text=8, context=2, callers=3, locals=1, output=4),
    Page(width=COLUMNS, fold=3, rows=8, text=8, context=2, callers=3, locals=1, output=4),
    Page(width=COLUMNS, fold=3, rows=6, text=8, context=1, callers=2, locals=1, output=3),
    Page(width=COLUMNS, fold=3, rows=4, text=6, context=1, callers=1, locals=1, output=2),
    Page(width=COLUMNS, fold=3, rows=3, text=5, context=1, callers=1, locals=1, output=2),
    Page(width=COLUMNS, fold=3, rows=2, text=4, context=0, callers=0, locals=0, output=1),
    Page(width=COLUMNS, fold=3, rows=2, text=3, context=0, callers=0, locals=0, output=1),
    Page(width=COLUMNS, fold=3, rows=1, text=2, context=0, callers=0, locals=0, output=1),
)


class Screen(Struct, frozen=True):
    """A screen in three parts. Only the middle one can be cut where there is no room."""

    head: list[Line]
    body: list[Line]
    tail: list[Line]

    @property
    def lines(self) -> list[Line]:
        return paragraphs(self.head, self.body, self.tail)

    def cut(self) -> list[Line]:
        """The screen with as much of the body as there is room for."""
        room = max(LINES - len(self.head) - len(self.tail) - 2, 1)
        kept = self.body[: room - 1]
        more = line(dim(f"    [+{len(self.body) - len(kept)} lines]"))
        return paragraphs(self.head, [*kept, more], self.tail)


def render(
    result: Result, exercise: "Exercise", view: View, *, full: bool, width: int, unicode: bool, color: bool
) -> str:
    """The screen of a result: lines of at most `width` (and 77) cells, at most 30 of them unless `full`.

    Without `unicode` the text is ASCII. `color` adds escape sequences and changes nothing else.
    """
    columns = min(width, COLUMNS)
    lines = screen(result, exercise, view, full=full, columns=columns, unicode=unicode)
    text = "".join(paint(each, columns, color) + "\n" for each in lines)
    return text if unicode else text.translate(IN_ASCII)


def screen(
    result: Result,
    exercise: "Exercise",
    view: View,
    *,
    full: bool = False,
    columns: int = COLUMNS,
    unicode: bool = True,
) -> list[Line]:
    """The lines of that screen, laid out for so many columns. Marks in them are not ASCII yet."""
    result, view, title = cleaned(result, unicode), cleaned(view, unicode), clean(exercise.title, unicode)
    passed = clean(exercise.passed, unicode)

    def on(page: Page) -> Screen:
        page = replace(page, width=columns)
        return Screen(
            head=[*header(exercise, title, page), BLANK, *status(result, page, view.line)],
            body=explanation(result, page),
            tail=tail(result, exercise, passed, view, page),
        )

    if full:
        return on(FULL).lines
    fitting = next((made for made in map(on, SCREENS) if len(made.lines) <= LINES), None)
    return fitting.lines if fitting else on(SCREENS[-1]).cut()


def tail(result: Result, exercise: "Exercise", passed: str, view: View, page: Page) -> list[Line]:
    """The score, then commands that can be pasted."""
    commands = next_steps(result, exercise, view, page)
    if result.outcome is Outcome.NOT_STARTED:
        return paragraphs(task(exercise, view, page), commands)
    if not result.passed:
        return [*score(result, page, view), *commands]
    another = prose(NOT_RECORDED, page, indent=2) if view.options else []
    return paragraphs(
        score(result, page, view),
        [*prose(reflow(passed), page, indent=2), *another, *commands],
        progress(view.progress, page) if view.progress else (),
    )
