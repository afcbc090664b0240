"""grade release: the student's edition of a course."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import click

from grader.base.errors import UsageError
from grader.cli.screen import bold, course_root, dim, prose, say
from grader.course import Course, Lesson, load_course
from grader.course.lesson.find import find_lesson
from grader.course.load import COURSE_FILE
from grader.teach.formats.files import several
from grader.teach.release.edition import Edition, Quizzes, edition_of, files_of
from grader.teach.release.write import require_room, write

MOST = 10  # names that are all listed


@click.command("release")
@click.option(
    "--out",
    metavar="DIR|ZIP",
    type=click.Path(path_type=Path),
    required=True,
    help="A folder that is empty or not there, or a file that ends with .zip.",
)
@click.option("--lessons", metavar="1-4", help="Of these lessons only: numbers, ranges and names, with commas.")
@click.option("--exercises", metavar="ID,...", multiple=True, help="These exercises only, and what they build on.")
@click.option(
    "--quizzes",
    type=click.Choice(get_args(Quizzes)),
    default="practice",
    show_default=True,
    help="With packed answers, as forms without any, or not at all.",
)
@click.option("--seed", metavar="WORD", default="exam", show_default=True, help="What exams are drawn by, for all.")
def command(out: Path, lessons: str | None, exercises: tuple[str, ...], quizzes: Quizzes, seed: str) -> None:
    """Write the student's edition of the course: lessons, stubs, statements, public tests, glossary.

    It has no hidden test, no reference, no known mistake and no key of a quiz in plain sight. Students need the
    package archgrade and this folder. The same course gives the same bytes.

    Exams are forms: what students hand in of them is scored by grade batch, with the whole course.
    """
    course = load_course(course_root())
    course.require_whole("grade release")
    require_room(out)
    ids = [each for word in exercises for each in re.split(r"[\s,]+", word) if each]
    chosen = _lessons(course, lessons) if lessons is not None else []
    edition = edition_of(course, chosen, list(dict.fromkeys(ids)), quizzes)
    files = files_of(course, edition, seed)
    write(out, files)
    _show(course, edition, len(files), out)


def _lessons(course: Course, words: str) -> list[Lesson]:
    """The lessons of `1-4,moe`, in the course's order. UsageError for what names none."""
    meant: set[int] = set()
    for word in filter(None, re.split(r"[\s,]+", words)):
        bounds = re.fullmatch(r"(\d+)-(\d+)", word)
        if bounds is None:
            meant.add(find_lesson(course, word).number)
            continue
        first, last = int(bounds[1]), int(bounds[2])
        within = {each.number for each in course.lessons if first <= each.number <= last}
        if not within:
            raise UsageError(f"No lesson of this course is in {word}; {COURSE_FILE} has their numbers.")
        meant |= within
    if not meant:
        raise UsageError("--lessons names lessons, such as 1-4 or 1,3,moe.")
    return [each for each in course.lessons if each.number in meant]


def _show(course: Course, edition: Edition, count: int, out: Path) -> None:
    quizzes = edition.quizzed(course)
    say("", f"  {bold(str(out))}   {count} files", "")
    say(*_listed("lessons", [f"{each.number} {each.short}" for each in edition.lessons]))
    asked = [each.id for each in edition.exercises if each not in edition.added]
    say(*_listed("exercises", asked), *_listed("and", [each.id for each in edition.added], ", on which those build"))
    kind = "exams" if edition.quizzes == "exam" else "quizzes"
    say(*_listed(kind, [each.slug for each in quizzes]), "")


def _listed(word: str, names: Sequence[str], after: str = "") -> list[str]:
    """Names behind a word, the first few where there are many; no line where there are none."""
    if not names:
        return []
    told = several(names) if len(names) > MOST else ", ".join(names)
    first, *rest = prose(told + after, indent=16)
    return [f"    {dim(f'{word:<9}')}   {first.strip()}", *rest]
