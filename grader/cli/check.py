"""grade check: the proof that exercises and quizzes are good."""

import os
import sys

import click

from grader.check import Problem, Verdict, check
from grader.cli.screen import bold, course_root, dim, number, prose, say
from grader.course import Course, Exercise, Lesson, load_course
from grader.course.glossary import load_glossary
from grader.course.lessons import find_lesson, lesson_path, quiz_path
from grader.errors import UsageError
from grader.quiz.lint import QuizVerdict, lint
from grader.report.marks import FAILED, PASSED
from grader.selfstudy import lost_is_said

FAILING = 1


@click.command("check")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--seeds", metavar="N", default=10, show_default=True, type=click.IntRange(min=2), help="Runs of each.")
@click.pass_context
def command(ctx: click.Context, ids: tuple[str, ...], seeds: int) -> None:
    """Prove that exercises and quizzes are good: all of them, or those of the IDs.

    An ID is an exercise's, or names the lesson of a quiz.

    The untouched stub scores nothing, the reference and every variant score full marks on N seeds, every known
    mistake fails on N seeds and is named by the diagnosis, stub and reference agree, points add up, and no score
    changes from run to run. Of a quiz, every draw of every question has an answer, no listed mistake is right, and
    all sections exist. Exits with 1 if anything does not hold.
    """
    course = load_course(course_root())
    exercises, lessons = _meant(course, ids)
    if not ids:
        load_glossary(course.root)  # raises where a term is not what it should be
    say("")
    bad = 0
    for lesson in lessons:
        found = lint(lesson.slug, quiz_path(course, lesson), lesson_path(course, lesson))
        _show_quiz(found)
        bad += bool(found.problems)
    counts = [f"{len(lessons) - bad} of {len(lessons)} quizzes hold."] if lessons else []
    failing = bad
    if exercises or not lessons:
        if lessons:
            say("")
        bad = 0
        with lost_is_said():
            for verdict in check(course, exercises, seeds, os.cpu_count() or 1, _progress):
                _clear()
                _show(verdict)
                bad += bool(verdict.problems)
        counts.append(f"{len(exercises) - bad} of {len(exercises)} exercises hold on {seeds} seeds.")
        failing += bad
    say("", f"  {' '.join(counts)}")
    ctx.exit(FAILING if failing else 0)


def _meant(course: Course, ids: tuple[str, ...]) -> tuple[list[Exercise], list[Lesson]]:
    """The exercises, and the lessons whose quizzes are meant: all of them where no ID is given."""
    with_quiz = [lesson for lesson in course.lessons if quiz_path(course, lesson).is_file()]
    if not ids:
        return list(course.exercises), with_quiz
    known = {exercise.id for exercise in course.exercises}
    exercises = [course.exercise(each) for each in ids if each in known]
    lessons = []
    for each in ids:
        if each not in known:
            lesson = _lesson(course, each)
            if lesson not in with_quiz:
                raise UsageError(f"Lesson {lesson.number}, {lesson.title}, has no quiz to check.")
            lessons.append(lesson)
    return exercises, lessons


def _lesson(course: Course, word: str) -> Lesson:
    """The lesson of that name; an error speaks of exercises too."""
    try:
        return find_lesson(course, word)
    except UsageError:
        course.exercise(word)  # raises, and knows what was nearly meant
        raise


def _show_quiz(verdict: QuizVerdict) -> None:
    mark = click.style(FAILED, fg="red") if verdict.problems else click.style(PASSED, fg="green")
    told = f"{verdict.questions:>3} questions   {verdict.draws} draws"
    longest = f"right is longest in {100 * (verdict.longest or 0):.0f} %" if verdict.longest is not None else ""
    say(f"  {mark} {bold(f'quiz {verdict.name:<24}')} {told:<28} {dim(longest)}")
    for problem in verdict.problems:
        lines = prose(problem, indent=6)
        say(f"    - {lines[0].strip()}", *lines[1:])


def _show(verdict: Verdict) -> None:
    mark = click.style(FAILED, fg="red") if verdict.problems else click.style(PASSED, fg="green")
    counts = f"{verdict.mistakes} mistakes   {verdict.variants} variants"
    slowest = f"slowest test {verdict.slowest:.2f} s"
    say(f"  {mark} {bold(f'{verdict.exercise:<24}')} {number(verdict.points):>3} points   {counts}   {dim(slowest)}")
    for sentence in verdict.unavailable:
        lines = prose(f"not proved: {sentence}", indent=6)
        say(f"    - {lines[0].strip()}", *lines[1:])
    for problem in verdict.problems:
        say(*_lines(problem))


def _lines(problem: Problem) -> list[str]:
    seeds = sorted(problem.seeds)
    on = f" Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds[:5]))}" if seeds else ""
    more = f" and {len(seeds) - 5} more" if len(seeds) > 5 else ""
    lines = prose(f"{problem.where}: {problem.what}{on}{more}{'.' if on else ''}", indent=6)
    return [f"    - {lines[0].strip()}", *lines[1:]]


def _progress(done: int, total: int) -> None:
    """A line that is overwritten, where there is a terminal to overwrite it."""
    if sys.stderr.isatty():
        click.echo(f"\r  {done} of {total} runs", nl=False, err=True)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
