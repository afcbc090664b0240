"""grade new: the files of a new exercise."""

import click

from grader.author.scaffolding import scaffold
from grader.base.files import shown
from grader.cli.screen import bold, course_root, say, step
from grader.course import load_course


@click.command("new")
@click.argument("exercise_id", metavar="ID")
@click.option("--lesson", type=int, required=True, metavar="N", help="Number of the lesson it belongs to.")
@click.option("--title", metavar="T", help="A few words for the map; by default the id in words.")
def command(exercise_id: str, lesson: int, title: str | None) -> None:
    """Create the files of exercise ID: a small exercise that works, to be replaced part by part."""
    course = load_course(course_root())
    course.require_whole("grade new")
    files = scaffold(course, exercise_id, lesson, title or exercise_id.replace("_", " "))
    say("", f"  {bold(exercise_id)}   a new exercise of lesson {lesson}", "")
    say(*(f"    {shown(file)}" for file in files), "")
    say("  It asks for double(x). Replace that by what your exercise asks for.", "")
    say(step("check", f"grade check {exercise_id}", "proves that all parts agree"))
