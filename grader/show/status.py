"""How a submission fared: one line for each test, or for the submission if the tests did not run."""

from collections.abc import Sequence

from grader.base.result import Outcome, Result, TestResult
from grader.show.failure import WORDS
from grader.show.layout import Line, Page, Span, Style, bold, cells, clip, cut, dim, line, pad, prose, right, wrap
from grader.show.score import earned

Row = tuple[Outcome, str, str, str]  # how it ended, its name, what it is about, its points
ORDER = ("fail", "not started", "not run", "pass")  # of folded lines


def status(result: Result, page: Page, unwritten: int | None = None) -> list[Line]:
    """The tests with their points; for a submission that was not graded, how it ended and where.

    `unwritten` is the line of the code that is not written yet.
    """
    if result.outcome is Outcome.GRADED:
        return tests(result, page)
    words, where = ended(result)
    if unwritten is not None and not (result.exception and result.exception.frames):
        where += f":{unwritten}"
    room = page.width - 6 - len(words) - 3
    own = line("    ", mark(result.outcome), " ", bold(words), "   ", where if cells(where) <= room else "")
    return [own] if cells(where) <= room else [own, *prose(where, page, indent=6)]


def ended(result: Result) -> tuple[str, str]:
    """How a submission ended that was not graded, in words, and where."""
    words = WORDS[result.outcome] if result.blocked_by is None else f"needs {result.blocked_by} first"
    if result.exception and result.exception.frames:
        last = result.exception.frames[-1]
        return words, f"{last.file}:{last.line}"
    return words, result.file


def mark(outcome: Outcome) -> Span:
    """The sign before what ended so."""
    if outcome is Outcome.PASSED:
        return Span("✓", "green")
    if outcome in (Outcome.SKIPPED, Outcome.UNAVAILABLE, Outcome.NOT_STARTED, Outcome.BLOCKED):
        return dim("○")
    return Span("!" if outcome is Outcome.ERROR else "✗", "red")


def tests(result: Result, page: Page) -> list[Line]:
    """One line for each test. Where the page folds, one line for many with the same mark."""
    if page.only:
        return _lines([_row(test) for test in result.tests if test.id == page.only], page)
    first = result.main_failure
    passed = [t for t in result.tests if t.outcome is Outcome.PASSED]
    silent = [t for t in result.tests if not t.is_failing and t.outcome is not Outcome.PASSED]
    others = [t for t in result.tests if t.is_failing and t is not first]
    unwritten = [t for t in others if t.outcome is Outcome.NOT_STARTED]
    wrong = [t for t in others if t.outcome is not Outcome.NOT_STARTED]
    groups = [(silent, "not run"), (passed, "pass"), (unwritten, "not started"), (wrong, "fail")]
    groups = groups if page.fold >= 3 else groups[: page.fold]
    groups = [(group, word) for group, word in groups if len(group) > 1]
    folded = {t.id for group, _ in groups for t in group}

    rows = [_row(test) for test in result.tests if test.id not in folded]
    more = " more" if rows else ""
    if page.tight and rows:
        groups = [(group, word) for group, word in groups if word == "fail" and page.tight < 2]
    for group, word in sorted(groups, key=lambda group: ORDER.index(group[1])):
        outcome = group[0].outcome if word != "fail" else Outcome.FAILED
        waiting = waited_for(result.tests) if {t.outcome for t in group} == {Outcome.SKIPPED} else []
        about = f"need {' and '.join(waiting)} to pass" if waiting else ", ".join(t.name for t in group)
        rows.append((outcome, f"{len(group)}{more} {word}", about, earned(group)))
    return _lines(rows, page)


def waited_for(tests: Sequence[TestResult]) -> list[str]:
    """The names of the failing tests for which others were not run."""
    wanted = {need for t in tests if t.outcome is Outcome.SKIPPED for need in t.needs}
    return [t.name for t in tests if t.id in wanted and t.is_failing]


def _row(test: TestResult) -> Row:
    return test.outcome, test.name, test.description, earned([test])


def _lines(rows: Sequence[Row], page: Page) -> list[Line]:
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
        lines.append(line("    ", mark(outcome), " ", named, "   ", words, right(points, last + 2)))
        lines += [line(" " * (6 + names + 3), text) for text in rest]
    return lines
