"""grade hint: the next hint."""

import click

from grader.cli.screen import bold, course_root, prose, say, step
from grader.course import load_exercise
from grader.progress import HintShown, Progress


@click.command("hint")
@click.argument("exercise_id", metavar="ID")
def command(exercise_id: str) -> None:
    """The next hint for exercise ID. Each says more than the one before; after the last it is shown again."""
    root = course_root()
    exercise = load_exercise(root, exercise_id)
    hints = exercise.hints
    if not hints:
        say("", f"  {bold(exercise.id)}   has no hints", "", step("check", f"grade exercise {exercise.id}"))
        return
    progress = Progress.load(root)
    shown = progress.hints_shown(exercise.id)
    number = min(shown + 1, len(hints))
    say("", f"  {bold(exercise.id)}   hint {number} of {len(hints)}", "", *prose(hints[number - 1]), "")
    if number < len(hints):
        say(step("hint", f"grade hint {exercise.id}", f"{number + 1} of {len(hints)}"))
    else:
        say("  This is the last hint.", "")
    say(step("check", f"grade exercise {exercise.id}"))
    if number > shown:
        progress.record(HintShown(exercise=exercise.id, number=number))
