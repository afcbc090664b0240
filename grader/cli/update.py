"""grade update: brings a newer course into a workspace."""

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
    """Bring the course of the installed archgrade into your workspace. Files that you have changed stay as they are.

    To install a newer one: pip install --upgrade archgrade.
    """
    root = course_root()
    if workspace_at(root) is None and load_lessons(root).released:
        raise UsageError("This is a student's edition of a course; a newer one comes from whoever handed it out.")
    filled = update(root)
    changed = ((len(filled.written), "new"), (len(filled.removed), "removed"))
    counts = ", ".join(f"{count} file{'s' if count > 1 else ''} {word}" for count, word in changed if count)
    say("", f"  {bold('workspace')}   the course of archgrade {__version__}: {counts or 'nothing is new'}", "")
    if filled.removed:
        say(*prose(f"Removed, since the course has them no more: {', '.join(filled.removed)}.", indent=2), "")
    stubs = [PurePosixPath(path).stem for path in filled.kept if is_stub(path)]
    others = [path for path in filled.kept if not is_stub(path)]
    if stubs:
        say(*prose(f"You have begun these, whose files are given out anew: {', '.join(stubs)}. Yours stay.", indent=2))
        say(*prose("grade reset ID begins one anew, and keeps yours beside it.", indent=2), "")
    if others:
        say(*prose(f"You have changed these, and they stay so: {', '.join(others)}.", indent=2))
        say(*prose("Delete one and run grade update again for the new text.", indent=2), "")
    say(step("map", "grade"))
