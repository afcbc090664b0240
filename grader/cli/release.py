"""grade release: write the student's edition of a course."""

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
from grader.teach.formats.files import join_names
from grader.teach.release.edition import Edition, QuizMode, edition_files, select_edition
from grader.teach.release.write import require_empty, write_edition

MOST = 10  # names that are all listed


@click.command("release")
@click.option(
    "--out",
    metavar="DIR|ZIP",
    type=click.Path(path_type=Path),
    required=True,
    help="New or empty folder, or a file that ends in .zip.",
)
@click.option("--lessons", metavar="1-4", help="Include only these lessons: numbers, ranges and names with commas.")
@click.option("--exercises", metavar="ID,...", multiple=True, help="Include only these exercises, and those they need.")
@click.option(
    "--quizzes",
    type=click.Choice(get_args(QuizMode)),
    default="practice",
    show_default=True,
    help="Quizzes with packed answers, forms without answers, or none.",
)
@click.option("--seed", metavar="WORD", default="exam", show_default=True, help="Seed of exams, for all students.")
def command(out: Path, lessons: str | None, exercises: tuple[str, ...], quizzes: QuizMode, seed: str) -> None:
    """Write the student's edition of the course: lessons, stubs, statements, public tests and glossary.

    It contains no hidden tests, references or known mistakes, and no quiz answers in readable form. Students need
    this folder and the package archgrade. The same course gives the same bytes.

    Exams are forms. Students fill them in and hand them in, and grade batch scores them with the whole course.
    """
    course = load_course(course_root())
    course.require_whole("grade release")
    require_empty(out)
    ids = [each for word in exercises for each in re.split(r"[\s,]+", word) if each]
    chosen = _parse_lessons(course, lessons) if lessons is not None else []
    edition = select_edition(course, chosen, list(dict.fromkeys(ids)), quizzes)
    files = edition_files(course, edition, seed)
    write_edition(out, files)
    _show(course, edition, len(files), out)


def _parse_lessons(course: Course, words: str) -> list[Lesson]:
    """Parse a list such as `1-4,moe`, and return the lessons in the course's order.

    Raises UsageError if a name is unknown, a range contains no lesson, or the list is empty.
    """
    numbers: set[int] = set()
    for word in filter(None, re.split(r"[\s,]+", words)):
        bounds = re.fullmatch(r"(\d+)-(\d+)", word)
        if bounds is None:
            numbers.add(find_lesson(course, word).number)
            continue
        first, last = int(bounds[1]), int(bounds[2])
        within = {each.number for each in course.lessons if first <= each.number <= last}
        if not within:
            raise UsageError(f"No lesson of this course is in {word}; {COURSE_FILE} has their numbers.")
        numbers |= within
    if not numbers:
        raise UsageError("--lessons needs lessons, such as 1-4 or 1,3,moe.")
    return [each for each in course.lessons if each.number in numbers]


def _show(course: Course, edition: Edition, count: int, out: Path) -> None:
    quizzes = edition.lessons_with_quiz(course)
    say("", f"  {bold(str(out))}   {count} files", "")
    say(*_list_lines("lessons", [f"{each.number} {each.short}" for each in edition.lessons]))
    say(*_list_lines("exercises", [each.id for each in edition.exercises if each not in edition.added]))
    say(*_list_lines("and", [each.id for each in edition.added], ", on which those build"))
    kind = "exams" if edition.quizzes == "exam" else "quizzes"
    say(*_list_lines(kind, [each.slug for each in quizzes]), "")


def _list_lines(word: str, names: Sequence[str], after: str = "") -> list[str]:
    """Format a word and names, shortened if there are many; return no line if there are none."""
    if not names:
        return []
    told = join_names(names) if len(names) > MOST else ", ".join(names)
    first, *rest = prose(told + after, indent=16)
    return [f"    {dim(f'{word:<9}')}   {first.strip()}", *rest]
