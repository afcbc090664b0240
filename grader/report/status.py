"""How a submission fared: one line for each test, or for the submission if the tests did not run."""

from grader.report.failure import WORDS
from grader.report.layout import Line, Page, Span, Style, bold, cells, clip, dim, line, pad, prose, right, wrap
from grader.report.score import earned
from grader.result import Outcome, Result


def status(result: Result, page: Page, unwritten: int | None = None) -> list[Line]:
    """The tests with their points; for a submission that was not graded, how it ended and where.

    `unwritten` is the line of the code that is not written yet.
    """
    if result.outcome is Outcome.GRADED:
        return tests(result, page)
    where = result.file
    if result.exception and result.exception.frames:
        last = result.exception.frames[-1]
        where = f"{last.file}:{last.line}"
    elif unwritten is not None:
        where += f":{unwritten}"
    words = WORDS[result.outcome] if result.blocked_by is None else f"needs {result.blocked_by} first"
    room = page.width - 6 - len(words) - 3
    own = line("    ", mark(result.outcome), " ", bold(words), "   ", where if cells(where) <= room else "")
    return [own] if cells(where) <= room else [own, *prose(where, page, indent=6)]


def mark(outcome: Outcome) -> Span:
    """The sign before what ended so."""
    if outcome is Outcome.PASSED:
        return Span("✓", "green")
    if outcome in (Outcome.SKIPPED, Outcome.UNAVAILABLE, Outcome.NOT_STARTED, Outcome.BLOCKED):
        return dim("○")
    return Span("!" if outcome is Outcome.ERROR else "✗", "red")


def tests(result: Result, page: Page) -> list[Line]:
    """One line for each test. Where the page folds, one line for many with the same mark."""
    first = result.explained
    passed = [t for t in result.tests if t.outcome is Outcome.PASSED]
    silent = [t for t in result.tests if not t.failing and t.outcome is not Outcome.PASSED]
    others = [t for t in result.tests if t.failing and t is not first]
    unwritten = [t for t in others if t.outcome is Outcome.NOT_STARTED]
    wrong = [t for t in others if t.outcome is not Outcome.NOT_STARTED]
    groups = [(passed, "pass"), (silent, "not run"), (unwritten, "not started"), (wrong, "fail")]
    groups = groups if page.fold == 3 else groups[: page.fold]
    groups = [(group, word) for group, word in groups if len(group) > 1]
    folded = {t.id for group, _ in groups for t in group}

    rows = [(t.outcome, t.name, t.description, earned([t])) for t in result.tests if t.id not in folded]
    more = " more" if rows else ""
    for group, word in reversed(groups):
        outcome = group[0].outcome if word != "fail" else Outcome.FAILED
        rows.append((outcome, f"{len(group)}{more} {word}", ", ".join(t.name for t in group), earned(group)))

    names = min(max((cells(name) for _, name, _, _ in rows), default=0), page.width // 3)
    last = max((len(text) for _, _, _, text in rows), default=0)
    room = page.width - 6 - names - 3 - 2 - last
    lines = []
    for outcome, name, description, points in rows:
        head, *rest = wrap(description, room) if page.full else [clip(description, room)]
        name = clip(name, names)
        quiet: Style = "dim" if outcome in (Outcome.SKIPPED, Outcome.UNAVAILABLE) else ""
        named = Span(pad(name, names), quiet)
        words = Span(pad(head, room), quiet)
        lines.append(line("    ", mark(outcome), " ", named, "   ", words, right(points, last + 2)))
        lines += [line(" " * (6 + names + 3), text) for text in rest]
    return lines
