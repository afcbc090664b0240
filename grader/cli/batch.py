"""grade batch: grades what a class handed in."""

import os
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click

from grader.base.errors import UsageError
from grader.base.files import read_text
from grader.base.text import clean_line
from grader.cli import INTERRUPTED
from grader.cli.progress_bar import progress_bar
from grader.cli.screen import course_root, number, say, written_lines
from grader.course import Course, Exercise, load_course
from grader.engine.judge.materials import materials_of
from grader.engine.judge.messages import Materials
from grader.teach.batch.keys import Keys
from grader.teach.batch.pool import Pool, local_pool
from grader.teach.batch.quizzes import Quizzes
from grader.teach.batch.run import Batch, Tally
from grader.teach.batch.screen import fault_lines, found_lines, summary_lines
from grader.teach.batch.shipment import Shipment, engine, ship
from grader.teach.formats import all_chosen
from grader.teach.formats.files import remark, several
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.book import StoredBook
from grader.teach.gradebook.database import storable
from grader.teach.gradebook.left_out import left_out
from grader.teach.gradebook.model import Item
from grader.teach.handins.handin import Found, Kind
from grader.teach.handins.mapping import read_mapping
from grader.teach.handins.recognise import LAYOUTS, find
from grader.teach.handins.roster import logins_of, match, read_roster

BELOW = 1  # exit code: somebody is below --fail-under
FAULT = 3  # exit code: the grader is at fault for something
DEFAULT = ("json", "csv")  # formats


@click.command("batch")
@click.argument("submissions", nargs=-1, required=True, metavar="SUBMISSIONS...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="The folder of the gradebook and the reports.",
)
@click.option("--exercise", "only", metavar="ID", multiple=True, help="Grade this exercise only; may be repeated.")
@click.option("--layout", type=click.Choice(LAYOUTS), help="How the submissions are laid out, if it cannot be told.")
@click.option("--roster", metavar="CSV", type=click.Path(path_type=Path), help="Who is in the class.")
@click.option(
    "--map",
    "mapping",
    metavar="CSV",
    type=click.Path(path_type=Path),
    help="Whose single files are, and for what: file,student,exercise.",
)
@click.option("--prefix", metavar="TEXT", help="What repositories are called before the student's login: week-3-.")
@click.option("--late", metavar="YAML", type=click.Path(path_type=Path), help="Due dates, and what lateness costs.")
@click.option("--extensions", metavar="CSV", type=click.Path(path_type=Path), help="Who has longer.")
@click.option("--adjustments", metavar="CSV", type=click.Path(path_type=Path), help="Points to add or take away.")
@click.option(
    "--format",
    "formats",
    metavar="NAME[=FILE]",
    multiple=True,
    help="What to write, may be repeated; by default json and csv (docs/formats.md).",
)
@click.option("--regrade", is_flag=True, help="Grade again what has not changed, too.")
@click.option(
    "--isolation",
    type=click.Choice(["confined", "process"]),
    default="confined",
    show_default=True,
    help="process: go on where submissions cannot be confined.",
)
@click.option("--jobs", metavar="N", type=click.IntRange(1, 1024), help="Judges; by default one for each processor.")
@click.option("--cluster", metavar="ADDRESS", help="Grade on the workers of this Dask scheduler.")
@click.option("--fail-under", metavar="P", type=click.FloatRange(0, 100), help="Exit with 1 if someone is below P %.")
@click.option("--quiet", is_flag=True, help="Print errors, faults and whose work is not graded, no more.")
@click.pass_context
def command(
    ctx: click.Context,
    submissions: tuple[Path, ...],
    out: Path,
    only: tuple[str, ...],
    layout: str | None,
    roster: Path | None,
    mapping: Path | None,
    prefix: str | None,
    late: Path | None,
    extensions: Path | None,
    adjustments: Path | None,
    formats: tuple[str, ...],
    regrade: bool,
    isolation: str,
    jobs: int | None,
    cluster: str | None,
    fail_under: float | None,
    quiet: bool,
) -> None:
    """Grade what a class handed in: folders and archives as they come from a learning platform.

    What was graded is kept in DIR. Interrupted, the same command goes on where it was; what has not changed since is
    not graded again.

    Exits with 0 if all was graded, 1 if someone is below --fail-under, 2 for bad input, 3 if the grader is at fault
    for something, which it lists.
    """
    course = load_course(course_root())
    course.require_whole("grade batch")
    wanted = all_chosen(formats or DEFAULT)
    quizzes = Quizzes(course)
    ids = [each.id for each in course.exercises]
    for each in only:
        if each not in quizzes.slugs():
            course.exercise(each)  # raises, and knows what was nearly meant
    listed = () if roster is None else read_roster(roster)
    logins = logins_of(listed)
    told = None if mapping is None else read_mapping(mapping, ids, quizzes.slugs())
    found = find(
        submissions, ids, quizzes.slugs(), layout=layout, only=only, prefix=prefix, logins=logins, mapping=told
    )
    if mapping is not None and found.not_found:
        remark(f"{mapping} names what was not found: {several(found.not_found)}.")
    found = quizzes.place(found, only)
    if roster is not None:
        found = match(found, listed)
    handed_in = {student.id for handin in found.handins for student in handin.students}
    lost = left_out(found.ignored, handed_in)
    if not quiet:
        say("", *found_lines(found, lost, against_roster=roster is not None), "")
    exercises = [each for each in course.exercises if any(handin.item == each.id for handin in found.handins)]
    items = _items(course, exercises, quizzes, found)
    confined = isolation == "confined"
    materials = materials_of(course, exercises, {handin.item for handin in found.others})
    shipment = ship(materials)
    begun = time.monotonic()
    with Gradebook(out, create=True) as book:
        book.lock()
        run, resumed = book.begin_run(
            [*map(str, submissions), *only, f"{layout=} {prefix=} {mapping=} {roster=} {regrade=} {confined=}"],
            engine=engine(),
            course=course.title,
            course_hash=shipment.hash,
            layout=found.layout,
            items=items,
            students=[*found.students(), *found.missing],
            ignored=[each for each in found.ignored if each.kind is not Kind.NOISE],
            given={each.id: _given(each) for each in exercises},
        )
        known = [*ids, *quizzes.slugs()]
        book.set_policies(late=late, extensions=extensions, adjustments=adjustments, known=known)
        if resumed and not quiet:
            say("  Going on with the run that was interrupted.", "")
        keys = Keys(shipment, quizzes, confined=confined)
        with _stoppable() as stop, _pool(course.root, materials, shipment, jobs, cluster, confined) as pool:
            batch = stop.batch = Batch(book, run, items, course, quizzes, keys, pool, regrade=regrade)
            with progress_bar("grades", quiet=quiet) as show, stop.between_looks():

                def look(tally: Tally) -> None:
                    stop.look()
                    show(tally.done, tally.total, tally.waiting)

                tally = batch.grade(found.handins, [*found.handins, *found.others], look)
        book.end_run(run)
        graded = book.book()
        written = [path for each in wanted for path in each.write(graded, out)]
        below = [] if fail_under is None else _below(graded, fail_under / 100)
    if not quiet:
        say(*summary_lines(tally, time.monotonic() - begun, out, list(written_lines(written, out))))
    elif lost.sentence:
        folder = shlex.quote(storable(str(out)))
        remark(f"{lost.sentence}; grade gradebook {folder} --format csv lists all in not-graded.csv.")
    say(*fault_lines(tally), *below, err=True)
    if tally.faults:
        ctx.exit(FAULT)
    if below:
        ctx.exit(BELOW)


