"""grade read: show the statement of an exercise."""

import sys

import click

from grader.base.files import read_text, shown
from grader.cli.markdown import show
from grader.cli.names import ExerciseName, find_exercise
from grader.cli.screen import course_root, say, step


@click.command("read")
@click.argument("exercise_id", metavar="[ID]", type=ExerciseName(), required=False)
def command(exercise_id: str | None) -> None:
    """Show the statement of exercise ID; without ID, of the exercise that grade exercise would grade."""
    exercise = find_exercise(course_root(), exercise_id)
    show(read_text(exercise.statement))
    if sys.stdout.isatty():
        say("", step("write", shown(exercise.stub)), step("grade", f"grade exercise {exercise.id}"))
