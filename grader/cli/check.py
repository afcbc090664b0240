"""grade check: check exercises, quizzes and lessons."""

import os
from dataclasses import dataclass, field

import click

from grader.author.check.exercises import check_exercises
from grader.author.check.lessons import OPENING, check_lessons, lessons_with_parts
from grader.author.check.mutants import check_mutants
from grader.base.errors import UsageError
from grader.cli.check_screen import (
    show_exercise,
    show_lesson,
    show_mutants,
    show_mutants_header,
    show_progress,
    show_quiz,
)
from grader.cli.numbers import WholeNumber
from grader.cli.screen import course_root, say
from grader.course import Course, Exercise, Lesson, load_course
from grader.course.glossary import load_glossary
from grader.course.lesson.files import lesson_folder, quiz_path
from grader.course.lesson.find import find_lesson
from grader.quiz.lint import lint
from grader.study.grading import lost_as_usage_error

FAILING = 1  # exit code: a check failed
LESSON = "lesson"  # the word before the names of lessons whose texts alone are checked


@dataclass
class Selection:
    """The exercises, quizzes and lessons to check."""

    exercises: list[Exercise] = field(default_factory=list)
    quizzes: list[Lesson] = field(default_factory=list)
    lessons: list[int] = field(default_factory=list)  # numbers; 0 is the page before the first lesson


@click.command("check")
@click.argument("ids", metavar="[lesson] [ID]...", nargs=-1)
@click.option(
    "--seeds",
    metavar="N",
    default=10,
    show_default=True,
    type=WholeNumber(min=2),
    help="Run the tests of exercises with N seeds.",
)
@click.option("--update", is_flag=True, help="First write outputs and pictures into the lessons.")
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@click.option("--mutants", is_flag=True, help="Check tests with references that have one change each.")
@click.pass_context
def command(ctx: click.Context, ids: tuple[str, ...], seeds: int, update: bool, strict: bool, mutants: bool) -> None:
    """Check exercises, quizzes and lessons: all of them, or those with the given IDs.

    An ID is an exercise, or a lesson whose text and quiz are checked. After the word lesson, all IDs are lessons, and
    only their texts are checked: grade check lesson 1. Without IDs, grade check lesson checks all texts.

    Exercises: the untouched stub scores nothing. The reference and every variant get full marks on N seeds. Every
    known mistake fails on N seeds, and the diagnosis names it. Stub and reference agree, the points add up, and scores
    do not change from run to run. A warning says what else a good exercise has: hints, 3 mistakes, 3 variants.

    Quizzes: every question has an answer however its numbers are drawn, no listed mistake is right, and all sections
    exist.

    Lessons: code prints and draws what the text shows, and terms, letters and links are correct.

    With --mutants, the reference of each exercise is changed in one place, in hundreds of ways. The tests must reject
    every change that is not listed in solutions/ID/equivalents.yaml.

    Exits with 1 if a check fails.
    """
    course = load_course(course_root())
    course.require_whole("grade check")
    selection = _select(course, ids)
    if mutants:
        if update or not selection.exercises:
            raise UsageError("--mutants checks the tests of exercises: name exercises or nothing, without --update.")
        ctx.exit(FAILING if _check_mutants(course, selection.exercises) else 0)
    if update and not selection.lessons:
        raise UsageError("--update writes into the text of lessons, but none is selected.")
    if not ids:
        load_glossary(course.root)  # raises UsageError if a term is invalid
    sentences: list[str] = []
    failures = 0
    if selection.lessons:
        failing = _check_lessons(course, selection.lessons, update)
        sentences.append(_summary(failing, len(selection.lessons), "lessons"))
        failures += failing
    if selection.quizzes:
        failing = _check_quizzes(course, selection.quizzes)
        sentences.append(_summary(failing, len(selection.quizzes), "quizzes"))
        failures += failing
    if selection.exercises or not sentences:
        failing = _check_exercises(course, selection.exercises, seeds, strict)
        sentences.append(_summary(failing, len(selection.exercises), "exercises", f" on {seeds} seeds"))
        failures += failing
    say("", f"  {' '.join(sentences)}")
    ctx.exit(FAILING if failures else 0)


def _check_lessons(course: Course, numbers: list[int], update: bool) -> int:
    """Check the text of lessons and return how many fail."""
    say("")
    with lost_as_usage_error():
        return sum(not show_lesson(each) for each in check_lessons(course, numbers, show_progress, update=update))


def _check_quizzes(course: Course, lessons: list[Lesson]) -> int:
    """Check the quizzes of lessons and return how many fail."""
    say("")
    verdicts = (lint(lesson.slug, lesson_folder(course, lesson), course.standards) for lesson in lessons)
    return sum(not show_quiz(each) for each in verdicts)


def _check_exercises(course: Course, exercises: list[Exercise], seeds: int, strict: bool) -> int:
    """Check exercises and return how many fail."""
    say("")
    with lost_as_usage_error():
        verdicts = check_exercises(course, exercises, seeds, os.cpu_count() or 1, show_progress)
        return sum(not show_exercise(each, strict) for each in verdicts)


def _check_mutants(course: Course, exercises: list[Exercise]) -> int:
    """Run the tests of exercises on mutants and return in how many exercises some survive."""
    show_mutants_header()
    with lost_as_usage_error():
        verdicts = check_mutants(course, exercises, os.cpu_count() or 1, show_progress)
        return sum(not show_mutants(each) for each in verdicts)


def _summary(failing: int, total: int, noun: str, condition: str = "") -> str:
    return f"{total - failing} of {total} {noun} pass{condition}."


# ------------------------------------------------------------ the selection


def _select(course: Course, ids: tuple[str, ...]) -> Selection:
    """Parse the arguments; without any, select everything."""
    parts = lessons_with_parts(course)
    if ids[:1] == (LESSON,):
        return Selection(lessons=[_lesson_number(course, name, parts) for name in ids[1:]] or parts)
    with_quiz = [lesson for lesson in course.lessons if quiz_path(course, lesson).is_file()]
    if not ids:
        return Selection(list(course.exercises), with_quiz, parts)
    selection = Selection()
    exercise_ids = {exercise.id for exercise in course.exercises}
    for each in ids:
        if each in exercise_ids:
            selection.exercises.append(course.exercise(each))
            continue
        lesson = _find_lesson(course, each)
        if lesson not in with_quiz and lesson.number not in parts:
            raise UsageError(f"Lesson {lesson.number}, {lesson.title}, has no quiz and no parts to check.")
        if lesson in with_quiz:
            selection.quizzes.append(lesson)
        if lesson.number in parts:
            selection.lessons.append(lesson.number)
    return selection


def _lesson_number(course: Course, name: str, parts: list[int]) -> int:
    """Return the number of the lesson with that name; 0 is the page before the first lesson.

    Raises UsageError if the lesson is unknown or has no parts.
    """
    if name == str(OPENING):
        if OPENING not in parts:
            raise UsageError("This course has no page before its first lesson: there is no lessons/opening.md.")
        return OPENING
    lesson = find_lesson(course, name)
    if lesson.number not in parts:
        raise UsageError(f"Lesson {lesson.number}, {lesson.title}, has no parts to check.")
    return lesson.number


def _find_lesson(course: Course, word: str) -> Lesson:
    """Return the lesson with that name. Raises UsageError, with a suggestion, if neither lesson nor exercise has it."""
    try:
        return find_lesson(course, word)
    except UsageError:
        course.exercise(word)  # raises UsageError with the nearest exercise
        raise