def _given(exercise: Exercise) -> list[str]:
    """The code of an exercise that everybody may have: its stub, and its reference, to which it leads."""
    paths = (exercise.stub, *(() if exercise.solution is None else (exercise.reference,)))
    return [read_text(path) for path in paths if path.is_file()]


@contextmanager
def _pool(
    root: Path, materials: list[Materials], shipment: Shipment, jobs: int | None, cluster: str | None, confined: bool
) -> Iterator[Pool]:
    if cluster is not None:
        from grader.teach.batch.cluster import cluster_pool

        with cluster_pool(cluster, shipment, confined=confined) as pool:
            yield pool
    else:
        with local_pool(materials, root, jobs or os.cpu_count() or 1, confined=confined) as pool:
            yield pool


@dataclass
class _Stop:
    """Whether somebody wants the batch to stop, and the batch, as soon as there is one."""

    asked: bool = False
    waits: bool = False  # until somebody looks
    batch: Batch | None = None

    def look(self) -> None:
        """Raises KeyboardInterrupt where it was asked for."""
        if self.asked:
            raise KeyboardInterrupt

    @contextmanager
    def between_looks(self) -> Iterator[None]:
        """Has it wait for the next look: what a signal raises in a destructor, as of a job on a cluster, is lost."""
        self.waits = True
        try:
            yield
        finally:
            self.waits = False


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    """Ctrl-C, or the SIGTERM with which CI systems cancel a job, ends in a sentence that says how to go on."""
    stop = _Stop()

    def hear(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        for each in before:  # the processes are ended once, whoever is in a hurry
            signal.signal(each, signal.SIG_IGN)
        if not stop.waits:
            raise KeyboardInterrupt

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:  # as of a command in the background
            signal.signal(each, hear)
    try:
        yield stop
    except KeyboardInterrupt:
        done = f"{stop.batch.tally.done} of {stop.batch.tally.total}" if stop.batch else "0"
        stopped = UsageError(f"Stopped; {done} grades are kept. The same command goes on where it was.")
        stopped.exit_code = INTERRUPTED
        raise stopped from None
    finally:
        for each, handler in () if stop.asked else before.items():
            signal.signal(each, handler)


def _below(book: StoredBook, share: float) -> list[str]:
    """A line for each student who has less than this share of all points."""
    most = sum(item.max_score for item in book.items)
    earned = {student.id: 0.0 for student in book.students}
    for entry, points in book.scores():
        earned[entry.student] += points.final if points else 0.0
    return [
        f"{clean_line(student)} has {100 * points / most:.1f} %, below {number(100 * share)} %."
        for student, points in earned.items()
        if most and points < share * most
    ]


def _items(course: Course, exercises: list[Exercise], quizzes: Quizzes, found: Found) -> list[Item]:
    """What is graded, in the course's order: exercises and then quizzes."""
    items = [
        Item(id=each.id, kind="exercise", title=each.title, lesson=each.lesson, max_score=each.points)
        for each in exercises
    ]
    slugs = {handin.item for handin in found.handins if handin.kind == "quiz"}
    for lesson in course.lessons:
        if lesson.slug in slugs:
            quiz = quizzes.quiz(lesson.slug)
            most = float(len(quiz.questions))
            items.append(Item(id=lesson.slug, kind="quiz", title=quiz.title, lesson=lesson.number, max_score=most))
    return items
