"""grade exercise: grades one file and explains what is wrong with it."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import click
import msgspec

from grader.base.result import Result
from grader.cli.names import ExerciseName, last_or_next
from grader.cli.screen import course_root, page, prose, say
from grader.cli.spinner import Spinner
from grader.course import Course, Exercise, load_course, load_exercise
from grader.course.find_exercise import FoundExercise, find_exercise
from grader.course.progress import Progress
from grader.engine.judge.materials import materials_of
from grader.engine.pool.client import Judges, with_judges
from grader.engine.submission import Submission, examine, located, read_submission
from grader.engine.submission.unrun import without_running
from grader.show.layout import MANY
from grader.show.marks import unicode_on
from grader.show.terminal import render
from grader.study.grading import (
    FAULT,
    job_of,
    keep_failing_call,
    lost_is_said,
    own_imports,
    own_submission,
    record,
    relative,
    test_meant,
    view_of,
)
from grader.study.reader.order import steps

FAILED = 1  # exit code: graded, and not passed


@click.command("exercise")
@click.argument("name", metavar="[ID]", type=ExerciseName(), required=False)
@click.argument("test", metavar="[TEST]", nargs=-1)
@click.option("--file", "path", metavar="PATH", type=click.Path(path_type=Path), help="Grade this file instead.")
@click.option("--timeout", metavar="S", type=click.FloatRange(min=0.1, max=3600), help="Seconds for one test.")
@click.option("--full", is_flag=True, help="Explain every failing test.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (docs/result.md).")
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    test: tuple[str, ...],
    path: Path | None,
    timeout: float | None,
    full: bool,
    as_json: bool,
) -> None:
    """Grade exercise ID: your file exercises/ID/ID.py, or the one named by --file, which is not recorded as progress.

    A part of the ID does, and so does a file or a folder. Without ID, the exercise that you are at: in whose folder you
    are, else the one that was graded last and has not passed, else the next.

    With TEST, a part of the name of a test, that one is explained in depth. In a pipe nothing is cut.

    Exits with 0 if every test passed, 1 if not, 2 if there was nothing to grade, 3 if the grader is at fault.
    """
    root = course_root()
    meant = FoundExercise(last_or_next(root)) if name is None else find_exercise(root, name)
    exercise = load_exercise(root, meant.id)
    path = path or meant.file
    if path is not None and os.path.abspath(path) == os.path.abspath(exercise.stub):
        path = None  # it is the student's own file
    submission = read_submission(relative(path), exercise.id) if path else own_submission(exercise)
    finding = examine(submission.text, exercise.id).finding
    if finding is not None:
        course = load_course(root)
        result = without_running(finding, submission, exercise)
    else:
        course, result = _graded(root, exercise, submission, timeout)
    if submission.cells is not None:
        result = located(result, submission.cells)
    only = test_meant(result, " ".join(test)) if test else None
    progress = Progress.load(root)
    if path is None:
        record(progress, exercise, result)
    keep_failing_call(root, result)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))
    else:
        options = f" --file {shlex.quote(str(path))}" if path else ""
        _show(result, course, exercise, progress, submission, options, full, only)
    if result.is_faulty:
        ctx.exit(FAULT)
    ctx.exit(0 if result.passed else FAILED)


def _graded(root: Path, exercise: Exercise, submission: Submission, timeout: float | None) -> tuple[Course, Result]:
    def work(judges: Judges) -> tuple[Course, Result]:
        course = load_course(root)
        imports = own_imports(course, exercise, submission.text)
        judges.prepare(materials_of(course, [exercise], imports.texts), forbidden=course.folders)
        job = job_of(exercise, submission, imports, seconds=timeout, announce=sys.stderr.isatty())
        ((_, result),) = judges.grade([job], testing=spinner.says)
        return course, result

    spinner = Spinner()
    spinner.start("starting")
    try:
        with lost_is_said():
            return with_judges(work)
    finally:
        spinner.stop()


def _show(
    result: Result,
    course: Course,
    exercise: Exercise,
    progress: Progress,
    submission: Submission,
    options: str,
    full: bool,
    only: str | None,
) -> None:
    size = shutil.get_terminal_size()
    notes = [line for note in submission.notes for line in prose(note)]
    above = ["", *notes, *([""] if notes else [])]
    view = view_of(course, list(steps(course)), exercise, progress, submission, result, options=options)
    rows = MANY if full or only else size.lines - len(above) - 1  # a pager shows the rest
    text = render(
        result,
        exercise,
        view,
        full=full,
        only=only,
        width=size.columns,
        height=rows if sys.stdout.isatty() else None,
        unicode=unicode_on(sys.stdout),
        color=True,
    )
    (page if full or only else say)(*above, *text.splitlines())
