"""grade gradebook: what a class has earned, and exports of it."""

import shlex
import sys
from pathlib import Path

import click
import msgspec

from grader.base.errors import UsageError
from grader.base.result import Outcome
from grader.base.text import clean_line, did_you_mean
from grader.cli.screen import columns, say, step, written_lines
from grader.course import find_course, load_course
from grader.show.layout import COLUMNS, Line, paint
from grader.show.marks import unicode_on
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.book import StoredBook
from grader.teach.gradebook.database import storable
from grader.teach.gradebook.listing import listing
from grader.teach.gradebook.model import Handed, Item, Points, Run, Struct
from grader.teach.gradebook.screen import class_screen, runs_screen, student_screen
from grader.teach.handins.handin import Ignored, Student

SCHEMA = "archgrade/gradebook/v1"
FILE = click.Path(path_type=Path, dir_okay=False)


class GradeLine(Struct, frozen=True, kw_only=True):
    """What one student has for one item, in the JSON."""

    student: str
    item: str
    handed: Handed
    outcome: Outcome
    points: Points | None
    error: str | None


class Summary(Struct, frozen=True, kw_only=True):
    """What `--json` prints of a class."""

    schema: str = SCHEMA
    course: str
    run: Run
    items: tuple[Item, ...]
    students: tuple[Student, ...]
    grades: tuple[GradeLine, ...]
    ignored: tuple[Ignored, ...]


@click.command("gradebook")
@click.argument("folder", metavar="[DIR]", default="results", type=click.Path(path_type=Path))
@click.option("--student", metavar="WHO", help="One student: points, what was done to them, and why.")
@click.option("--runs", is_flag=True, help="The runs of grade batch, for grade compare.")
@click.option(
    "--format", "formats", metavar="NAME[=FILE]", multiple=True, help="Export (docs/formats.md); may be repeated."
)
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where exports go; by default into DIR.")
@click.option("--late", metavar="FILE", type=FILE, help="Apply this late policy (YAML) from now on.")
@click.option("--extensions", metavar="FILE", type=FILE, help="Apply these extensions (CSV) from now on.")
@click.option("--adjustments", metavar="FILE", type=FILE, help="Apply these adjustments (CSV) from now on.")
@click.option("--forget", metavar="ID", help="Take a student out of the gradebook.")
@click.option("--merge", metavar="ID INTO", nargs=2, help="Make one student of two, with the second one's id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/gradebook.md).")
def command(
    folder: Path,
    student: str | None,
    runs: bool,
    formats: tuple[str, ...],
    out: Path | None,
    late: Path | None,
    extensions: Path | None,
    adjustments: Path | None,
    forget: str | None,
    merge: tuple[str, str] | None,
    as_json: bool,
) -> None:
    """What a class has earned, as grade batch left it in DIR (by default: results)."""
    if sum((student is not None, runs, bool(formats), forget is not None, merge is not None)) > 1:
        raise UsageError("Give one of --student, --runs, --format, --forget and --merge.")
    with Gradebook(folder) as gradebook:
        if late or extensions or adjustments:
            gradebook.set_policies(late=late, extensions=extensions, adjustments=adjustments, known=_course_items())
        if runs:
            found = gradebook.runs()
            _print(found) if as_json else _show(runs_screen(found, _unicode()))
            return
        book = gradebook.book()
        if forget is not None:
            _forget(gradebook, book, forget)
            return
        if merge is not None:
            _merge(gradebook, book, *merge)
            return
        if student is not None:
            _student(book, student, as_json)
        elif formats:
            _export(book, formats, out or folder)
        elif as_json:
            _print(_summary(book))
        else:
            wide = max(columns() - 3, COLUMNS)
            _show(class_screen(listing(book, gradebook.policy_files()), _unicode(), wide), wide)
            again = f"grade gradebook {shlex.quote(storable(str(folder)))}"
            say(step("student", f"{again} --student ID"), step("export", f"{again} --format html"), "")


def _course_roots() -> list[Path]:
    """The folder of the course, where the command is given in one: a gradebook can be looked at anywhere."""
    try:
        return [find_course(Path.cwd(), click.get_current_context().find_root().obj)]
    except UsageError:
        return []


def _course_items() -> list[str]:
    """What may be handed in: the exercises and quizzes of the course; elsewhere the gradebook knows what was."""
    courses = [load_course(root) for root in _course_roots()]
    exercises = (exercise.id for course in courses for exercise in course.exercises)
    return [*exercises, *(lesson.slug for course in courses for lesson in course.lessons)]


def _student(book: StoredBook, name: str, as_json: bool) -> None:
    student = _named(book, name)
    grades = book.of_student(student.id)
    if as_json:
        _print(grades)
    else:
        ignored = [each for each in book.ignored if each.student and each.student.id == student.id]
        _show(student_screen(student, grades, book.items, ignored, _unicode()))


def _forget(gradebook: Gradebook, book: StoredBook, name: str) -> None:
    student = _named(book, name)
    gradebook.lock()  # no batch may be grading for this student
    gradebook.forget(student.id)
    say(f"  {clean_line(student.id)} is no longer in the gradebook.")


def _merge(gradebook: Gradebook, book: StoredBook, name: str, into: str) -> None:
    student, other = _named(book, name), _named(book, into)
    if student.id == other.id:
        raise UsageError(f"'{name}' and '{into}' are one student already.")
    gradebook.lock()
    gradebook.merge(student.id, other.id)
    say(f"  {clean_line(student.id)} and {clean_line(other.id)} are one student now: {clean_line(other.id)}.")


def _named(book: StoredBook, name: str) -> Student:
    """A student by id, by login or e-mail address, or by name. UsageError where there is none, or are several."""
    for student in book.students:
        if student.id == name:
            return student
    found = [each for each in book.students if name in (each.login, each.email)]
    found = found or [each for each in book.students if each.name and each.name.casefold() == name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(clean_line(each.id) for each in found)
        raise UsageError(f"'{name}' is the name of {len(found)} students; give the id: {ids}.")
    names = [each.name for each in book.students if each.name]
    hint = did_you_mean(name, [each.id for each in book.students]) or did_you_mean(name, names)
    raise UsageError(f"No student '{name}' in the gradebook.{hint}")


def _export(book: StoredBook, formats: tuple[str, ...], out: Path) -> None:
    from grader.teach.formats import all_chosen

    wanted = all_chosen(formats)  # what is wrong with one is said before any is written
    written = [path for each in wanted for path in each.write(book, out)]
    say(*map(clean_line, written_lines(written, out)))


def _summary(book: StoredBook) -> Summary:
    return Summary(
        course=book.course,
        run=book.run,
        items=tuple(book.items),
        students=tuple(book.students),
        grades=tuple(
            GradeLine(
                student=entry.student,
                item=entry.item,
                handed=entry.handed,
                outcome=entry.scored.outcome if entry.scored else Outcome.ERROR,
                points=points,
                error=entry.error,
            )
            for entry, points in book.scores()
        ),
        ignored=tuple(book.ignored),
    )


def _unicode() -> bool:
    return unicode_on(sys.stdout)


def _show(lines: list[Line], wide: int = COLUMNS) -> None:
    say(*(paint(line, wide, color=True) for line in lines))


def _print(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
