"""The last lines of a screen: what to do next, as commands to paste."""

import shlex
from typing import TYPE_CHECKING, NamedTuple

from grader.base.result import Failure, Outcome, Result, Samples
from grader.show.context import RunContext
from grader.show.layout import Line, Page, Span, cells, dim, line, pad

if TYPE_CHECKING:
    from grader.course import Exercise


COLUMN = 44  # remarks are aligned after commands of at most this many cells


class Suggestion(NamedTuple):
    """A command to paste, after a word for it and before a remark."""

    word: str
    command: str
    remark: str = ""


def next_steps(result: Result, exercise: "Exercise", run: RunContext, page: Page) -> list[Line]:
    """Return what to do next, one command per line, below its word if there is no room beside it.

    A remark that does not fit is left out.
    """
    steps = _steps(result, exercise.id, run, page)
    words = max((len(step.word) for step in steps), default=0) + 3
    wide = max((cells(step.command) for step in steps if cells(step.command) <= COLUMN), default=0) + 3
    lines = []
    for step in steps:
        if not page.whole and 2 + words + cells(step.command) > page.width >= 4 + cells(step.command):
            lines += [line("  ", dim(step.word)), line("    ", Span(step.command, "command"))]
            continue
        command = pad(step.command, max(wide, cells(step.command) + 3))
        room = page.width - 2 - words - cells(command)
        remark = step.remark if page.whole or cells(step.remark) <= room else ""
        lines.append(line("  ", dim(pad(step.word, words)), Span(command, "command"), dim(remark)))
    return lines


def _steps(result: Result, exercise: str, run: RunContext, page: Page) -> list[Suggestion]:
    again = run.cell or f"{run.command} exercise {exercise}{run.options}"
    if result.passed:
        return _after_pass(result, exercise, run)
    if result.outcome is Outcome.ERROR:
        return [Suggestion("check", f"{run.command} check {exercise}", "tests the exercise on its own solution")]
    if result.blocked_by is not None:
        needed = f"{run.command} exercise {result.blocked_by}"
        return [Suggestion("first", needed, "what this builds on"), Suggestion("then", again)]
    graded = result.outcome is Outcome.GRADED
    steps = _hint(exercise, run) if graded or result.outcome is Outcome.NOT_STARTED else []
    if graded:
        steps += _try_failing_call(result, exercise, run)
    steps += _look_closer(result, again, page)
    if run.statement and not page.tight and (graded or result.outcome is Outcome.NOT_STARTED):
        steps.append(Suggestion("read", run.statement, "the statement"))
    if not graded:
        steps.append(Suggestion("grade", again, "" if run.cell else "after you have saved"))
    return steps


def _after_pass(result: Result, exercise: str, run: RunContext) -> list[Suggestion]:
    steps = []
    if result.hidden_tests and not (run.options or run.cell):  # a pass of another file is not the student's own
        steps.append(Suggestion("compare", f"{run.command} diff {exercise}", "yours next to the reference"))
    if run.next:
        steps.append(Suggestion("next", f"{run.command} {run.next.command}", run.next.remark))
    return steps


def _hint(exercise: str, run: RunContext) -> list[Suggestion]:
    if not run.hints_total:
        return []
    hint = min(run.hints_shown + 1, run.hints_total)
    return [Suggestion("hint", f"{run.command} hint {exercise}", f"{hint} of {run.hints_total}")]


def _try_failing_call(result: Result, exercise: str, run: RunContext) -> list[Suggestion]:
    if not any(test.failure and test.failure.reproduction for test in result.relevant_failures):
        return []
    if run.cell:
        return [Suggestion("try", f"{run.command} shell {exercise} --print", "this input, to paste into a cell")]
    return [Suggestion("try", f"{run.command} shell {exercise}", "this input, in a Python prompt")]


def _look_closer(result: Result, again: str, page: Page) -> list[Suggestion]:
    """Return commands that run the tests again with more time or show more of them."""
    steps = []
    test = result.main_failure
    failure = test.failure if test else None
    if failure and failure.samples and _moved(failure.samples):
        limit = 5 * failure.samples.limit
        steps.append(Suggestion("slower", f"{again} --timeout {limit:g}", "in case it only needs more time"))
    if test and failure and result.outcome is Outcome.GRADED and _has_more(failure, page):
        steps.append(Suggestion("more", f"{again} {shlex.quote(test.name)}", "this test in depth"))
    more = len(result.relevant_failures) - 1
    if not page.every and more > 0:
        steps.append(Suggestion("full", f"{again} --full", f"{more} more failure{'' if more == 1 else 's'}"))
    return steps


def _moved(samples: Samples) -> bool:
    """Return whether any value but tensors changed between samples; otherwise more time does not help."""
    return samples.frame is not None and any(local.value.shape is None for local in samples.frame.locals)


def _has_more(failure: Failure, page: Page) -> bool:
    """Return whether a failure has more to show than the page does."""
    rows = len(failure.comparison.rows) if failure.comparison else 0
    return not (page.full or page.tight) and (rows > page.rows + 1 or bool(failure.exception or failure.samples))
