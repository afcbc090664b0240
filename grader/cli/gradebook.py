"""grade gradebook: show, export or edit the gradebook of a class."""

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
from grader.show.symbols import supports_unicode
from grader.teach.formats import FORMATS, parse_formats
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.book import StoredBook
from grader.teach.gradebook.database import storable
from grader.teach.gradebook.listing import class_listing
from grader.teach.gradebook.model import BatchRun, GradedFile, Item, Points
from grader.teach.gradebook.screen import class_screen, runs_screen, student_screen
from grader.teach.handins.handin import Ignored, Student

SCHEMA = "archgrade/gradebook/v1"
FILE = click.Path(path_type=Path, dir_okay=False)


class JsonGrade(msgspec.Struct, frozen=True, kw_only=True):
    """The grade of one student for one item, as `--json` prints it."""

    student: str
    item: str
    handed: GradedFile
    outcome: Outcome
    points: Points | None
    error: str | None


class JsonGradebook(msgspec.Struct, frozen=True, kw_only=True):
    """The gradebook of a class, as `--json` prints it."""

    schema: str = SCHEMA
    course: str
    run: BatchRun
    items: tuple[Item, ...]
    students: tuple[Student, ...]
    grades: tuple[JsonGrade, ...]
    ignored: tuple[Ignored, ...]


@click.command("gradebook")
@click.argument("folder", metavar="[DIR]", default="results", type=click.Path(path_type=Path))
@click.option("--student", metavar="WHO", help="Show how one student's points were computed.")
@click.option("--runs", is_flag=True, help="List the runs, for grade compare.")
@click.option(
    "--format",
    "formats",
    metavar="NAME[=FILE]",
    multiple=True,
    help=f"Export; may be repeated. NAME is {', '.join(FORMATS)}.",
)
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Folder for exports.  [default: DIR]")
@click.option("--late", metavar="FILE", type=FILE, help="Apply this late policy (YAML) from now on.")
@click.option("--extensions", metavar="FILE", type=FILE, help="Apply these extensions (CSV) from now on.")
@click.option("--adjustments", metavar="FILE", type=FILE, help="Apply these adjustments (CSV) from now on.")
@click.option("--forget", metavar="ID", help="Delete a student from the gradebook.")
@click.option("--merge", metavar="ID INTO", nargs=2, help="Merge the first student into the second.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    """Show the points of a class from the gradebook in DIR, which grade batch writes (default: results)."""
    if sum((student is not None, runs, bool(formats), forget is not None, merge is not None)) > 1:
        raise UsageError("Give one of --student, --runs, --format, --forget and --merge.")
    with Gradebook(folder) as gradebook:
        if late or extensions or adjustments:
            gradebook.set_policies(late=late, extensions=extensions, adjustments=adjustments, known=_course_items())
        if runs:
            found = gradebook.runs()
            _print_json(found) if as_json else _show(runs_screen(found, _unicode()))
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
            _print_json(_json_gradebook(book))
        else:
            width = max(columns() - 3, COLUMNS)
            _show(class_screen(class_listing(book, gradebook.policy_files()), _unicode(), width), width)
            command_line = f"grade gradebook {shlex.quote(storable(str(folder)))}"
            say(step("student", f"{command_line} --student ID"), step("export", f"{command_line} --format html"), "")


def _course_items() -> list[str]:
    """Return the ids of all exercises and quizzes; none outside a course, where the gradebook's own items suffice."""
    try:
        root = find_course(Path.cwd(), click.get_current_context().find_root().obj)
    except UsageError:
        return []
    course = load_course(root)
    return [*(exercise.id for exercise in course.exercises), *(lesson.slug for lesson in course.lessons)]


def _student(book: StoredBook, name: str, as_json: bool) -> None:
    student = _find_student(book, name)
    grades = book.of_student(student.id)
    if as_json:
        _print_json(grades)
    else:
        ignored = [each for each in book.ignored if each.student and each.student.id == student.id]
        _show(student_screen(student, grades, book.items, ignored, _unicode()))


def _forget(gradebook: Gradebook, book: StoredBook, name: str) -> None:
    student = _find_student(book, name)
    gradebook.lock()  # fails while a batch is running, which would write the student again
    gradebook.forget(student.id)
    say(f"  {clean_line(student.id)} is no longer in the gradebook.")


def _merge(gradebook: Gradebook, book: StoredBook, name: str, into: str) -> None:
    student, other = _find_student(book, name), _find_student(book, into)
    if student.id == other.id:
        raise UsageError(f"'{name}' and '{into}' are already the same student.")
    gradebook.lock()
    gradebook.merge(student.id, other.id)
    say(f"  {clean_line(student.id)} and {clean_line(other.id)} are now one student: {clean_line(other.id)}.")


def _find_student(book: StoredBook, name: str) -> Student:
    """Return the student with this id, login, e-mail address or name. Raises UsageError unless exactly one matches."""
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

    chosen = parse_formats(formats)  # raises before anything is written
    written = [path for each in chosen for path in each.write(book, out)]
    say(*map(clean_line, written_lines(written, out)))


def _json_gradebook(book: StoredBook) -> JsonGradebook:
    return JsonGradebook(
        course=book.course,
        run=book.run,
        items=tuple(book.items),
        students=tuple(book.students),
        grades=tuple(
            JsonGrade(
                student=entry.student,
                item=entry.item,
                handed=entry.handed,
                outcome=entry.result.outcome if entry.result else Outcome.ERROR,
                points=points,
                error=entry.error,
            )
            for entry, points in book.scores()
        ),
        ignored=tuple(book.ignored),
    )


def _unicode() -> bool:
    return supports_unicode(sys.stdout)


def _show(lines: list[Line], width: int = COLUMNS) -> None:
    say(*(paint(line, width, color=True) for line in lines))


def _print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
