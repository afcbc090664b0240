"""grade progress: show, export or import the student's progress."""

from pathlib import Path

import click

from grader.base.files import shown, writing
from grader.cli.screen import bold, course_root, say, step
from grader.course.progress import Progress
from grader.study.progress_transfer import export_progress, import_progress
from grader.study.slips.store import forget_slips


@click.command("progress")
@click.option("--export", "out", metavar="FILE", type=click.Path(path_type=Path), help="Write your progress to a file.")
@click.option("--import", "source", metavar="FILE", type=click.Path(path_type=Path), help="Add the progress in a file.")
@click.option("--forget", is_flag=True, help="Delete the copies of your files that grade review asks about.")
def command(out: Path | None, source: Path | None, forget: bool) -> None:
    """Show where your progress is stored. Use --export and --import to move it to another machine.

    When a try of yours makes a mistake that the tests can name, a copy of your file is stored beside the progress, and
    grade review asks about it once the exercise has passed. --forget deletes these copies.
    """
    progress = Progress.load(course_root())
    if forget:
        with writing(progress.file):
            count = forget_slips(progress)
        say("", f"  {bold('progress')}   {count} {'copy' if count == 1 else 'copies'} of your files deleted", "")
    if source is not None:
        count = import_progress(source, progress)
        say("", f"  {bold('progress')}   {_events(count)} {'is' if count == 1 else 'are'} new", "")
    if out is not None:
        export_progress(out, progress)
        say("", f"  {bold('progress')}   {_events(len(progress.events))} in {shown(out)}", "")
        say(step("there", f"grade progress --import {out.name}"))
    if out is None and source is None and not forget:
        say("", f"  {bold('progress')}   {_events(len(progress.events))} in {shown(progress.file)}", "")
        say(step("move", "grade progress --export FILE"))
    if source is not None:
        say(step("map", "grade"))


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"
