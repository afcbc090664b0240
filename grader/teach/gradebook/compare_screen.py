"""The screen of `grade compare`."""

from collections.abc import Sequence

from grader.base.result import Outcome
from grader.show.failure import OUTCOME_NAMES
from grader.show.layout import BLANK, COLUMNS, Line, Span, align_right, bold, cells, clip, dim, line, pad, prose
from grader.show.numbers import format_points
from grader.teach.gradebook.compare import (
    MissingEntry,
    RunComparison,
    ScoreChange,
    TestChange,
)
from grader.teach.gradebook.model import BatchRun
from grader.teach.gradebook.screen import PAGE, format_date, safe_line

MAX_WIDTH = 20  # of the columns of students and items
MAX_NAMES = 10  # of grades that only one run has


def compare_screen(comparison: RunComparison, unicode: bool) -> list[Line]:
    """Return the lines: unexplained changes first, then all changed scores, the largest change first."""
    lines = [BLANK, _run("before", comparison.before, unicode), _run("after", comparison.after, unicode), BLANK]
    unexplained = len(comparison.unexplained)
    if unexplained:
        lines += [
            line("  ", Span("UNEXPLAINED", "red"), f"   {unexplained} of them: look at these first."),
            *prose(
                "Code, tests, engine, torch and Python are the same, but the result differs. So the score is not a "
                "function of the submission: it depends on chance, or on the time that a test takes.",
                PAGE,
            ),
            BLANK,
        ]
    lines += _table(comparison.moved, unicode)
    lines += prose(_counts(comparison), PAGE, 2)
    lines += _only("gone", comparison.gone, unicode) + _only("new", comparison.new, unicode)
    return [*lines, BLANK]


def _run(word: str, run: BatchRun, unicode: bool) -> Line:
    state = "" if run.ended else ", not finished"
    text = f"run {run.id}, {format_date(run.started)}{state}, {safe_line(run.engine, unicode)}"
    return line("  ", dim(f"{word:<9}"), clip(text, COLUMNS - 11))


def _table(moves: Sequence[ScoreChange], unicode: bool) -> list[Line]:
    if not moves:
        return []
    names = {move: (safe_line(move.student, unicode), safe_line(move.item, unicode)) for move in moves}
    first = min(max(cells("student"), *(cells(student) for student, _ in names.values())), MAX_WIDTH)
    second = min(max(cells("item"), *(cells(item) for _, item in names.values())), MAX_WIDTH)
    head = f"{'student':<{first}}  {'item':<{second}}{'before':>8}{'after':>8}{'moved':>8}   why"
    lines = [line(dim(f"  {head}"))]
    for move in moves:
        student, item = names[move]
        who = f"{pad(clip(student, first), first)}  {pad(clip(item, second), second)}"
        by = _difference(move)
        why = ", ".join(move.causes) or "fault of the grader"
        row = f"  {who}{_points(move.before):>8}{_points(move.after):>8}{by:>8}   "
        lines.append(line(row, clip(why, COLUMNS - cells(row))))
        wide = max((cells(safe_line(test.id, unicode)) for test in move.tests), default=0)
        lines += [_test(test, wide, unicode) for test in move.tests]
    return [*lines, BLANK]


def _difference(change: ScoreChange) -> str:
    if change.difference is None:
        return "?"
    return f"{round(change.difference, 3):+.10g}" if change.difference else "="


def _test(test: TestChange, wide: int, unicode: bool) -> Line:
    """Return the line of a test: its outcomes and points. Names have `wide` cells, or fewer if space is short."""
    change = f"{_points(test.points_before)} -> {_points(test.points_after)}"
    words = f"{_word(test.before, test.points_before)} -> {_word(test.after, test.points_after)}"
    if test.before is None and test.after is None:
        words = ""
    room = min(wide, COLUMNS - 12 - cells(words) - cells(change))
    left = f"    {pad(clip(safe_line(test.id, unicode), room), room)}   "
    return line(dim(left), words, align_right(change, COLUMNS - cells(left) - cells(words)))


def _word(outcome: Outcome | None, value: float | None) -> str:
    return OUTCOME_NAMES[outcome] if outcome else "not there" if value is None else ""


def _points(value: float | None) -> str:
    return "-" if value is None else format_points(value)


def _counts(comparison: RunComparison) -> str:
    moved = len(comparison.moved)
    if not moved:
        return f"Nothing changed; {comparison.same} grades are the same."
    known = [change.difference for change in comparison.moved if change.difference is not None]
    up, down = sum(by > 0 for by in known), sum(by < 0 for by in known)
    parts = [f"{up} up", f"{down} down", f"{len(known) - up - down} in their tests only"]
    if len(known) < moved:
        parts.append(f"{moved - len(known)} without a result in one of the runs")
    return f"{moved} of {moved + comparison.same} grades moved: {', '.join(parts)}."


def _only(word: str, missing: Sequence[MissingEntry], unicode: bool) -> list[Line]:
    if not missing:
        return []
    names = ", ".join(f"{safe_line(each.student, unicode)}/{each.item}" for each in missing[:MAX_NAMES])
    more = f" and {len(missing) - MAX_NAMES} more" if len(missing) > MAX_NAMES else ""
    run = "first" if word == "gone" else "second"
    return [BLANK, line("  ", bold(f"Only in the {run} run")), *prose(names + more, PAGE)]
