"""Points: of tests, and of a submission as a whole."""

from collections.abc import Sequence

from grader.base.result import Outcome, Result, TestResult
from grader.show.context import RunContext
from grader.show.layout import Line, Page, align_right, bold, dim, line, prose
from grader.show.numbers import format_points

PUBLIC_ONLY = "These are the public tests only; the hidden ones run on what you hand in."


def score_lines(result: Result, page: Page, run: RunContext | None = None) -> list[Line]:
    """Return `6 of 10 points` and how many tests ran for how long; on a full page also the conditions of the run.

    With a context, also the difference in points from the attempt before.
    """
    got = f"{format_points(result.score)} of {format_points(result.max_score)} points"
    if result.outcome is Outcome.ERROR:
        got = "not graded"
    since = _since(result, run) if run is not None and result.outcome is not Outcome.ERROR else ""
    time, room = time_text(result), page.width - 2 - len(got) - len(since)
    lines = [line("  ", bold(got), since, dim(align_right(time, room)) if len(time) + 2 <= room else "")]
    if not result.hidden_tests:
        lines += prose(PUBLIC_ONLY, page, indent=2)
    return [*lines, *(prose(conditions(result), page, indent=2) if page.full else ())]


def time_text(result: Result) -> str:
    """Return `7 tests in 0.21 s`, or nothing if no test ran."""
    ran = sum(t.is_failing or t.outcome is Outcome.PASSED for t in result.tests)
    return f"{ran} test{'' if ran == 1 else 's'} in {result.seconds:.2f} s" if ran else ""


def _since(result: Result, run: RunContext) -> str:
    """Return how the score changed since the attempt before."""
    if run.before is None:
        return ""
    gained = result.score - run.before
    sign = "+" if gained > 0 else "-"
    return (
        f", {sign}{format_points(abs(gained))} since try {run.tries - 1}" if gained else f", as in try {run.tries - 1}"
    )


def conditions(result: Result) -> str:
    """Return the isolation, seed and versions of the run."""
    held, versions = result.isolation, result.versions
    torch = f"torch {versions.torch}, " if versions.torch else ""
    software = f"Python {versions.python}, {torch}archgrade {versions.archgrade}"
    return f"isolation {held.kind}, seed {result.seed}, {software}"


def earned_text(tests: Sequence[TestResult]) -> str:
    """Return `2` for passed tests, `0/2` for others, `-` for those that say nothing about the submission."""
    points, most = sum(t.points for t in tests), sum(t.max_points for t in tests)
    outcomes = {t.outcome for t in tests}
    if outcomes <= {Outcome.SKIPPED, Outcome.UNAVAILABLE, Outcome.BLOCKED, Outcome.ERROR}:
        return "-"
    return format_points(points) if outcomes == {Outcome.PASSED} else f"{format_points(points)}/{format_points(most)}"
