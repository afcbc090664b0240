"""grade check: the proof that exercises, quizzes and lessons are good."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import click

from grader.author.check.exercises import Problem, Verdict, check
from grader.author.check.lessons import OPENING, LessonVerdict, check_lessons, with_parts
from grader.author.check.mutants import prove
from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.screen import bold, course_root, dim, number, prose, say
from grader.course import Course, Exercise, Lesson, load_course
from grader.course.glossary import load_glossary
from grader.course.lesson.files import lesson_folder, quiz_path
from grader.course.lesson.find import find_lesson
from grader.quiz.lint import QuizVerdict, lint
from grader.show.marks import FAILED, PASSED
from grader.study.grading import lost_is_said

FAILING = 1
LESSON = "lesson"  # the word before the names of lessons whose texts are meant


@dataclass
class _Meant:
    """What is to be proved."""

    exercises: list[Exercise] = field(default_factory=list)
    quizzes: list[Lesson] = field(default_factory=list)
    lessons: list[int] = field(default_factory=list)  # numbers; 0: the page before the first


@click.command("check")
@click.argument("ids", metavar="[lesson] [ID]...", nargs=-1)
@click.option("--seeds", metavar="N", default=10, show_default=True, type=click.IntRange(min=2), help="Runs of each.")
@click.option("--update", is_flag=True, help="First write what lessons print and draw into them.")
@click.option("--mutants", is_flag=True, help="Prove tests by references with one thing changed instead.")
@click.pass_context
def command(ctx: click.Context, ids: tuple[str, ...], seeds: int, update: bool, mutants: bool) -> None:
    """Prove that exercises, quizzes and lessons are good: all of them, or those of the IDs.

    An ID is an exercise's, or names a lesson, whose text and quiz are meant. After the word lesson all IDs name
    lessons, and only their texts are meant: grade check lesson 1. Without IDs, grade check lesson means all texts.

    The untouched stub scores nothing, the reference and every variant score full marks on N seeds, every known
    mistake fails on N seeds and is named by the diagnosis, stub and reference agree, points add up, and no score
    changes from run to run. Of a quiz, every draw of every question has an answer, no listed mistake is right, and
    all sections exist. Of a lesson's text, code prints and draws what is shown, and terms, letters and links are as
    they should be. Exits with 1 if anything does not hold.

    With --mutants the reference of each exercise is changed in one place, in some hundreds of ways, and the tests must
    find out each that is not listed in solutions/ID/equivalents.yaml.
    """
    course = load_course(course_root())
    course.require_whole("grade check")
    meant = _meant(course, ids)
    if mutants:
        if update or not meant.exercises:
            raise UsageError("--mutants proves the tests of exercises: name exercises, or nothing, and no --update.")
        ctx.exit(FAILING if _mutants(course, meant.exercises) else 0)
    if update and not meant.lessons:
        raise UsageError("--update writes into the text of a lesson, and none is meant here.")
    if not ids:
        load_glossary(course.root)  # raises where a term is not what it should be
    counts: list[str] = []
    failing = 0
    if meant.lessons:
        say("")
        with lost_is_said():
            verdicts = check_lessons(course, meant.lessons, _progress, update=update)
            bad = sum(_shown_lesson(verdict) for verdict in verdicts)
        counts.append(f"{len(meant.lessons) - bad} of {len(meant.lessons)} lessons hold.")
        failing += bad
    if meant.quizzes:
        say("")
        bad = sum(
            _shown_quiz(lint(lesson.slug, lesson_folder(course, lesson), course.standards)) for lesson in meant.quizzes
        )
        counts.append(f"{len(meant.quizzes) - bad} of {len(meant.quizzes)} quizzes hold.")
        failing += bad
    if meant.exercises or not counts:
        say("")
        with lost_is_said():
            proofs = check(course, meant.exercises, seeds, os.cpu_count() or 1, _progress)
            bad = sum(_shown_exercise(verdict) for verdict in proofs)
        counts.append(f"{len(meant.exercises) - bad} of {len(meant.exercises)} exercises hold on {seeds} seeds.")
        failing += bad
    say("", f"  {' '.join(counts)}")
    ctx.exit(FAILING if failing else 0)


def _mutants(course: Course, exercises: Sequence[Exercise]) -> bool:
    """Shows what became of the mutants of exercises; whether one that is not known to be equal passed."""
    say("", dim(f"  {'exercise':<26} {'mutants':>8} {'killed':>8} {'equivalent':>11} {'open':>6}"))
    bad = False
    with lost_is_said():
        for verdict in prove(course, exercises, os.cpu_count() or 1, _progress):
            _clear()
            numbers = f"{verdict.count:>8} {verdict.killed:>8} {verdict.equivalent:>11} {len(verdict.survivors):>6}"
            holds = not verdict.survivors and not verdict.problems
            say(f"  {_mark(not holds)} {bold(f'{verdict.exercise:<24}')} {numbers}")
            for mutant in verdict.survivors:
                say(f"    - {mutant.function}", f"      {dim('was')}      {mutant.was}")
                say(f"      {dim('becomes')}  {mutant.becomes}")
            for problem in verdict.problems:
                say(*_item(problem))
            bad = bad or not holds
    return bad


def _meant(course: Course, ids: tuple[str, ...]) -> _Meant:
    """What the words of the command line mean: all where there are none."""
    parts = with_parts(course)
    if ids[:1] == (LESSON,):
        return _Meant(lessons=[_text(course, name, parts) for name in ids[1:]] or parts)
    with_quiz = [lesson for lesson in course.lessons if quiz_path(course, lesson).is_file()]
    if not ids:
        return _Meant(list(course.exercises), with_quiz, parts)
    meant = _Meant()
    known = {exercise.id for exercise in course.exercises}
    for each in ids:
        if each in known:
            meant.exercises.append(course.exercise(each))
            continue
        lesson = _lesson(course, each)
        if lesson not in with_quiz and lesson.number not in parts:
            raise UsageError(f"Lesson {lesson.number}, {lesson.title}, has no quiz and no parts to check.")
        meant.quizzes += [lesson] if lesson in with_quiz else []
        meant.lessons += [lesson.number] if lesson.number in parts else []
    return meant


def _text(course: Course, name: str, parts: list[int]) -> int:
    """The number of the lesson of that name, or of the page before the first, if it has parts."""
    if name == str(OPENING):
        if OPENING not in parts:
            raise UsageError("This course has no page before its first lesson: there is no lessons/opening.md.")
        return OPENING
    lesson = find_lesson(course, name)
    if lesson.number not in parts:
        raise UsageError(f"Lesson {lesson.number}, {lesson.title}, has no parts to check.")
    return lesson.number


def _lesson(course: Course, word: str) -> Lesson:
    """The lesson of that name; an error speaks of exercises too."""
    try:
        return find_lesson(course, word)
    except UsageError:
        course.exercise(word)  # raises, and knows what was nearly meant
        raise


def _shown_lesson(verdict: LessonVerdict) -> bool:
    """Shows what was proved of a lesson; whether anything does not hold."""
    _clear()
    name = f"lesson {verdict.number:<22}"
    parts = f"{verdict.parts} part{'' if verdict.parts == 1 else 's'}"
    counts = f"{parts}   {verdict.blocks} blocks of code   {verdict.pictures} pictures"
    say(f"  {_mark(bool(verdict.problems))} {bold(name)} {counts}")
    for path in verdict.changed:
        say(f"    {dim('written')}   {shown(path)}")
    for problem in verdict.problems:
        say(*_item(f"{problem.where}: {problem.sentence}"))
    return bool(verdict.problems)


def _shown_quiz(verdict: QuizVerdict) -> bool:
    """Shows what was proved of a quiz; whether anything does not hold."""
    told = f"{verdict.questions:>3} questions   {verdict.draws} draws"
    longest = f"right is longest in {100 * (verdict.longest or 0):.0f} %" if verdict.longest is not None else ""
    say(f"  {_mark(bool(verdict.problems))} {bold(f'quiz {verdict.name:<24}')} {told:<28} {dim(longest)}")
    for problem in verdict.problems:
        say(*_item(problem))
    return bool(verdict.problems)


def _shown_exercise(verdict: Verdict) -> bool:
    """Shows what was proved of an exercise; whether anything does not hold."""
    _clear()
    counts = f"{verdict.mistakes} mistakes   {verdict.variants} variants"
    slowest = f"slowest test {verdict.slowest:.2f} s"
    told = f"{number(verdict.points):>3} points   {counts}   {dim(slowest)}"
    say(f"  {_mark(bool(verdict.problems))} {bold(f'{verdict.exercise:<24}')} {told}")
    for sentence in verdict.unavailable:
        say(*_item(f"not proved: {sentence}"))
    for problem in verdict.problems:
        say(*_item(_sentence(problem)))
    return bool(verdict.problems)


def _mark(failing: bool) -> str:
    return click.style(FAILED, fg="red") if failing else click.style(PASSED, fg="green")


def _item(text: str) -> list[str]:
    """An item of a list below what it is about."""
    lines = prose(text, indent=6)
    return [f"    - {lines[0].strip()}", *lines[1:]]


def _sentence(problem: Problem) -> str:
    seeds = sorted(problem.seeds)
    on = f" Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds[:5]))}" if seeds else ""
    more = f" and {len(seeds) - 5} more" if len(seeds) > 5 else ""
    return f"{problem.where}: {problem.what}{on}{more}{'.' if on else ''}"


def _progress(done: int, total: int) -> None:
    """A line that is overwritten, where there is a terminal to overwrite it."""
    if sys.stderr.isatty():
        click.echo(f"\r  {done} of {total} runs", nl=False, err=True)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
