"""Lines on the screen of grade check. Each function for a verdict returns whether the check passed."""

import sys
from collections.abc import Iterator

import click

from grader.author.check.exercises import ExerciseProblem, ExerciseVerdict
from grader.author.check.lessons import LessonVerdict
from grader.author.check.mutants import MutantVerdict
from grader.base.files import shown
from grader.cli.screen import bold, dim, prose, say
from grader.course.lesson.measures import LONG, LessonMeasures
from grader.quiz.lint import QuizVerdict
from grader.show.numbers import format_points
from grader.show.symbols import FAILED, PASSED


def show_lesson(verdict: LessonVerdict) -> bool:
    """Show the check of a lesson."""
    _clear_progress()
    passed = not verdict.problems
    name = f"lesson {verdict.number:<22}"
    parts = f"{verdict.parts} part{'' if verdict.parts == 1 else 's'}"
    counts = f"{parts}   {verdict.blocks} blocks of code   {verdict.pictures} pictures"
    say(f"  {_mark(passed)} {bold(name)} {counts}")
    for line in _measure_lines(verdict.measures):
        say(dim(f"    {line}"))
    for path in verdict.changed:
        say(f"    {dim('written')}   {shown(path)}")
    for problem in verdict.problems:
        say(*_item(f"{problem.where}: {problem.sentence}"))
    return passed


def _measure_lines(measures: LessonMeasures) -> Iterator[str]:
    if measures.questions:
        yield f"{measures.questions:>6} questions   {_share(measures.numbers, measures.questions)} ask for a number"
    if measures.choices:
        pairs, longest = (_share(count, measures.choices) for count in (measures.pairs, measures.longest))
        yield f"{measures.choices:>6} choices     {pairs} have two options, in {longest} the right one is longest"
    long = ", ".join(measures.long_parts) or "none"
    yield f"{measures.words:>6} words       {measures.asides} asides; parts above {LONG} words: {long}"


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.0f} %"


def show_quiz(verdict: QuizVerdict) -> bool:
    """Show the check of a quiz."""
    passed = not verdict.problems
    counts = f"{verdict.questions:>3} questions   {verdict.draws} draws"
    longest = f"right is longest in {100 * (verdict.longest or 0):.0f} %" if verdict.longest is not None else ""
    say(f"  {_mark(passed)} {bold(f'quiz {verdict.name:<24}')} {counts:<28} {dim(longest)}")
    for problem in verdict.problems:
        say(*_item(problem))
    return passed


def show_exercise(verdict: ExerciseVerdict, strict: bool) -> bool:
    """Show the check of an exercise, which fails by a warning if `strict`."""
    _clear_progress()
    passed = not verdict.problems and not (strict and verdict.warnings)
    counts = f"{format_points(verdict.points):>3} points   {verdict.mistakes} mistakes   {verdict.variants} variants"
    slowest = f"slowest test {verdict.slowest:.2f} s"
    say(f"  {_mark(passed)} {bold(f'{verdict.exercise:<24}')} {counts}   {dim(slowest)}")
    for sentence in verdict.unavailable:
        say(*_item(f"not checked: {sentence}"))
    for problem in verdict.problems:
        say(*_item(_problem_sentence(problem)))
    for warning in verdict.warnings:
        say(*_item(f"warning: {warning}"))
    return passed


def show_mutants_header() -> None:
    """Show the header of the table of mutants."""
    say("", dim(f"  {'exercise':<26} {'mutants':>8} {'killed':>8} {'equivalent':>11} {'open':>6}"))


def show_mutants(verdict: MutantVerdict) -> bool:
    """Show the row of an exercise in the table of mutants, and the mutants that survive."""
    _clear_progress()
    passed = not verdict.survivors and not verdict.problems
    counts = f"{verdict.count:>8} {verdict.killed:>8} {verdict.equivalent:>11} {len(verdict.survivors):>6}"
    say(f"  {_mark(passed)} {bold(f'{verdict.exercise:<24}')} {counts}")
    for mutant in verdict.survivors:
        say(f"    - {mutant.function}", f"      {dim('was')}      {mutant.was}")
        say(f"      {dim('becomes')}  {mutant.becomes}")
    for problem in verdict.problems:
        say(*_item(problem))
    return passed


def show_progress(done: int, total: int) -> None:
    """Overwrite the line with the number of runs, if standard error is a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r  {done} of {total} runs", nl=False, err=True)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


def _mark(passed: bool) -> str:
    return click.style(PASSED, fg="green") if passed else click.style(FAILED, fg="red")


def _item(text: str) -> list[str]:
    """Format an item of a list."""
    lines = prose(text, indent=6)
    return [f"    - {lines[0].strip()}", *lines[1:]]


def _problem_sentence(problem: ExerciseProblem) -> str:
    seeds = sorted(problem.seeds)
    on = f" Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds[:5]))}" if seeds else ""
    more = f" and {len(seeds) - 5} more" if len(seeds) > 5 else ""
    return f"{problem.where}: {problem.what}{on}{more}{'.' if on else ''}"
