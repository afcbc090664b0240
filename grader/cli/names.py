"""Names of exercises and lessons on command lines: what is meant by them, and how a shell completes them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from grader.base.errors import UsageError
from grader.base.text import did_you_mean
from grader.course import Course, Exercise, find_course, load_course, load_exercise, load_lessons
from grader.course.find_exercise import current_exercise, find_exercise
from grader.course.lesson.find import exact_lesson, find_lesson
from grader.course.load import exercise_ids, lab_names
from grader.course.progress import Progress
from grader.study.reader.order import next_exercise


class ExerciseName(click.ParamType[str]):
    """What may be typed for an exercise. What is meant by it is found out by the command: `named`."""

    name = "exercise"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The ids that begin so; where none does, files."""
        ids = [each for root in _course(ctx) for each in exercise_ids(root) if each.startswith(incomplete)]
        return [CompletionItem(each) for each in ids] or [CompletionItem(incomplete, type="file")]


class LessonName(click.ParamType[str]):
    """What may be typed for a lesson."""

    name = "lesson"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The slugs, and of other names those that begin so, each with the title."""
        courses = [load_lessons(root) for root in _course(ctx)]
        return [
            CompletionItem(name, help=lesson.title)
            for course in courses
            for lesson in course.lessons
            for name in (lesson.slug, *(lesson.names if incomplete else ()))
            if name.startswith(incomplete)
        ]


class LabName(click.ParamType[str]):
    """What may be typed for a lab."""

    name = "lab"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin so."""
        labs = [name for root in _course(ctx) for name in lab_names(root)]
        return [CompletionItem(name) for name in labs if name.startswith(incomplete)]


def named(root: Path, word: str) -> Exercise:
    """The exercise that is meant by a word or a path. UsageError where none is, or several are."""
    return load_exercise(root, find_exercise(root, word).id)


def last_or_next(root: Path) -> str:
    """The exercise in whose folder one is, else the one that was graded last and has not passed, else the next."""
    if here := current_exercise(root):
        return here
    exercise = next_exercise(load_course(root), Progress.load(root))
    if exercise is None:
        raise UsageError("Every exercise is passed; name one to grade it again: grade exercise ID.")
    return exercise.id


def instead(word: str, commands: list[str], ctx: click.Context) -> str:
    """What was meant by a word that is no command: an exercise, a lesson, or a command that is spelt otherwise."""
    for root in _course(ctx):
        if word.casefold() in exercise_ids(root):
            return f" It is an exercise: grade exercise {word.casefold()}"
        if exact_lesson(load_lessons(root), word):
            return f" It is a lesson: grade lesson {word}"
    return did_you_mean(word, commands)


def lesson_number(course: Course, words: tuple[str, ...]) -> int:
    """The number of the lesson that is meant by words. UsageError where none is, or several are."""
    return find_lesson(course, " ".join(words)).number


def _course(ctx: click.Context) -> Iterator[Path]:
    """The course that a command line is about, if there is one. While a shell completes, nothing is said of errors."""
    with suppress(UsageError):
        yield find_course(Path.cwd(), ctx.find_root().params.get("course"))
