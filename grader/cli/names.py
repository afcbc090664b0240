"""Names of exercises, lessons and labs on the command line, and their completion by the shell."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from grader.base.errors import UsageError
from grader.base.text import did_you_mean
from grader.course import Course, Exercise, find_course, load_course, load_exercise, load_lessons
from grader.course import find_exercise as matching
from grader.course.lesson.find import exact_lesson, find_lesson
from grader.course.load import exercise_ids, lab_names
from grader.course.progress import Progress
from grader.study.reader.order import next_exercise


class ExerciseName(click.ParamType[str]):
    """The type of an argument that names an exercise; the command resolves it with `find_exercise`."""

    name = "exercise"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete ids; if none matches, complete files."""
        ids = [each for root in _course_roots(ctx) for each in exercise_ids(root) if each.startswith(incomplete)]
        return [CompletionItem(each) for each in ids] or [CompletionItem(incomplete, type="file")]


class LessonName(click.ParamType[str]):
    """The type of an argument that names a lesson."""

    name = "lesson"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete slugs, and other names once something is typed, each with the lesson's title."""
        courses = [load_lessons(root) for root in _course_roots(ctx)]
        return [
            CompletionItem(name, help=lesson.title)
            for course in courses
            for lesson in course.lessons
            for name in (lesson.slug, *(lesson.names if incomplete else ()))
            if name.startswith(incomplete)
        ]


class LabName(click.ParamType[str]):
    """The type of an argument that names a lab."""

    name = "lab"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete names of labs."""
        labs = [name for root in _course_roots(ctx) for name in lab_names(root)]
        return [CompletionItem(name) for name in labs if name.startswith(incomplete)]


def find_exercise(root: Path, word: str | None) -> Exercise:
    """Return the exercise named by a word or a path; without one, the current exercise.

    Raises UsageError unless exactly one matches.
    """
    found = current_exercise_id(root) if word is None else matching.find_exercise(root, word).id
    return load_exercise(root, found)


def current_exercise_id(root: Path) -> str:
    """Return the exercise in whose folder the user is, or the one graded last if it has not passed, or the next one.

    Raises UsageError if every exercise is passed.
    """
    if here := matching.current_exercise(root):
        return here
    exercise = next_exercise(load_course(root), Progress.load(root))
    if exercise is None:
        raise UsageError(f"Every exercise is passed; name one: {click.get_current_context().command_path} ID.")
    return exercise.id


def suggest_command(word: str, commands: list[str], ctx: click.Context) -> str:
    """Return a hint for an unknown command: it names an exercise or a lesson, or resembles a command; may be empty."""
    for root in _course_roots(ctx):
        if word.casefold() in exercise_ids(root):
            return f" It is an exercise: grade exercise {word.casefold()}"
        if exact_lesson(load_lessons(root), word):
            return f" It is a lesson: grade lesson {word}"
    return did_you_mean(word, commands)


def lesson_number(course: Course, words: tuple[str, ...]) -> int:
    """Return the number of the lesson with that name. Raises UsageError unless exactly one matches."""
    return find_lesson(course, " ".join(words)).number


def _course_roots(ctx: click.Context) -> Iterator[Path]:
    """Yield the folder of the course, or nothing: errors must not be shown while a shell completes."""
    with suppress(UsageError):
        yield find_course(Path.cwd(), ctx.find_root().params.get("course"))
