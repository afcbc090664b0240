"""grade exercise: grades one file and explains what is wrong with it."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import msgspec

from grader import failures
from grader.cli.screen import course_root, prose, say
from grader.course import Course, Exercise, load_course, load_exercise
from grader.errors import UsageError
from grader.judge.materials import materials_of
from grader.judge.messages import Job
from grader.progress import Graded, Progress
from grader.reader.order import Step, leads_to, next_step
from grader.report.marks import unicode_on
from grader.report.terminal import render
from grader.report.view import Need, Next, View
from grader.report.view import Progress as Counts
from grader.result import Outcome, Result
from grader.submission import Submission, examine, located, read_submission
from grader.submission.unrun import without_running
from grader.warm.client import JudgeLost, Judges

FAILED = 1  # exit code: graded, and not passed
FAULT = 3  # exit code: the grader or the course is at fault


@click.command("exercise")
@click.argument("exercise_id", metavar="ID")
@click.option("--file", "path", metavar="PATH", type=click.Path(path_type=Path), help="Grade this file instead.")
@click.option("--timeout", metavar="S", type=click.FloatRange(min=0.1, max=3600), help="Seconds for one test.")
@click.option("--full", is_flag=True, help="Explain every failing test, and cut nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (docs/result.md).")
@click.pass_context
def command(
    ctx: click.Context, exercise_id: str, path: Path | None, timeout: float | None, full: bool, as_json: bool
) -> None:
    """Grade exercise ID: your file exercises/ID/ID.py, or the one named by --file.

    Exits with 0 if every test passed, 1 if not, 2 if there was nothing to grade, 3 if the grader is at fault.
    """
    root = course_root()
    exercise = load_exercise(root, exercise_id)
    submission = read_submission(_relative(path or exercise.stub), exercise.id)
    finding = examine(submission.text, submission.file)
    if finding is not None:
        course = load_course(root)
        result = without_running(finding, submission, exercise)
    else:
        course, result = _graded(root, exercise, submission, timeout)
    if submission.cells is not None:
        result = located(result, submission.cells)
    progress = Progress.load(root)
    if path is None and result.outcome not in (Outcome.NOT_STARTED, Outcome.BLOCKED):
        progress.record(
            Graded(
                exercise=exercise.id,
                score=result.score,
                max_score=result.max_score,
                passed=result.passed,
                sha256=result.sha256,
            )
        )
    try:
        failures.keep(root, result)
    except OSError as error:
        click.echo(f"warning: the failing call is not kept for grade shell: {error.strerror}.", err=True)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))
    else:
        options = f" --file {path}" if path else ""
        _show(result, course, exercise, progress, submission, options, full)
    if result.faulty:
        ctx.exit(FAULT)
    ctx.exit(0 if result.passed else FAILED)


def _graded(
    root: Path, exercise: Exercise, submission: Submission, timeout: float | None
) -> tuple[Course, Result]:
    with lost_is_said(), Judges() as judges:
        course = load_course(root)
        judges.prepare(materials_of(course, [exercise]), forbidden=[root])
        job = Job(
            id=0,
            exercise=exercise.id,
            file=submission.file,
            source=submission.text,
            sha256=submission.sha256,
            seed=0,
            others=earlier_work(course, exercise),
            seconds=timeout,
            announce=sys.stderr.isatty(),
        )
        ((_, result),) = judges.grade([job], testing=_testing)
        _clear()
        return course, result


def _testing(test: str) -> None:
    """Says which test is run, in a line that is overwritten."""
    _clear()
    click.echo(f"  {test} …" if unicode_on(sys.stderr) else f"  {test} ...", nl=False, err=True)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


@contextmanager
def lost_is_said() -> Iterator[None]:
    """A judge that ended on its own becomes a sentence and exit code 3."""
    try:
        yield
    except JudgeLost as error:
        fault = UsageError(f"This is a fault of the grader, not of your code: {error}.")
        fault.exit_code = FAULT
        raise fault from None


def earlier_work(course: Course, exercise: Exercise) -> dict[str, str]:
    """The student's own files of the exercises that this one builds on; one that cannot be read is not solved."""
    texts = {}
    for each in course.needed_by(exercise):
        with suppress(UsageError):
            texts[each.id] = read_submission(_relative(each.stub), each.id).text
    return texts


def _show(
    result: Result,
    course: Course,
    exercise: Exercise,
    progress: Progress,
    submission: Submission,
    options: str,
    full: bool,
) -> None:
    from grader.course.stub import interface

    lesson = [each for each in course.exercises if each.lesson == exercise.lesson]
    done = {each.id for each in course.exercises if progress.state(each.id) == "passed"}
    following = next_step(course, progress)
    if result.passed and following == exercise:  # another file than the student's own
        following = None
    started = result.outcome is not Outcome.NOT_STARTED
    view = View(
        options=options,
        hints_shown=progress.hints_shown(exercise.id),
        hints_total=len(exercise.hints),
        statement=str(_relative(exercise.statement)) if exercise.statement.is_file() else None,
        line=None if started or submission.cells is not None else _first_open(submission),
        write=() if started else tuple(each.call for each in interface(submission.text) if each.kind != "method"),
        needs=tuple(Need(need, need in done) for need in exercise.needs),
        next=_next(following, course) if following else None,
        progress=Counts(
            course.lesson(exercise.lesson).short,
            sum(each.id in done for each in lesson),
            len(lesson),
            len(done),
            len(course.exercises),
        ),
    )
    text = render(
        result,
        exercise,
        view,
        full=full,
        width=shutil.get_terminal_size().columns,
        unicode=unicode_on(sys.stdout),
        color=True,
    )
    notes = [line for note in submission.notes for line in prose(note)]
    say("", *notes, *([""] if notes else []), *text.splitlines())


def _next(following: Step, course: Course) -> Next:
    """The command for the next step; with an exercise goes its folder, which is edited first."""
    leads = leads_to(following, course)
    remark = str(_relative(following.folder)) if isinstance(following, Exercise) else leads.remark
    return Next(leads.command, remark)


def _first_open(submission: Submission) -> int | None:
    finding = examine(submission.text, submission.file)
    return finding.line if finding else None


def _relative(path: Path) -> Path:
    """A path as a person would write it: from here, where it lies below."""
    try:
        return Path(os.path.relpath(path)) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path
    except OSError:
        return path
