"""grade read: the statement of an exercise."""

import click

from grader.cli.markdown import show
from grader.cli.names import ExerciseName, last_or_next, named
from grader.cli.screen import course_root
from grader.course.document import read_text


@click.command("read")
@click.argument("exercise_id", metavar="[ID]", type=ExerciseName(), required=False)
def command(exercise_id: str | None) -> None:
    """The statement of exercise ID, as lessons are shown; without ID, of the one that you are at."""
    root = course_root()
    show(read_text(named(root, exercise_id or last_or_next(root)).statement))
