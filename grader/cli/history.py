"""grade history: the student's tries."""

from datetime import datetime, timedelta
from itertools import pairwise

import click

from grader.cli.names import ExerciseName, named
from grader.cli.screen import COLUMNS, bold, columns, course_root, dim, number, prose, say, step
from grader.course import Course, Exercise, load_course
from grader.course.progress import Graded, Progress
from grader.show.marks import FAILED, PASSED, PUBLIC
from grader.study.reader.order import in_order, steps


@click.command("history")
@click.argument("exercise_id", metavar="[ID]", type=ExerciseName(), required=False)
def command(exercise_id: str | None) -> None:
    """Your tries: of every exercise how many, and the points; with ID, each with its date and what changed."""
    root = course_root()
    progress = Progress.load(root)
    if exercise_id is None:
        course = load_course(root)
        _all(in_order(course, steps(course)), progress)
    else:
        _one(named(root, exercise_id), progress)


def _all(course: Course, progress: Progress) -> None:
    tried = [(exercise, tries) for exercise in course.exercises if (tries := progress.attempts(exercise.id))]
    if not tried:
        say("", "  Nothing has been graded yet.", "", step("begin", "grade next"))
        return
    wide = max(len(exercise.id) for exercise, _ in tried)
    say("", f"  {bold('history')}   {_days([each.time for _, tries in tried for each in tries])}", "")
    for exercise, tries in tried:
        best = max(tries, key=lambda each: each.score / (each.max_score or 1))
        points = f"{number(best.score)}/{number(best.max_score)}"
        count = f"{len(tries)} tr{'y' if len(tries) == 1 else 'ies'}"
        say(f"    {_mark(tries)} {exercise.id:<{wide}}   {points:>7}   {count:>8}   {dim(_date(tries[-1].time))}")
    say("", step("more", f"grade history {tried[-1][0].id}", "each try"))


def _one(exercise: Exercise, progress: Progress) -> None:
    tries = progress.attempts(exercise.id)
    say("", f"  {bold(exercise.id)}   {exercise.title}", "")
    if not tries:
        say("  It has not been graded yet.", "")
    before = [None, *tries]
    for place, (last, this) in enumerate(pairwise(before), start=1):
        assert this is not None
        alike = last is not None and last.max_score == this.max_score  # the course has not changed its points
        gained = f"{this.score - last.score:+.10g}" if last and alike and last.score != this.score else ""
        points = f"{number(this.score)}/{number(this.max_score)}"
        head = f"  {place:>3}   {_mark([this])} {_date(this.time)}   {points:>7} {gained:>5}"
        if columns() < COLUMNS:  # what changed stands below
            say(head, *map(dim, prose(_changed(last, this), indent=10)))
            continue
        first, *rest = prose(_changed(last, this), indent=len(click.unstyle(head)) + 3) or [""]
        say(head + "   " + dim(first.strip()), *map(dim, rest))
    say("", step("grade", f"grade exercise {exercise.id}"))


def _changed(last: Graded | None, this: Graded) -> str:
    """What a try changed: the tests that pass now and did not before, and the other way round."""
    if last is None or last.tests is None or this.tests is None:
        return ""
    if last.sha256 == this.sha256:
        return "the same file"
    more = [name for name in this.tests if name not in last.tests]
    fewer = [name for name in last.tests if name not in this.tests]
    said = [f"{word} {', '.join(names)}" for word, names in (("passes", more), ("fails", fewer)) if names]
    return "; ".join(said) or "the same tests pass"


def _days(times: list[datetime]) -> str:
    """On how many days, and for how many without a gap up to the last one."""
    days = sorted({time.astimezone().date() for time in times}, reverse=True)
    streak = next((n for n, day in enumerate(days) if day != days[0] - timedelta(days=n)), len(days))
    words = f"{len(times)} tr{'y' if len(times) == 1 else 'ies'} on {len(days)} day{'' if len(days) == 1 else 's'}"
    return f"{words}, the last {streak} in a row" if streak > 1 else words


def _mark(tries: list[Graded]) -> str:
    if any(each.passed for each in tries):
        return click.style(PASSED, fg="green")
    public = any(each.public for each in tries)
    return click.style(PUBLIC, fg="green") if public else click.style(FAILED, fg="red")


def _date(time: datetime) -> str:
    """In the time of where one is: `2026-11-28 15:51`."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"
