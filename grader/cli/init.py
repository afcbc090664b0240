"""grade init: create a workspace."""

from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.base.files import reading
from grader.cli.screen import bold, confirm, prose, say, step
from grader.course import load_lessons
from grader.course.workspace.filling import init, require_no_course
from grader.course.workspace.marker import COURSE_FILE

NOT_CREATED = 1  # exit code: the answer was no


@click.command("init")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--yes", is_flag=True, help="Do not ask whether to use a folder that is not empty.")
@click.pass_context
def command(ctx: click.Context, folder: Path, yes: bool) -> None:
    """Create a workspace in DIR or here, with exercises, lessons and quizzes. Existing files are kept."""
    syllabus = folder / COURSE_FILE
    if syllabus.is_file() and not syllabus.is_symlink() and load_lessons(folder).released:
        raise UsageError(f"{folder} is a student's edition, which needs no workspace; name another: grade init DIR.")
    root = folder.absolute()
    require_no_course(root)
    if not yes and _is_filled(root) and not _may_fill(root):
        ctx.exit(NOT_CREATED)
    filled = init(root)
    say("", f"  {bold('workspace')}   {len(filled.written)} files in {filled.root}", "")
    if filled.kept:
        say(*prose(f"Kept unchanged: {', '.join(filled.kept)}.", indent=2), "")
    if filled.root != Path.cwd():
        say(step("go", f"cd {folder}"))
    say(step("map", "grade", "the course, and what comes next"), step("begin", "grade next"))


def _is_filled(folder: Path) -> bool:
    """Return whether a folder exists and has anything in it. Raise UsageError if it cannot be read."""
    with reading(folder):
        return folder.is_dir() and any(folder.iterdir())


def _may_fill(folder: Path) -> bool:
    return confirm(
        f"{folder} is not empty. Put course.yaml, exercises and lessons there, and keep what is there?",
        f"{folder} is not empty; name a new folder, as in grade init DIR, or add --yes to put the course there.",
    )
