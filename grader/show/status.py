"""The outcome of a submission: one line per test, or one for the submission if no test ran."""

from collections.abc import Sequence

from grader.base.result import Outcome, Result, TestResult
from grader.show.failure import OUTCOME_NAMES
from grader.show.layout import Line, Page, Span, Style, align_right, bold, cells, clip, cut, dim, line, pad, prose, wrap
from grader.show.score import earned_text

_Row = tuple[Outcome, str, str, str]  # outcome, name, description, points
ORDER = ("fail", "not started", "not run", "pass")  # of merged lines


def status_lines(result: Result, page: Page, unwritten: int | None = None) -> list[Line]:
    """Return the tests with their points, or how and where a submission ended that was not graded.

    `unwritten` is the line of the code that is not written yet.
    """
    if result.outcome is Outcome.GRADED:
        return test_lines(result, page)
    words, where = describe_ending(result)
    if unwritten is not None and not (result.exception and result.exception.frames):
        where += f":{unwritten}"
    room = page.width - 6 - len(words) - 3
    own = line("    ", outcome_mark(result.outcome), " ", bold(words), "   ", where if cells(where) <= room else "")
    return [own] if cells(where) <= room else [own, *prose(where, page, indent=6)]


def describe_ending(result: Result) -> tuple[str, str]:
    """Return how a submission ended that was not graded, and where."""
    words = OUTCOME_NAMES[result.outcome] if result.blocked_by is None else f"needs {result.blocked_by} first"
    if result.exception and result.exception.frames:
        last = result.exception.frames[-1]
        return words, f"{last.file}:{last.line}"
    return words, result.file


def outcome_mark(outcome: Outcome) -> Span:
    """Return the mark of an outcome."""
    if outcome is Outcome.PASSED:
        return Span("✓", "green")
    if outcome in (Outcome.SKIPPED, Outcome.UNAVAILABLE, Outcome.NOT_STARTED, Outcome.BLOCKED):
        return dim("○")
    return Span("!" if outcome is Outcome.ERROR else "✗", "red")


def test_lines(result: Result, page: Page) -> list[Line]:
    """Return one line per test; a page that folds merges tests with the same mark into one line."""
    if page.only:
        return _lines([_row(test) for test in result.tests if test.id == page.only], page)
    groups = _merged(result, page)
    merged = {test.id for group in groups.values() for test in group}
    rows = [_row(test) for test in result.tests if test.id not in merged]
    if page.tight and rows:
        groups = {word: group for word, group in groups.items() if word == "fail" and page.tight < 2}
    more = " more" if rows else ""
    rows += [_merged_row(word, groups[word], more, result.tests) for word in ORDER if word in groups]
    return _lines(rows, page)


def _merged(result: Result, page: Page) -> dict[str, list[TestResult]]:
    """Return the groups of tests that the page merges into one line, by the word for them."""
    others = [test for test in result.tests if test.is_failing and test is not result.main_failure]
    groups = {  # in the order in which they are merged
        "not run": [t for t in result.tests if not t.is_failing and t.outcome is not Outcome.PASSED],
        "pass": [t for t in result.tests if t.outcome is Outcome.PASSED],
        "not started": [t for t in others if t.outcome is Outcome.NOT_STARTED],
        "fail": [t for t in others if t.outcome is not Outcome.NOT_STARTED],
    }
    words = list(groups) if page.fold >= 3 else list(groups)[: page.fold]
    return {word: groups[word] for word in words if len(groups[word]) > 1}


def _merged_row(word: str, group: Sequence[TestResult], more: str, tests: Sequence[TestResult]) -> _Row:
    outcome = Outcome.FAILED if word == "fail" else group[0].outcome
    blocking = blocking_tests(tests) if all(test.outcome is Outcome.SKIPPED for test in group) else []
    waiting = f"need {' and '.join(blocking)} to pass; {group[0].name} is next"
    about = waiting if blocking else ", ".join(test.name for test in group)
    return outcome, f"{len(group)}{more} {word}", about, earned_text(group)


def blocking_tests(tests: Sequence[TestResult]) -> list[str]:
    """Return the names of the failing tests because of which others were skipped."""
    wanted = {need for t in tests if t.outcome is Outcome.SKIPPED for need in t.needs}
    return [t.name for t in tests if t.id in wanted and t.is_failing]


def _row(test: TestResult) -> _Row:
    return test.outcome, test.name, test.description, earned_text([test])


def _lines(rows: Sequence[_Row], page: Page) -> list[Line]:
    names = min(max((cells(name) for _, name, _, _ in rows), default=0), page.width // 3)
    last = max((len(text) for _, _, _, text in rows), default=0)
    room = page.width - 6 - names - 3 - 2 - last
    lines = []
    for outcome, name, description, points in rows:
        head, *rest = wrap(description, room) if page.full or page.whole else [clip(description, room)]
        name = cut(name, names, page)
        quiet: Style = "dim" if outcome in (Outcome.SKIPPED, Outcome.UNAVAILABLE) else ""
        named = Span(pad(name, names), quiet)
        words = Span(pad(head, room), quiet)
        lines.append(line("    ", outcome_mark(outcome), " ", named, "   ", words, align_right(points, last + 2)))
        lines += [line(" " * (6 + names + 3), text) for text in rest]
    return lines
