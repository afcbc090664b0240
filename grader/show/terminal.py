"""A result on a terminal: what happened, the first failing fact, its cause, and what to do next.

Pure: a `Result` comes in, text goes out. Of `SCREENS`, which show less and less (of one test alone `DEPTHS`), the first
is taken that the terminal has room for. What is wrong and why stands in all of them; where not even the last has room,
it scrolls.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from grader.base.result import Outcome, Result
from grader.show.context import RunContext
from grader.show.explanation import explanation_lines
from grader.show.layout import (
    BLANK,
    COLUMNS,
    MANY,
    Line,
    Page,
    display_struct,
    display_text,
    join_blocks,
    paint,
    prose,
    reflow,
    width,
)
from grader.show.score import score_lines
from grader.show.standing import header_lines, progress_lines
from grader.show.status import status_lines
from grader.show.steps import next_steps
from grader.show.symbols import IN_ASCII
from grader.show.task import task_lines

if TYPE_CHECKING:
    from grader.course import Exercise

NOT_RECORDED = "This is not your own file, so it is not recorded as progress."
STREAM = Page(width=COLUMNS, whole=True)
FULL = Page(width=COLUMNS, rows=3, full=True, every=True)
DEEP = Page(width=COLUMNS, full=True)
DEPTHS = (
    DEEP,
    Page(width=COLUMNS, full=True, rows=20, text=16, context=2, callers=6, locals=4, output=8),
    Page(width=COLUMNS, full=True, rows=8, text=8, context=2, callers=3, locals=2, output=4),
    Page(width=COLUMNS, full=True, rows=4, text=8, context=2, callers=1, locals=1, output=2),
    Page(width=COLUMNS, rows=4, text=8, context=2, callers=1, locals=2, output=2, roomy=False),
    Page(width=COLUMNS, rows=4, text=8, context=1, callers=1, locals=1, output=2, roomy=False),
    Page(width=COLUMNS, rows=4, text=8, context=2, callers=1, locals=2, output=2, roomy=False, tight=1),
    Page(width=COLUMNS, rows=2, text=8, context=1, callers=1, locals=1, output=2, roomy=False, tight=1),
    Page(width=COLUMNS, rows=1, text=8, context=1, callers=0, locals=1, output=1, roomy=False, tight=1),
    Page(width=COLUMNS, rows=1, text=8, context=0, callers=0, locals=0, output=1, roomy=False, tight=1),
)
DOCUMENT = Page(width=COLUMNS, rows=8, text=8, context=2, callers=3, locals=2, output=4)
SCREENS = (  # tests that did not fail give way first, then numbers, then code; what the cause is never does
    Page(width=COLUMNS, fold=1, rows=20, text=16, context=2, callers=6, locals=4, output=8),
    Page(width=COLUMNS, fold=1, rows=8, text=8, context=2, callers=3, locals=2, output=4),
    Page(width=COLUMNS, fold=2, rows=8, text=8, context=2, callers=3, locals=2, output=4),
    Page(width=COLUMNS, fold=3, rows=8, text=8, context=2, callers=3, locals=2, output=4),
    Page(width=COLUMNS, fold=3, rows=8, text=8, context=2, callers=3, locals=2, output=4, roomy=False),
    Page(width=COLUMNS, fold=3, rows=6, text=8, context=2, callers=2, locals=2, output=3, roomy=False),
    Page(width=COLUMNS, fold=3, rows=4, text=8, context=1, callers=1, locals=1, output=2, roomy=False),
    Page(width=COLUMNS, fold=3, rows=2, text=8, context=1, callers=1, locals=1, output=2, roomy=False),
    Page(width=COLUMNS, fold=3, rows=4, text=8, context=2, callers=1, locals=2, output=2, roomy=False, tight=1),
    Page(width=COLUMNS, fold=3, rows=2, text=8, context=1, callers=1, locals=1, output=2, roomy=False, tight=1),
    Page(width=COLUMNS, fold=3, rows=1, text=8, context=1, callers=0, locals=1, output=1, roomy=False, tight=1),
    Page(width=COLUMNS, fold=3, rows=1, text=8, context=0, callers=0, locals=0, output=1, roomy=False, tight=1),
    Page(width=COLUMNS, fold=3, rows=1, text=8, context=1, callers=0, locals=0, output=1, roomy=False, tight=2),
    Page(width=COLUMNS, fold=3, rows=1, text=8, context=0, callers=0, locals=0, output=1, roomy=False, tight=2),
)


def render(
    result: Result,
    exercise: "Exercise",
    view: RunContext,
    *,
    full: bool = False,
    only: str | None = None,
    width: int,
    height: int | None = None,
    unicode: bool,
    color: bool,
) -> str:
    """The screen of a result: lines of at most `width` (and 77) cells, but for commands, which are never cut.

    With `height`, what is not the cause gives way until the screen has no more lines than that, if it can. Without,
    nothing is cut, not even a line at its end. `full` explains all failing tests, `only` the one of this id in depth.
    Without `unicode` the text is ASCII. `color` adds escape sequences and changes nothing else.
    """
    columns = min(width, COLUMNS)
    lines = screen_lines(result, exercise, view, full=full, only=only, columns=columns, height=height, unicode=unicode)
    room = MANY if height is None else columns
    text = "".join(paint(each, room, color) + "\n" for each in lines)
    return text if unicode else text.translate(IN_ASCII)


def screen_lines(
    result: Result,
    exercise: "Exercise",
    view: RunContext,
    *,
    full: bool = False,
    only: str | None = None,
    columns: int = COLUMNS,
    height: int | None = None,
    unicode: bool = True,
) -> list[Line]:
    """The lines of that screen, laid out for so many columns. Marks in them are not ASCII yet."""
    result, view, title = (
        display_struct(result, unicode),
        display_struct(view, unicode),
        display_text(exercise.title, unicode),
    )
    passed = display_text(exercise.passed, unicode)

    def on(page: Page) -> list[Line]:
        page = replace(page, width=columns, only=only, whole=height is None)
        return join_blocks(
            [*header_lines(exercise, title, page), BLANK, *status_lines(result, page, view.line)],
            explanation_lines(result, page),
            ending_lines(result, exercise, passed, view, page),
        )

    if height is None:
        return on(FULL if full else STREAM if only is None else DEEP)
    pages = (FULL,) if full else SCREENS if only is None else DEPTHS
    return next((made for made in map(on, pages) if _rows(made, columns) <= height), None) or on(pages[-1])


def _rows(lines: Sequence[Line], columns: int) -> int:
    """How many rows of a terminal they take: a command that is wider than it goes on in the next."""
    return sum(max(-(-width(each) // columns), 1) for each in lines)


def ending_lines(result: Result, exercise: "Exercise", passed: str, view: RunContext, page: Page) -> list[Line]:
    """The score, then commands that can be pasted."""
    commands = next_steps(result, exercise, view, page)
    if result.outcome is Outcome.NOT_STARTED:
        return join_blocks(task_lines(exercise, view, page), commands)
    if not result.passed:
        return [*score_lines(result, page, view), *commands]
    another = prose(NOT_RECORDED, page, indent=2) if view.options else []
    whole = prose(reflow(passed), page, indent=2) if result.hidden_tests else []
    return join_blocks(
        score_lines(result, page, view),
        [*whole, *another, *commands],
        progress_lines(view.progress, page) if view.progress else (),
    )
