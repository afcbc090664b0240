"""grade exercise: grade one file and explain what is wrong with it."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import click
import msgspec

from grader.base.result import Result
from grader.cli.names import ExerciseName, TestName, current_exercise_id
from grader.cli.numbers import Number
from grader.cli.screen import course_root, page, prose, say
from grader.cli.spinner import Spinner
from grader.course import Course, Exercise, load_course, load_exercise
from grader.course.find_exercise import FoundExercise, find_exercise
from grader.course.progress import Progress
from grader.course.workspace.installed import require_same_exercise
from grader.engine.judge.materials import materials_of
from grader.engine.pool.client import Judges, with_judges
from grader.engine.submission import Submission, examine, read_submission
from grader.engine.submission.notebook import locate_in_cells
from grader.engine.submission.unrun import result_without_running
from grader.show.layout import MANY
from grader.show.symbols import supports_unicode
from grader.show.terminal import render
from grader.study.grading import (
    FAULT,
    find_test_id,
    job_for,
    lost_as_usage_error,
    own_imports,
    own_submission,
    record_result,
    relative,
    save_failing_call,
    view_for,
)
from grader.study.reader.order import steps

FAILED = 1  # exit code: some tests failed


@click.command("exercise")
@click.argument("name", metavar="[ID]", type=ExerciseName(), required=False)
@click.argument("test", metavar="[TEST]", nargs=-1, type=TestName())
@click.option("--file", "path", metavar="PATH", type=click.Path(path_type=Path), help="Grade this file instead.")
@click.option("--timeout", metavar="S", type=Number(min=0.1, max=3600), help="Time limit of each test, in seconds.")
@click.option("--full", is_flag=True, help="Explain every failing test.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
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
    """Grade exercise ID: your file exercises/ID/ID.py, or the file that --file names.

    ID can be a part of the exercise's ID, a file or a folder. Without ID, grades the exercise in whose folder you are,
    or the one that you graded last if it has not passed, or the next one. A file given with --file does not count as
    progress.

    With TEST, a part of the name of a test, explains that test in depth, and shows what your code printed in it.

    Exits with 0 if every test passed, 1 if a test failed, 2 if there was nothing to grade, 3 if the grader failed.
    """
    root = course_root()
    meant = FoundExercise(current_exercise_id(root)) if name is None else find_exercise(root, name)
    exercise = load_exercise(root, meant.id)
    require_same_exercise(root, exercise.id)
    path = path or meant.file
    if path is not None and os.path.abspath(path) == os.path.abspath(exercise.stub):
        path = None  # the student's own file, which counts as progress
    submission = read_submission(relative(path), exercise.id) if path else own_submission(exercise)
    finding = examine(submission.text, exercise.id).finding
    if finding is not None:
        course = load_course(root)
        result = result_without_running(finding, submission, exercise)
    else:
        course, result = _grade(root, exercise, submission, timeout)
    if submission.cells is not None:
        result = locate_in_cells(result, submission.cells)
    only = find_test_id(result, " ".join(test)) if test else None
    progress = Progress.load(root)
    if path is None:
        record_result(progress, exercise, result, submission)
    save_failing_call(root, result)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))
    else:
        options = f" --file {shlex.quote(str(path))}" if path else ""
        _show(result, course, exercise, progress, submission, options, full, only)
    if result.is_faulty:
        ctx.exit(FAULT)
    ctx.exit(0 if result.passed else FAILED)


def _grade(root: Path, exercise: Exercise, submission: Submission, timeout: float | None) -> tuple[Course, Result]:
    spinner = Spinner()

    def work(judges: Judges) -> tuple[Course, Result]:
        course = load_course(root)
        imports = own_imports(course, exercise, submission.text)
        judges.prepare(materials_of(course, [exercise], imports.texts), forbidden=course.folders)
        job = job_for(exercise, submission, imports, seconds=timeout, announce=sys.stderr.isatty())
        ((_, result),) = judges.grade([job], testing=spinner.update)
        return course, result

    spinner.start("starting")
    try:
        with lost_as_usage_error():
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
    view = view_for(course, list(steps(course)), exercise, progress, submission, result, options=options)
    rows = MANY if full or only else size.lines - len(above) - 1  # with --full or TEST, a pager shows all
    text = render(
        result,
        exercise,
        view,
        full=full,
        only=only,
        width=size.columns,
        height=rows if sys.stdout.isatty() else None,
        unicode=supports_unicode(sys.stdout),
        color=True,
    )
    (page if full or only else say)(*above, *text.splitlines())
