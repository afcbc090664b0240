"""A result on a terminal: what happened, the first failure, its cause, and what to do next.

Pure: a `Result` comes in, text goes out. With a height, the first page of `PAGES` (or of `PAGES_OF_ONE_TEST`) that fits
is chosen. All of them show what is wrong and why; if not even the last one fits, the terminal scrolls.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from grader.base.result import Outcome, Result
from grader.show.context import CourseProgress, RunContext
from grader.show.explanation import explanation_lines
from grader.show.layout import (
    COLUMNS,
    MANY,
    Line,
    Page,
    align_right,
    bold,
    cells,
    clip,
    cut,
    dim,
    display_struct,
    display_text,
    fits,
    flow,
    join_blocks,
    line,
    paint,
    prose,
    reflow,
    width,
)
from grader.show.score import score_lines
from grader.show.status import status_lines
from grader.show.steps import next_steps
from grader.show.symbols import in_ascii
from grader.show.task import task_lines

if TYPE_CHECKING:
    from grader.course import Exercise

NOT_RECORDED = "This is not your own file, so it is not recorded as progress."


def _shrinking(page: Page, *steps: dict[str, Any]) -> tuple[Page, ...]:
    """Return the page, and after each step a smaller one: the page before with these fields changed."""
    pages = [page]
    for changes in steps:
        pages.append(replace(pages[-1], **changes))
    return tuple(pages)


FULL = Page(width=COLUMNS, rows=3, full=True, every=True)
DOCUMENT = Page(width=COLUMNS, rows=8, text=8, context=2, callers=3, locals=2, output=4)
ONE_TEST = Page(width=COLUMNS, full=True)
LARGE = Page(width=COLUMNS, rows=20, text=16, context=2, callers=6, locals=4, output=8)

# Tests that did not fail are left out first, then numbers, then code; the cause never is.
PAGES = _shrinking(
    replace(LARGE, fold=1),
    {"rows": 8, "text": 8, "callers": 3, "locals": 2, "output": 4},
    {"fold": 2},
    {"fold": 3},
    {"roomy": False},
    {"rows": 6, "callers": 2, "output": 3},
    {"rows": 4, "context": 1, "callers": 1, "locals": 1, "output": 2},
    {"rows": 2},
    {"rows": 4, "context": 2, "locals": 2, "tight": 1},
    {"rows": 2, "context": 1, "locals": 1},
    {"rows": 1, "callers": 0, "output": 1},
    {"context": 0, "locals": 0},
    {"context": 1, "tight": 2},
    {"context": 0},
)
PAGES_OF_ONE_TEST = (
    ONE_TEST,
    *_shrinking(
        replace(LARGE, full=True),
        {"rows": 8, "text": 8, "callers": 3, "locals": 2, "output": 4},
        {"rows": 4, "callers": 1, "locals": 1, "output": 2},
        {"full": False, "locals": 2, "roomy": False},
        {"context": 1, "locals": 1},
        {"context": 2, "locals": 2, "tight": 1},
        {"rows": 2, "context": 1, "locals": 1},
        {"rows": 1, "callers": 0, "output": 1},
        {"context": 0, "locals": 0},
    ),
)


def render(
    result: Result,
    exercise: "Exercise",
    run: RunContext,
    *,
    full: bool = False,
    only: str | None = None,
    width: int,
    height: int | None = None,
    unicode: bool,
    color: bool,
) -> str:
    """Return the screen of a result: lines of at most `width` (and 77) cells, except commands, which are never cut.

    With `height`, details are left out until the screen fits, as far as possible. Without, fewer are, and no line is
    cut at its end. `full` explains all failing tests, `only` the one with this id in depth. Without `unicode` it is
    ASCII. `color` adds escape sequences and changes nothing else.
    """
    columns = min(width, COLUMNS)
    lines = screen_lines(result, exercise, run, full=full, only=only, columns=columns, height=height, unicode=unicode)
    room = MANY if height is None else columns
    text = "".join(paint(each, room, color) + "\n" for each in lines)
    return text if unicode else in_ascii(text)


def screen_lines(
    result: Result,
    exercise: "Exercise",
    run: RunContext,
    *,
    full: bool = False,
    only: str | None = None,
    columns: int = COLUMNS,
    height: int | None = None,
    unicode: bool = True,
) -> list[Line]:
    """Return the lines of the screen, laid out for `columns`. Marks are not translated to ASCII yet."""
    result, run, title = (
        display_struct(result, unicode),
        display_struct(run, unicode),
        display_text(exercise.title, unicode),
    )
    passed = display_text(exercise.passed, unicode)

    def on(page: Page) -> list[Line]:
        page = replace(page, width=columns, only=only, whole=height is None)
        return join_blocks(
            header_lines(exercise, title, page),
            repair_lines(result, run, page),
            status_lines(result, page, run.line),
            explanation_lines(result, page),
            ending_lines(result, exercise, passed, run, page),
        )

    if height is None:
        return on(FULL if full else DOCUMENT if only is None else ONE_TEST)
    pages = (FULL,) if full else PAGES if only is None else PAGES_OF_ONE_TEST
    return next((made for made in map(on, pages) if _rows(made, columns) <= height), None) or on(pages[-1])


def _rows(lines: Sequence[Line], columns: int) -> int:
    """Return how many terminal rows the lines take; a command wider than the terminal continues on the next row."""
    return sum(max(-(-width(each) // columns), 1) for each in lines)


def header_lines(exercise: "Exercise", title: str, page: Page) -> list[Line]:
    """Return the exercise and its place in the course."""
    where = f"lesson {exercise.lesson}, level {exercise.level}"
    left = 2 + cells(exercise.id) + 3
    room = page.width - left - 2 - len(where)
    if room < 16 or (page.whole and not fits(title, room)):
        return [line("  ", bold(exercise.id), "   ", dim(where)), *prose(title, page, indent=2)]
    title = cut(title, room, page)
    return [line("  ", bold(exercise.id), "   ", title, dim(align_right(where, page.width - left - cells(title))))]


def repair_lines(result: Result, run: RunContext, page: Page) -> list[Line]:
    """Return whether the cause that was named last time was the right one, and which test comes next."""
    if not run.repaired or page.only:
        return []
    verb = "passes" if len(run.repaired) == 1 else "pass"
    following = f" Next: {result.main_failure.name}." if result.main_failure else ""
    return prose(f"That was it: {' and '.join(run.repaired)} {verb} now.{following}", page, indent=2)


def progress_lines(done: CourseProgress, page: Page) -> list[Line]:
    """Return a progress bar of the lesson and the count of the course."""
    name, count = clip(done.lesson, 16), f"{done.lesson_done} of {done.lesson_total}"
    size = max(min(20, page.width - 2 - cells(name) - 6 - len(count)), 0)
    filled = round(size * done.lesson_done / max(done.lesson_total, 1))
    course = line(dim("course"), f"  {done.course_done} of {done.course_total}")
    lesson = line(name, "   ", "█" * filled, dim("░" * (size - filled)), f"   {count}")
    return [line("  ", each) for each in flow([lesson, course], page.width - 2, gap="        ")]


def ending_lines(result: Result, exercise: "Exercise", passed: str, run: RunContext, page: Page) -> list[Line]:
    """Return the score, then commands to paste."""
    commands = next_steps(result, exercise, run, page)
    if result.outcome is Outcome.NOT_STARTED:
        return join_blocks(task_lines(exercise, run, page), commands)
    if not result.passed:
        return [*score_lines(result, page, run), *commands]
    another = prose(NOT_RECORDED, page, indent=2) if run.options else []
    whole = prose(reflow(passed), page, indent=2) if result.hidden_tests else []
    return join_blocks(
        score_lines(result, page, run),
        [*whole, *another, *commands],
        progress_lines(run.progress, page) if run.progress else (),
    )
