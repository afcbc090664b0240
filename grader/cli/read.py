"""grade read: the statement of an exercise."""

import sys

import click

from grader.base.files import read_text, shown
from grader.cli.markdown import show
from grader.cli.names import ExerciseName, last_or_next, named
from grader.cli.screen import course_root, say, step


@click.command("read")
@click.argument("exercise_id", metavar="[ID]", type=ExerciseName(), required=False)
def command(exercise_id: str | None) -> None:
    """The statement of exercise ID, as lessons are shown; without ID, of the one that you are at."""
    root = course_root()
    exercise = named(root, exercise_id or last_or_next(root))
    show(read_text(exercise.statement))
    if sys.stdout.isatty():
        say("", step("write", shown(exercise.stub)), step("grade", f"grade exercise {exercise.id}"))
