"""grade reset: restore the stub of an exercise, and keep the student's file beside it."""

import click

from grader.base.files import shown
from grader.cli.names import ExerciseName, find_exercise
from grader.cli.screen import bold, confirm, course_root, prose, say, step
from grader.course.workspace.reset import reset
from grader.engine.submission.examine import is_untouched

NOT_RESET = 1  # exit code: the answer was no


@click.command("reset")
@click.argument("exercise_id", metavar="[ID]", type=ExerciseName(), required=False)
@click.pass_context
def command(ctx: click.Context, exercise_id: str | None) -> None:
    """Start exercise ID again. Your file is kept beside the new one, as ID.1.py, and you keep your points.

    Without ID, takes the exercise that grade exercise would grade, and asks first.
    """
    root = course_root()
    exercise = find_exercise(root, exercise_id)
    if exercise_id is None and not confirm(
        f"Start {exercise.id} again, and keep your file beside the new one?",
        f"To start {exercise.id} again, name it: grade reset {exercise.id}.",
    ):
        ctx.exit(NOT_RESET)
    kept = reset(root, exercise.stub, lambda text: is_untouched(text, exercise.id))
    say("", f"  {bold(exercise.id)}   as it was given, in {shown(exercise.stub)}", "")
    if kept is not None:
        say(*prose(f"What you had written is in {shown(kept)}.", indent=2), "")
    say(step("read", f"grade read {exercise.id}", "the statement"), step("grade", f"grade exercise {exercise.id}"))
