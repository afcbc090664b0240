"""Names of exercises, lessons and labs on the command line, and their completion by the shell.

What only some commands need is imported where it is used, so that `grade list` starts fast.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from grader.base.errors import UsageError
from grader.base.text import did_you_mean
from grader.course import Course, Exercise, find_course, load_course, load_exercise, load_lessons
from grader.course.lesson.files import all_files, part_title
from grader.course.load import exercise_ids, lab_names, names_of_tests

_SPECIAL = re.compile(r"""['"`$&|;<>()*?\[\]{}\\!#~]""")  # in a word of bash, which completes without quotes


class CourseName(click.ParamType[str]):
    """The type of an argument that names something in a course; the shell completes it with `offers`."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a name. Outside a course, or in a broken one, there is nothing to offer, and no error is shown."""
        with suppress(UsageError):
            root = find_course(Path.cwd(), ctx.find_root().params.get("course"))
            return [*self.offers(root, ctx, incomplete)]
        return []

    def offers(self, root: Path, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
        """Return the names in the course at `root` that begin with `incomplete`."""
        raise NotImplementedError


class ExerciseName(CourseName):
    """The type of an argument that names an exercise; the command resolves it with `find_exercise`."""

    name = "exercise"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete ids; if none matches, complete files."""
        return super().shell_complete(ctx, param, incomplete) or [CompletionItem(incomplete, type="file")]

    def offers(self, root: Path, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
        """Offer ids."""
        return [CompletionItem(each) for each in exercise_ids(root) if each.startswith(incomplete)]


class TestName(CourseName):
    """The type of an argument that names a test of the exercise in the argument before it, `name`."""

    name = "test"

    def offers(self, root: Path, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
        """Offer the names of the tests."""
        exercise = find_exercise(root, ctx.params.get("name"))
        return [CompletionItem(each) for each in names_of_tests(exercise) if each.startswith(incomplete)]


class LessonName(CourseName):
    """The type of an argument that names a lesson."""

    name = "lesson"

    def offers(self, root: Path, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
        """Offer slugs, and other names once something is typed, each with the lesson's title."""
        return [
            CompletionItem(name, help=lesson.title)
            for lesson in load_lessons(root).lessons
            for name in (lesson.slug, *(lesson.names if incomplete else ()))
            if name.startswith(incomplete)
        ]


class PartName(LessonName):
    """The type of an argument that names a lesson or a part of one."""

    def offers(self, root: Path, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
        """Offer lessons, or once a digit is typed the numbers of parts, each with its title."""
        if not incomplete[:1].isdecimal():
            return super().offers(root, ctx, incomplete)
        files = all_files(load_lessons(root))
        return [CompletionItem(each.name, help=part_title(each)) for each in files if each.name.startswith(incomplete)]


class LabName(CourseName):
    """The type of an argument that names a lab."""

    name = "lab"

    def offers(self, root: Path, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
        """Offer names of labs."""
        return [CompletionItem(name) for name in lab_names(root) if name.startswith(incomplete)]


class TermName(CourseName):
    """The type of the argument `term`, which names a term of the glossary in one or several words."""

    name = "term"

    def offers(self, root: Path, ctx: click.Context, incomplete: str) -> Iterable[CompletionItem]:
        """Offer what follows the words before the cursor in the names of terms, except what a shell would not take."""
        from grader.course.glossary import load_glossary

        before = "".join(f"{word} " for word in ctx.params.get("term") or ())
        typed = f"{before}{incomplete}".casefold()
        names = [name for term in load_glossary(root) for name in term.names if not _SPECIAL.search(name)]
        return [CompletionItem(name[len(before) :]) for name in names if name.casefold().startswith(typed)]


def find_exercise(root: Path, word: str | None) -> Exercise:
    """Return the exercise named by a word or a path; without one, the current exercise.

    Raises UsageError unless exactly one matches.
    """
    from grader.course import find_exercise as matching

    found = current_exercise_id(root) if word is None else matching.find_exercise(root, word).id
    return load_exercise(root, found)


def current_exercise_id(root: Path) -> str:
    """Return the exercise in whose folder the user is, or the one graded last if it has not passed, or the next one.

    Raises UsageError if every exercise is passed.
    """
    from grader.course.find_exercise import current_exercise
    from grader.course.progress import Progress
    from grader.study.reader.order import next_exercise

    if here := current_exercise(root):
        return here
    exercise = next_exercise(load_course(root), Progress.load(root))
    if exercise is None:
        raise UsageError(f"Every exercise is passed; name one: {click.get_current_context().command_path} ID.")
    return exercise.id


def suggest_command(word: str, commands: list[str], ctx: click.Context) -> str:
    """Return a hint for an unknown command: it names an exercise or a lesson, or resembles a command; may be empty."""
    from grader.course.lesson.find import exact_lesson

    with suppress(UsageError):
        root = find_course(Path.cwd(), ctx.find_root().params.get("course"))
        if word.casefold() in exercise_ids(root):
            return f" It is an exercise: grade exercise {word.casefold()}"
        if exact_lesson(load_lessons(root), word):
            return f" It is a lesson: grade lesson {word}"
    return did_you_mean(word, commands)


def lesson_number(course: Course, words: tuple[str, ...]) -> int:
    """Return the number of the lesson with that name. Raises UsageError unless exactly one matches."""
    from grader.course.lesson.find import find_lesson

    return find_lesson(course, " ".join(words)).number
