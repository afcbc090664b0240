"""Points: of tests, and of a submission as a whole."""

from collections.abc import Sequence

from grader.base.result import Outcome, Result, TestResult
from grader.show.layout import Line, Page, bold, dim, line, prose, right
from grader.show.view import View

PUBLIC_ONLY = "These are the public tests only; the hidden ones run on what you hand in."


def score(result: Result, page: Page, view: View | None = None) -> list[Line]:
    """`6 of 10 points` and how many tests ran for how long; on a full page also under which conditions.

    With a view also how many points more or less than in the try before.
    """
    got = f"{number(result.score)} of {number(result.max_score)} points"
    if result.outcome is Outcome.ERROR:
        got = "not graded"
    time = took(result)
    since = _since(result, view) if view is not None and result.outcome is not Outcome.ERROR else ""
    lines = [line("  ", bold(got), since, dim(right(time, page.width - 2 - len(got) - len(since))))]
    if not result.hidden_tests:
        lines += prose(PUBLIC_ONLY, page, indent=2)
    return [*lines, *(prose(conditions(result), page, indent=2) if page.full else ())]


def took(result: Result) -> str:
    """`7 tests in 0.21 s`; nothing where none ran."""
    ran = sum(t.is_failing or t.outcome is Outcome.PASSED for t in result.tests)
    return f"{ran} test{'' if ran == 1 else 's'} in {result.seconds:.2f} s" if ran else ""


def _since(result: Result, view: View) -> str:
    """What became of the score since the try before."""
    if view.before is None:
        return ""
    gained = result.score - view.before
    sign = "+" if gained > 0 else "-"
    return f", {sign}{number(abs(gained))} since try {view.tries - 1}" if gained else f", as in try {view.tries - 1}"


def conditions(result: Result) -> str:
    """Under which conditions the result was found."""
    held, versions = result.isolation, result.versions
    torch = f"torch {versions.torch}, " if versions.torch else ""
    software = f"Python {versions.python}, {torch}archgrade {versions.archgrade}"
    return f"isolation {held.kind}, seed {result.seed}, {software}"


def earned(tests: Sequence[TestResult]) -> str:
    """`2` for passed tests, `0/2` for others, `-` for those that say nothing about the submission."""
    points, most = sum(t.points for t in tests), sum(t.max_points for t in tests)
    outcomes = {t.outcome for t in tests}
    if outcomes <= {Outcome.SKIPPED, Outcome.UNAVAILABLE, Outcome.BLOCKED, Outcome.ERROR}:
        return "-"
    return number(points) if outcomes == {Outcome.PASSED} else f"{number(points)}/{number(most)}"


def number(points: float) -> str:
    """`10`, `2.5`, `0.67`"""
    return f"{points:.2f}".rstrip("0").rstrip(".")
