"""grade update: update a workspace to the installed course."""

from pathlib import PurePosixPath

import click

from grader import __version__
from grader.base.errors import UsageError
from grader.cli.screen import bold, course_root, prose, say, step
from grader.course import load_lessons
from grader.course.workspace.filling import is_stub, update
from grader.course.workspace.marker import workspace_at


@click.command("update")
def command() -> None:
    """Update your workspace to the course of the installed archgrade. Files that you have changed are kept.

    To install a newer archgrade, run: pip install --upgrade archgrade.
    """
    root = course_root()
    if workspace_at(root) is None and load_lessons(root).released:
        raise UsageError("This is a student's edition of a course; ask your instructor for a newer one.")
    filled = update(root)
    changed = ((len(filled.written), "new"), (len(filled.removed), "removed"))
    counts = ", ".join(f"{count} file{'s' if count > 1 else ''} {word}" for count, word in changed if count)
    say("", f"  {bold('workspace')}   the course of archgrade {__version__}: {counts or 'nothing is new'}", "")
    if filled.removed:
        names = ", ".join(filled.removed)
        say(*prose(f"Removed, because the course no longer has them: {names}.", indent=2), "")
    stubs = [PurePosixPath(path).stem for path in filled.kept if is_stub(path)]
    others = [path for path in filled.kept if not is_stub(path)]
    if stubs:
        names = ", ".join(stubs)
        say(*prose(f"You have begun exercises whose stubs are new: {names}. Your files are kept.", indent=2))
        say(*prose("grade reset ID starts one again, and keeps your file beside the new one.", indent=2), "")
    if others:
        say(*prose(f"You have changed these files, which are kept: {', '.join(others)}.", indent=2))
        say(*prose("To get the new version of one, delete it and run grade update again.", indent=2), "")
    say(step("map", "grade"))
