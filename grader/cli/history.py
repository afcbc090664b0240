"""grade history: show the student's attempts."""

from datetime import datetime, timedelta
from itertools import pairwise

import click

from grader.cli.names import ExerciseName, find_exercise
from grader.cli.screen import COLUMNS, as_many_as_fit, columns, course_root, dim, heading, prose, say, step
from grader.course import Course, Exercise, load_course
from grader.course.progress import Graded, Progress
from grader.show.numbers import format_points
from grader.show.symbols import FAILED, PASSED, PUBLIC
from grader.study.reader.order import in_order, steps

MIN_WIDTH_OF_YEARS = 43  # of a screen with the years of all dates


@click.command("history")
@click.argument("exercise_id", metavar="[ID]", type=ExerciseName(), required=False)
def command(exercise_id: str | None) -> None:
    """Show your attempts and points for each exercise; with ID, each attempt and what it changed."""
    root = course_root()
    progress = Progress.load(root)
    if exercise_id is None:
        course = load_course(root)
        _show_course(in_order(course, steps(course)), progress)
    else:
        _show_exercise(find_exercise(root, exercise_id), progress)


def _show_course(course: Course, progress: Progress) -> None:
    tried = [(exercise, tries) for exercise in course.exercises if (tries := progress.attempts(exercise.id))]
    if not tried:
        say("", "  Nothing has been graded yet.", "", step("begin", "grade next"))
        return
    width = max(len(exercise.id) for exercise, _ in tried)
    say("", *heading("history", _days([each.time for _, tries in tried for each in tries])), "")
    for exercise, tries in tried:
        best = max(tries, key=lambda each: each.score / (each.max_score or 1))
        points = f"{format_points(best.score)}/{format_points(best.max_score)}"
        count, date = _attempts(len(tries)), dim(_date(tries[-1].time))
        say(as_many_as_fit(f"    {_mark(tries)} {exercise.id:<{width}}", f"{points:>7}", f"{count:>11}", date))
    say("", step("more", f"grade history {tried[-1][0].id}", "each attempt"))


def _show_exercise(exercise: Exercise, progress: Progress) -> None:
    tries = progress.attempts(exercise.id)
    say("", *heading(exercise.id, exercise.title), "")
    if not tries:
        say("  It has not been graded yet.")
    for place, (last, this) in enumerate(pairwise([None, *tries]), start=1):
        assert this is not None
        is_comparable = last is not None and last.max_score == this.max_score  # an update may change the points
        gained = f"{this.score - last.score:+.10g}" if last and is_comparable and last.score != this.score else ""
        points = f"{format_points(this.score)}/{format_points(this.max_score)}"
        date = _date(this.time)[0 if columns() >= MIN_WIDTH_OF_YEARS else len("2026-") :]
        head = f"  {place:>3}   {_mark([this])} {date}   {points:>7} {gained:>5}"
        if columns() < COLUMNS:  # too narrow to show the change on the same line
            say(head, *map(dim, prose(_changed(last, this), indent=10)))
            continue
        first, *rest = prose(_changed(last, this), indent=len(click.unstyle(head)) + 3) or [""]
        say(head + "   " + dim(first.strip()), *map(dim, rest))
    say("", step("grade", f"grade exercise {exercise.id}"))


def _changed(last: Graded | None, this: Graded) -> str:
    """Name the tests that pass since this attempt, and those that fail since."""
    if last is None or last.tests is None or this.tests is None:
        return ""
    if last.sha256 == this.sha256:
        return "the same file"
    passing = [name for name in this.tests if name not in last.tests]
    failing = [name for name in last.tests if name not in this.tests]
    changes = [f"{word} {', '.join(names)}" for word, names in (("passes", passing), ("fails", failing)) if names]
    return "; ".join(changes) or "the same tests pass"


def _days(times: list[datetime]) -> str:
    """Count the attempts, the days, and the consecutive days up to the last one."""
    days = sorted({time.astimezone().date() for time in times}, reverse=True)
    streak = next((n for n, day in enumerate(days) if day != days[0] - timedelta(days=n)), len(days))
    words = f"{_attempts(len(times))} on {len(days)} day{'' if len(days) == 1 else 's'}"
    return f"{words}, the last {streak} in a row" if streak > 1 else words


def _attempts(count: int) -> str:
    return f"{count} attempt{'' if count == 1 else 's'}"


def _mark(tries: list[Graded]) -> str:
    if any(each.passed for each in tries):
        return click.style(PASSED, fg="green")
    public = any(each.public for each in tries)
    return click.style(PUBLIC, fg="green") if public else click.style(FAILED, fg="red")


def _date(time: datetime) -> str:
    """Format a time in the local time zone, such as `2026-11-28 15:51`."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"
