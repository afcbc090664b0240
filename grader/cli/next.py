"""grade next: show the next step of the course and why it is next, or the steps that fit into an evening."""

from collections.abc import Sequence
from textwrap import shorten

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.numbers import WholeNumber
from grader.cli.screen import COLUMNS, columns, course_root, dim, heading, prose, say, step
from grader.course import Course, Exercise, load_course
from grader.course.labs import course_labs
from grader.course.lesson.files import part_title
from grader.course.progress import Progress
from grader.study.pace import FEWEST, Pace, own_pace
from grader.study.plan import Plan, PlannedStep, plan_evening
from grader.study.reader.order import Step, command_for, next_step, reason_for, steps
from grader.study.stopped import where_stopped

LONGEST = 600  # minutes of an evening


@click.command("next")
@click.option(
    "--minutes", metavar="N", type=WholeNumber(min=5, max=LONGEST), help="Plan what fits into N minutes from now."
)
def command(minutes: int | None) -> None:
    """Show what comes next: the exercise or part that you began last, or the next one.

    With --minutes, shows the review that is due and the next steps that fit. Their times are those that the course
    states, times your own pace as soon as it is known: the median of what parts, or exercises, took you so far,
    divided by their stated times.
    """
    course = load_course(course_root())
    progress = Progress.load(course.root)
    order = list(steps(course))
    if minutes is not None:
        say("", *_plan_lines(plan_evening(course, order, progress, minutes), minutes, own_pace(course, progress)))
        return
    following = next_step(order, progress)
    if following is None and course.released:
        raise UsageError("Every part is read, and every exercise passes its public tests; hand in what was asked for.")
    if following is None:
        whole = "".join(f" grade lab {lab.name} runs what you have built." for lab in course_labs(course.root))
        raise UsageError(f"Every part is read and every exercise passed; grade review brings back what is due.{whole}")
    stopped = where_stopped(course.root, following, progress)
    say("", *_lines(following, stopped, course, reason_for(following, course, order, progress)))


def _lines(following: Step, stopped: str, course: Course, reason: str) -> list[str]:
    where = list(map(dim, prose(stopped, 2)))
    if not isinstance(following, Exercise):
        place = f"lesson {following.name}" if following.lesson else ""
        return [
            *heading(part_title(following), place),
            *where,
            "",
            step("read", f"grade {command_for(following, course).command}"),
        ]
    level = f"level {following.level}, {following.minutes} min"
    place = f"lesson {following.lesson}, {level}" + ("" if reason == level else f": {reason}")
    return [
        *heading(following.id, following.title),
        *map(dim, prose(place, 2)),
        *where,
        "",
        step("read", f"grade read {following.id}", "the statement"),
        step("write", shown(following.stub)),
        step("grade", f"grade exercise {following.id}"),
    ]


def _plan_lines(plan: Plan, minutes: int, pace: Pace) -> list[str]:
    if not plan.steps and plan.following is None:
        return prose("Every part is read and every exercise passed, and nothing is due for review.", 2)
    fitting = "what fits" if plan.steps else "the next step takes longer; stop anywhere in it"
    lines = [*heading(f"{minutes} minutes", fitting), "", *_rows(plan.steps)]
    if len(plan.steps) > 1:
        lines.append(dim(f"    {_minutes(sum(each.minutes for each in plan.steps)):>7}   in all"))
    if plan.steps:
        lines.append("")
    if plan.following is not None:
        word = "then" if plan.steps else "begin"
        lines.append(step(word, f"grade {plan.following.command}", _minutes(plan.following.minutes)))
    return [*lines, "", *map(dim, prose(_pace_sentence(pace), 2))]


def _rows(planned: Sequence[PlannedStep]) -> list[str]:
    """Return a row for each step. What it is about is cut, or left out where there is no room."""
    commands = [f"    {_minutes(each.minutes):>7}   grade {each.command}" for each in planned]
    begin = max(map(len, commands), default=0) + 3
    room = min(columns(), COLUMNS) - begin
    return [
        f"{command:<{begin}}{dim(shorten(each.about, room, placeholder='...'))}" if room > 10 else command
        for command, each in zip(commands, planned, strict=True)
    ]


def _minutes(minutes: int) -> str:
    return f"{minutes} min"


def _pace_sentence(pace: Pace) -> str:
    """Return how the student's own times compare with the stated ones."""
    known = [
        f"{what} {ratio:.1f} times"
        for what, ratio in (("reading takes you", pace.reading), ("exercises take you", pace.exercises))
        if ratio is not None
    ]
    if not known:
        return f"The times are the course's. Once {FEWEST} parts or exercises of yours are timed, they become your own."
    sentence = " and ".join(known)
    return f"{sentence[0].upper()}{sentence[1:]} what the course states (the median of yours)."
