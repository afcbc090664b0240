"""grade hint: show the next hint, or an earlier one again."""

import click

from grader.base.errors import UsageError
from grader.cli.names import ExerciseName, find_exercise
from grader.cli.numbers import WholeNumber
from grader.cli.screen import bold, course_root, prose, say, step
from grader.course.hints import current_hints
from grader.course.progress import HintShown, Progress


@click.command("hint")
@click.argument("exercise_id", metavar="[ID]", type=ExerciseName(), required=False)
@click.argument("number", metavar="[N]", type=WholeNumber(min=1), required=False)
def command(exercise_id: str | None, number: int | None) -> None:
    """Show the next hint for exercise ID, or hint N again. Each hint says more than the one before.

    If you have tried, the first hints are about what failed first. Without ID, takes the exercise that grade exercise
    would grade.
    """
    root = course_root()
    if number is None and exercise_id is not None and exercise_id.isdecimal():
        number = int(exercise_id)
        exercise_id = None
    exercise = find_exercise(root, exercise_id)
    progress = Progress.load(root)
    topic, hints, on_topic = current_hints(exercise, progress)
    if not hints:
        say("", f"  {bold(exercise.id)}   has no hints", "", step("grade", f"grade exercise {exercise.id}"))
        return
    shown = progress.hints_shown(exercise.id, topic)
    if number is None:
        number = min(shown + 1, len(hints))
    elif not 1 <= number <= len(hints):
        raise UsageError(f"{exercise.id} has {len(hints)} hints, but no hint {number}.")
    elif number > shown + 1:
        raise UsageError(f"Hint {number} comes after hint {shown + 1}; grade hint {exercise.id} shows the next one.")
    about = [f"  for {topic.removeprefix('test_')}"] if number <= on_topic else []
    say("", f"  {bold(exercise.id)}   hint {number} of {len(hints)}", *about, "", *prose(hints[number - 1]), "")
    if number > 1:
        say(step("before", f"grade hint {exercise.id} {number - 1}", "again"))
    if number < len(hints):
        say(step("hint", f"grade hint {exercise.id} {number + 1}", f"{number + 1} of {len(hints)}"))
    else:
        say("  This is the last hint.", "")
    say(step("grade", f"grade exercise {exercise.id}"))
    if number > shown:
        progress.record(HintShown(exercise=exercise.id, number=number, topic=topic))
