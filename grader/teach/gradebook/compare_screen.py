"""The screen of `grade compare`."""

from collections.abc import Sequence

from grader.base.result import Outcome
from grader.show.failure import OUTCOME_NAMES
from grader.show.layout import BLANK, COLUMNS, Line, Span, align_right, bold, cells, clip, dim, line, pad, prose
from grader.show.numbers import format_change, format_points
from grader.teach.gradebook.compare import Comparison, Missing, Move, TestMove
from grader.teach.gradebook.model import Run
from grader.teach.gradebook.screen import PAGE, moment, safe

WIDE = 20  # the widest column of students, and of items
MOST = 10  # names of what only one run has


def compare_screen(comparison: Comparison, unicode: bool) -> list[Line]:
    """Who moved, what moved furthest first; what cannot be explained is said before all else."""
    lines = [BLANK, _run("before", comparison.before, unicode), _run("after", comparison.after, unicode), BLANK]
    unexplained = len(comparison.unexplained)
    if unexplained:
        lines += [
            line("  ", Span("NOT KNOWN WHY", "red"), f"   {unexplained} of them: look at these first."),
            *prose(
                "Code, tests, engine, torch and Python are the same, and the result is another. So the score is not a "
                "function of the submission: chance, or the time that a test takes, decides.",
                PAGE,
            ),
            BLANK,
        ]
    lines += _table(comparison.moved, unicode)
    lines += prose(_counts(comparison), PAGE, 2)
    lines += _only("gone", comparison.gone, unicode) + _only("new", comparison.new, unicode)
    return [*lines, BLANK]


def _run(word: str, run: Run, unicode: bool) -> Line:
    text = f"run {run.id}, {moment(run.started)}{'' if run.ended else ', not finished'}, {safe(run.engine, unicode)}"
    return line("  ", dim(f"{word:<9}"), clip(text, COLUMNS - 11))


def _table(moves: Sequence[Move], unicode: bool) -> list[Line]:
    if not moves:
        return []
    names = {move: (safe(move.student, unicode), safe(move.item, unicode)) for move in moves}
    first = min(max(cells("student"), *(cells(student) for student, _ in names.values())), WIDE)
    second = min(max(cells("item"), *(cells(item) for _, item in names.values())), WIDE)
    head = f"{'student':<{first}}  {'item':<{second}}{'before':>8}{'after':>8}{'moved':>8}   why"
    lines = [line(dim(f"  {head}"))]
    for move in moves:
        student, item = names[move]
        who = f"{pad(clip(student, first), first)}  {pad(clip(item, second), second)}"
        by = "?" if move.by is None else format_change(move.by) if move.by else "="
        why = ", ".join(move.causes) or "fault of the grader"
        row = f"  {who}{_points(move.before):>8}{_points(move.after):>8}{by:>8}   "
        lines.append(line(row, clip(why, COLUMNS - cells(row))))
        wide = max((cells(safe(test.id, unicode)) for test in move.tests), default=0)
        lines += [_test(test, wide, unicode) for test in move.tests]
    return [*lines, BLANK]


def _test(test: TestMove, wide: int, unicode: bool) -> Line:
    """One test: how it ended, and its points. Names have a column of `wide` cells where there is room for it."""
    change = f"{_points(test.points_before)} -> {_points(test.points_after)}"
    words = f"{_word(test.before, test.points_before)} -> {_word(test.after, test.points_after)}"
    if test.before is None and test.after is None:
        words = ""
    room = min(wide, COLUMNS - 12 - cells(words) - cells(change))
    left = f"    {pad(clip(safe(test.id, unicode), room), room)}   "
    return line(dim(left), words, align_right(change, COLUMNS - cells(left) - cells(words)))


def _word(outcome: Outcome | None, value: float | None) -> str:
    return OUTCOME_NAMES[outcome] if outcome else "not there" if value is None else ""


def _points(value: float | None) -> str:
    return "-" if value is None else format_points(value)


def _counts(comparison: Comparison) -> str:
    moved = len(comparison.moved)
    if not moved:
        return f"Nothing moved; {comparison.same} grades are the same."
    known = [move.by for move in comparison.moved if move.by is not None]
    up, down = sum(by > 0 for by in known), sum(by < 0 for by in known)
    parts = [f"{up} up", f"{down} down", f"{len(known) - up - down} in their tests only"]
    if len(known) < moved:
        parts.append(f"{moved - len(known)} without a result in one of the runs")
    return f"{moved} of {moved + comparison.same} grades moved: {', '.join(parts)}."


def _only(word: str, missing: Sequence[Missing], unicode: bool) -> list[Line]:
    if not missing:
        return []
    names = ", ".join(f"{safe(each.student, unicode)}/{each.item}" for each in missing[:MOST])
    more = f" and {len(missing) - MOST} more" if len(missing) > MOST else ""
    run = "first" if word == "gone" else "second"
    return [BLANK, line("  ", bold(f"Only in the {run} run")), *prose(names + more, PAGE)]
