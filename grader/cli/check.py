"""grade check: the proof that exercises are good."""

import os
import sys

import click

from grader.check import Problem, Verdict, check
from grader.cli.exercise import lost_is_said
from grader.cli.screen import bold, course_root, dim, number, prose, say
from grader.course import load_course
from grader.report.marks import FAILED, PASSED

FAILING = 1


@click.command("check")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--seeds", metavar="N", default=10, show_default=True, type=click.IntRange(min=2), help="Runs of each.")
@click.pass_context
def command(ctx: click.Context, ids: tuple[str, ...], seeds: int) -> None:
    """Prove that the tests of exercises are good: all of them, or those of the IDs.

    The untouched stub scores nothing, the reference and every variant score full marks on N seeds, every known
    mistake fails on N seeds and is named by the diagnosis, stub and reference agree, points add up, and no score
    changes from run to run. Exits with 1 if anything does not hold.
    """
    course = load_course(course_root())
    exercises = [course.exercise(each) for each in ids] or list(course.exercises)
    bad = 0
    say("")
    with lost_is_said():
        for verdict in check(course, exercises, seeds, os.cpu_count() or 1, _progress):
            _clear()
            _show(verdict)
            bad += bool(verdict.problems)
    good = len(exercises) - bad
    say("", f"  {good} of {len(exercises)} exercises hold on {seeds} seeds.")
    ctx.exit(FAILING if bad else 0)


def _show(verdict: Verdict) -> None:
    mark = click.style(FAILED, fg="red") if verdict.problems else click.style(PASSED, fg="green")
    counts = f"{verdict.mistakes} mistakes   {verdict.variants} variants"
    slowest = f"slowest test {verdict.slowest:.2f} s"
    say(f"  {mark} {bold(f'{verdict.exercise:<24}')} {number(verdict.points):>3} points   {counts}   {dim(slowest)}")
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
