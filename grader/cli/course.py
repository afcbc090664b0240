"""grade course: create the files of a new course."""

from pathlib import Path

import click

from grader.author.scaffolding import FIRST_EXERCISE, scaffold_course
from grader.base.files import shown
from grader.cli.screen import bold, prose, say, step


@click.command("course")
@click.argument("action", metavar="new", type=click.Choice(["new"]))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--title", metavar="T", help="Title of the course.  [default: the name of the folder]")
def command(action: str, folder: Path, title: str | None) -> None:
    """Create a course in the new folder DIR, with one lesson, its quiz, and one exercise.

    They are small and pass grade check. Replace them part by part with your own.
    """
    name = folder.resolve().name
    title = title or name.replace("-", " ").replace("_", " ").strip() or "A new course"
    files = scaffold_course(folder, title)
    say("", f"  {bold(title)}   a new course in {shown(folder)}", "")
    say(*(f"    {file.relative_to(folder)}" for file in files), "")
    say(*prose("It is about doubling a number. Replace that with the topic of your course.", indent=2), "")
    say(step("begin", f"cd {shown(folder)}"), step("check", "grade check", "checks that all parts agree"))
    say(step("try", f"grade exercise {FIRST_EXERCISE}", "as a student does"))
    say(step("new", "grade new ID --lesson 1", "another exercise"))
