"""What to do next: commands that can be pasted."""

import shlex
from typing import TYPE_CHECKING

from grader.base.result import Failure, Outcome, Result, Samples
from grader.show.layout import Line, Page, Span, cells, dim, line, pad
from grader.show.view import View

if TYPE_CHECKING:
    from grader.course import Exercise


COLUMN = 44  # cells of a command that remarks are lined up behind


def next_steps(result: Result, exercise: "Exercise", view: View, page: Page) -> list[Line]:
    """What to do next, one command a line. Where there is no room for its remark, it is the remark that goes."""
    steps = _steps(result, exercise, view, page)
    words = max((len(word) for word, _, _ in steps), default=0) + 3
    wide = max((cells(command) for _, command, _ in steps if cells(command) <= COLUMN), default=0) + 3
    lines = []
    for word, command, remark in steps:
        command = pad(command, max(wide, cells(command) + 3))
        room = page.width - 2 - words - cells(command)
        remark = remark if page.whole or cells(remark) <= room else ""
        lines.append(line("  ", dim(pad(word, words)), Span(command, "command"), dim(remark)))
    return lines


def _steps(result: Result, exercise: "Exercise", view: View, page: Page) -> list[tuple[str, str, str]]:
    """A word, a command and a remark each."""
    grade, name = view.command, exercise.id
    again = view.cell or f"{grade} exercise {name}{view.options}"
    failing = result.relevant_failures
    steps = []
    if result.passed:
        if result.hidden_tests and not (view.options or view.cell):  # a pass of another file is not the student's own
            steps.append(("compare", f"{grade} diff {name}", "yours next to the reference"))
        if view.next:
            steps.append(("next", f"{grade} {view.next.command}", view.next.remark))
        return steps
    if result.outcome is Outcome.ERROR:
        return [("check", f"{grade} check {name}", "tests the exercise on its own solution")]
    if result.blocked_by is not None:
        needed = f"{grade} exercise {result.blocked_by}"
        return [("first", needed, "what this builds on"), ("then", again, "")]
    if result.outcome in (Outcome.GRADED, Outcome.NOT_STARTED) and view.hints_total:
        hint = min(view.hints_shown + 1, view.hints_total)
        steps.append(("hint", f"{grade} hint {name}", f"{hint} of {view.hints_total}"))
    test = result.main_failure
    first = test.failure if test else None
    if result.outcome is Outcome.GRADED and any(t.failure and t.failure.reproduction for t in failing):
        if view.cell:
            steps.append(("try", f"{grade} shell {name} --print", "this input, to paste into a cell"))
        else:
            steps.append(("try", f"{grade} shell {name}", "this input, in a Python prompt"))
    if first and first.samples and _moved(first.samples):
        steps.append(("slower", f"{again} --timeout {first.samples.limit * 5:g}", "if it would have come to an end"))
    if test and first and result.outcome is Outcome.GRADED and _deeper(first, page):
        steps.append(("more", f"{again} {shlex.quote(test.name)}", "this test in depth"))
    if not page.every and len(failing) > 1:
        more = len(failing) - 1
        steps.append(("full", f"{again} --full", f"{more} more failure{'' if more == 1 else 's'}"))
    if view.statement and not page.tight and result.outcome in (Outcome.GRADED, Outcome.NOT_STARTED):
        steps.append(("read", view.statement, "the statement"))
    if result.outcome is not Outcome.GRADED:
        steps.append(("grade", again, "" if view.cell else "after you have saved"))
    return steps


def _moved(samples: Samples) -> bool:
    """Whether anything but tensors changed from sample to sample: where nothing did, more time does not help."""
    return samples.frame is not None and any(local.value.shape is None for local in samples.frame.locals)


def _deeper(failure: Failure, page: Page) -> bool:
    """Whether there is more to see of a failure than the page has."""
    rows = len(failure.comparison.rows) if failure.comparison else 0
    return not (page.full or page.tight) and (rows > page.rows + 1 or bool(failure.exception or failure.samples))
