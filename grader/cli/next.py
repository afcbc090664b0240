"""grade next: show the next step of the course, and why it is next."""

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.screen import course_root, dim, heading, prose, say, step
from grader.course import Course, Exercise, load_course
from grader.course.lesson.files import part_title
from grader.course.progress import Progress
from grader.study.reader.order import Step, command_for, next_step, reason_for, steps


@click.command("next")
def command() -> None:
    """Show what comes next: the exercise or part that you began last, or the next one."""
    course = load_course(course_root())
    progress = Progress.load(course.root)
    order = list(steps(course))
    following = next_step(order, progress)
    if following is None and course.released:
        raise UsageError("Every part is read, and every exercise passes its public tests; hand in what was asked for.")
    if following is None:
        raise UsageError("Every part is read and every exercise passed; grade review brings back what is due.")
    say("", *_lines(following, course, reason_for(following, course, order, progress)))


def _lines(following: Step, course: Course, reason: str) -> list[str]:
    if not isinstance(following, Exercise):
        place = f"lesson {following.name}" if following.lesson else ""
        return [
            *heading(part_title(following), place),
            "",
            step("read", f"grade {command_for(following, course).command}"),
        ]
    level = f"level {following.level}, {following.minutes} min"
    place = f"lesson {following.lesson}, {level}" + ("" if reason == level else f": {reason}")
    return [
        *heading(following.id, following.title),
        *map(dim, prose(place, 2)),
        "",
        step("read", f"grade read {following.id}", "the statement"),
        step("write", shown(following.stub)),
        step("grade", f"grade exercise {following.id}"),
    ]
