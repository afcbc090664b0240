"""What to do next: commands that can be pasted."""

from typing import TYPE_CHECKING

from grader.report.layout import Line, Page, cells, dim, line, pad
from grader.report.view import View
from grader.result import Outcome, Result

if TYPE_CHECKING:
    from grader.course import Exercise


def next_steps(result: Result, exercise: "Exercise", view: View, page: Page) -> list[Line]:
    """What to do next, one command a line. Where there is no room for its remark, it is the remark that goes."""
    steps = _steps(result, exercise, view, page)
    words = max((len(word) for word, _, _ in steps), default=0) + 3
    wide = max((cells(command) for _, command, _ in steps), default=0) + 3
    lines = []
    for word, command, remark in steps:
        room = page.width - 2 - words - wide
        remark = remark if cells(remark) <= room else ""
        lines.append(line("  ", dim(pad(word, words)), pad(command, wide), dim(remark)))
    return lines


def _steps(result: Result, exercise: "Exercise", view: View, page: Page) -> list[tuple[str, str, str]]:
    """A word, a command and a remark each."""
    grade, name = view.command, exercise.id
    again = view.cell or f"{grade} exercise {name}{view.options}"
    failing = result.telling
    steps = []
    if result.passed:
        if not (view.options or view.cell):  # a pass of another file is not the student's own
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
    first = failing[0].failure if failing else None
    if result.outcome is Outcome.GRADED and any(t.failure and t.failure.reproduction for t in failing):
        if view.cell:
            steps.append(("try", f"{grade} shell {name} --print", "this input, to paste into a cell"))
        else:
            steps.append(("try", f"{grade} shell {name}", "this input, in a Python prompt"))
    if first and first.samples:
        steps.append(("slower", f"{again} --timeout {first.samples.limit * 5:g}", "if this machine is slow"))
    if not page.full and len(failing) > 1:
        more = len(failing) - 1
        steps.append(("full", f"{again} --full", f"{more} more failure{'' if more == 1 else 's'}"))
    if view.statement and result.outcome in (Outcome.GRADED, Outcome.NOT_STARTED):
        steps.append(("read", view.statement, "the statement"))
    if result.outcome is not Outcome.GRADED:
        steps.append(("grade", again, "" if view.cell else "after you have saved"))
    return steps
