"""The command `grade batch`."""

import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import click

from grader.base.errors import UsageError
from grader.base.text import clean_line
from grader.cli import INTERRUPTED
from grader.cli.numbers import Number, WholeNumber
from grader.cli.progress_bar import progress_bar
from grader.cli.screen import course_root, say, written_lines
from grader.course import load_course
from grader.teach.batch.class_run import ClassRun
from grader.teach.batch.collect import collect_handins
from grader.teach.batch.options import BatchOptions
from grader.teach.batch.quizzes import Quizzes
from grader.teach.batch.run import Batch, Tally
from grader.teach.batch.screen import fault_lines, found_lines, summary_lines
from grader.teach.formats import FORMATS, parse_formats
from grader.teach.formats.files import print_note
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.book import StoredBook
from grader.teach.gradebook.database import storable
from grader.teach.gradebook.ungraded import UngradedFiles, ungraded_files
from grader.teach.handins.handin import Found
from grader.teach.handins.layouts.detect import LAYOUTS

BELOW = 1  # exit code: a student is below --fail-under
FAULT = 3  # exit code: the grader failed on some hand-ins
DEFAULT = ("json", "csv")  # formats


@click.command("batch")
@click.argument("submissions", nargs=-1, required=True, metavar="SUBMISSIONS...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder of the gradebook and the reports.",
)
@click.option("--exercise", "only", metavar="ID", multiple=True, help="Grade this exercise only; may be repeated.")
@click.option("--layout", type=click.Choice(LAYOUTS), help="Layout of the submissions; by default detected.")
@click.option("--roster", metavar="CSV", type=click.Path(path_type=Path), help="The list of the class.")
@click.option(
    "--map",
    "file_map",
    metavar="CSV",
    type=click.Path(path_type=Path),
    help="Assign files to students and exercises: file,student,exercise.",
)
@click.option("--prefix", metavar="TEXT", help="What repository names begin with, before the login: week-3-.")
@click.option("--late", metavar="YAML", type=click.Path(path_type=Path), help="Due dates and the cost of lateness.")
@click.option("--extensions", metavar="CSV", type=click.Path(path_type=Path), help="Due dates of individual students.")
@click.option("--adjustments", metavar="CSV", type=click.Path(path_type=Path), help="Points to add or take away.")
@click.option(
    "--format",
    "formats",
    metavar="NAME[=FILE]",
    multiple=True,
    help=f"What to write; may be repeated; by default json and csv. NAME is {', '.join(FORMATS)}.",
)
@click.option("--regrade", is_flag=True, help="Grade unchanged hand-ins again, too.")
@click.option(
    "--isolation",
    type=click.Choice(["confined", "process"]),
    default="confined",
    show_default=True,
    help="process: grade even if submissions cannot be confined.",
)
@click.option(
    "--jobs", metavar="N", type=WholeNumber(1, 1024), help="Number of judges; by default one for each processor."
)
@click.option("--cluster", metavar="ADDRESS", help="Grade on this Dask cluster.")
@click.option("--fail-under", metavar="P", type=Number(0, 100), help="Exit with 1 if someone is below P %.")
@click.option("--quiet", is_flag=True, help="Print only errors, faults, and whose work is not graded.")
@click.pass_context
def command(
    ctx: click.Context, /, formats: tuple[str, ...], fail_under: float | None, quiet: bool, **values: Any
) -> None:
    """Grade what a class handed in: folders and archives as learning platforms export them.

    Grades are kept in DIR. If the command is interrupted, run it again to resume; unchanged hand-ins are not graded
    again.

    Exits with 0 if everything was graded, 1 if someone is below --fail-under, 2 for bad input, 3 if the grader failed
    on some hand-ins, which it lists.
    """
    options = BatchOptions(**values)
    course = load_course(course_root())
    course.require_whole("grade batch")
    chosen = parse_formats(formats or DEFAULT)
    quizzes = Quizzes(course)
    found = collect_handins(course, quizzes, options)
    ungraded = _ungraded(found)
    if not quiet:
        say("", *found_lines(found, ungraded, against_roster=options.roster is not None), "")
    run = ClassRun(course, quizzes, found, options)
    started = time.monotonic()
    with Gradebook(options.out, create=True) as book:
        if run.begin(book) and not quiet:
            say("  Resuming the interrupted run.", "")
        tally = _grade(run, book, quiet)
        graded = book.book()
        written = [path for each in chosen for path in each.write(graded, options.out)]
        below = [] if fail_under is None else _below_lines(graded, fail_under / 100)
    if not quiet:
        seconds = time.monotonic() - started
        say(*summary_lines(tally, seconds, options.out, list(written_lines(written, options.out))))
    elif ungraded.sentence:
        folder = shlex.quote(storable(str(options.out)))
        print_note(f"{ungraded.sentence}; grade gradebook {folder} --format csv lists all in not-graded.csv.")
    say(*fault_lines(tally), *below, err=True)
    if tally.faults:
        ctx.exit(FAULT)
    if below:
        ctx.exit(BELOW)


def _ungraded(found: Found) -> UngradedFiles:
    return ungraded_files(found.ignored, {student.id for handin in found.handins for student in handin.students})


def _grade(run: ClassRun, book: Gradebook, quiet: bool) -> Tally:
    with _stoppable() as stop, run.open_batch(book) as batch:
        stop.batch = batch
        with progress_bar("grades", quiet=quiet) as show, stop.deferred():

            def update(tally: Tally) -> None:
                stop.raise_if_requested()
                show(tally.done, tally.total, tally.waiting)

            tally = run.grade(batch, update)
    run.end(book)
    return tally


@dataclass
class _Stop:
    """A request to stop the batch, by a signal."""

    is_requested: bool = False
    is_deferred: bool = False  # until the next call of raise_if_requested
    batch: Batch | None = None  # once there is one

    def raise_if_requested(self) -> None:
        """Raise KeyboardInterrupt if a stop was requested."""
        if self.is_requested:
            raise KeyboardInterrupt

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Defer requests to raise_if_requested: an exception that a signal raises in a destructor is lost."""
        self.is_deferred = True
        try:
            yield
        finally:
            self.is_deferred = False


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    """Turn Ctrl-C, or the SIGTERM with which CI systems cancel a job, into a message that says how to resume."""
    stop = _Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        stop.is_requested = True
        for each in before:  # further signals must not interrupt the clean-up
            signal.signal(each, signal.SIG_IGN)
        if not stop.is_deferred:
            raise KeyboardInterrupt

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:  # a command in the background ignores Ctrl-C
            signal.signal(each, handle)
    try:
        yield stop
    except KeyboardInterrupt:
        done = f"{stop.batch.tally.done} of {stop.batch.tally.total}" if stop.batch else "0"
        stopped = UsageError(f"Stopped; {done} grades are kept. Run the same command again to resume.")
        stopped.exit_code = INTERRUPTED
        raise stopped from None
    finally:
        for each, handler in () if stop.is_requested else before.items():
            signal.signal(each, handler)


def _below_lines(book: StoredBook, share: float) -> list[str]:
    """Return a line for each student who has less than this share of all points."""
    most = sum(item.max_score for item in book.items)
    earned = {student.id: 0.0 for student in book.students}
    for entry, points in book.scores():
        earned[entry.student] += points.final if points else 0.0
    return [
        f"{clean_line(student)} has {100 * points / most:.1f} %, below {100 * share:.10g} %."
        for student, points in earned.items()
        if most and points < share * most
    ]
