"""grade new: create the files of a new exercise."""

import click

from grader.author.scaffolding import scaffold_exercise
from grader.base.files import shown
from grader.cli.screen import bold, course_root, say, step
from grader.course import load_course


@click.command("new")
@click.argument("exercise_id", metavar="ID")
@click.option("--lesson", type=int, required=True, metavar="N", help="Number of its lesson.")
@click.option("--title", metavar="T", help="Title on the map.  [default: the ID in words]")
def command(exercise_id: str, lesson: int, title: str | None) -> None:
    """Create the files of exercise ID: a small working exercise to be replaced part by part."""
    course = load_course(course_root())
    course.require_whole("grade new")
    files = scaffold_exercise(course, exercise_id, lesson, title or exercise_id.replace("_", " "))
    say("", f"  {bold(exercise_id)}   a new exercise of lesson {lesson}", "")
    say(*(f"    {shown(file)}" for file in files), "")
    say("  It asks for double(x). Replace that with what your exercise asks for.", "")
    say(step("check", f"grade check {exercise_id}", "checks that all parts agree"))
