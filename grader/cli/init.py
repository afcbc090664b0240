"""grade init: create a workspace."""

from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.cli.screen import bold, prose, say, step
from grader.course import load_lessons
from grader.course.workspace.filling import init
from grader.course.workspace.marker import COURSE_FILE


@click.command("init")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=Path())
def command(folder: Path) -> None:
    """Create a workspace in DIR or here, with exercises, lessons and quizzes. Existing files are kept."""
    syllabus = folder / COURSE_FILE
    if syllabus.is_file() and not syllabus.is_symlink() and load_lessons(folder).released:
        raise UsageError(f"{folder} is a student's edition, which needs no workspace; name another: grade init DIR.")
    filled = init(folder)
    say("", f"  {bold('workspace')}   {len(filled.written)} files in {filled.root}", "")
    if filled.kept:
        say(*prose(f"Kept unchanged: {', '.join(filled.kept)}.", indent=2), "")
    if filled.root != Path.cwd():
        say(step("go", f"cd {folder}"))
    say(step("map", "grade", "the course, and what comes next"), step("begin", "grade next"))
