"""A result on a terminal: what happened, the first failing fact, its cause, and what to do next.

Pure: a `Result` comes in, text goes out. A screen has at most `LINES` lines unless all is asked for: of
`SCREENS`, which show less and less, the first that has no more lines is taken.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from grader.report import crash
from grader.report.failure import FAULT, WORDS, explain, printed, repeats
from grader.report.layout import (
    BLANK,
    COLUMNS,
    Line,
    Page,
    Span,
    Style,
    bold,
    cells,
    clean,
    cleaned,
    clip,
    dim,
    flow,
    labelled,
    line,
    pad,
    paint,
    paragraphs,
    prose,
    reflow,
    right,
    wrap,
)
from grader.report.marks import IN_ASCII
from grader.result import Outcome, Result, Struct, TestResult

if TYPE_CHECKING:
    from grader.course import Exercise

LINES = 30
FULL = Page(width=COLUMNS, full=True)
SCREENS = (  # folding tests comes first, cutting sentences last
    Page(width=COLUMNS, fold=0, rows=8, text=8, context=2, callers=3, locals=1, output=4),
    Page(width=COLUMNS, fold=1, rows=8, text=8, context=2, callers=3, locals=1, output=4),
    Page(width=COLUMNS, fold=2, rows=8, text=8, context=2, callers=3, locals=1, output=4),
    Page(width=COLUMNS, fold=3, rows=8, text=8, context=2, callers=3, locals=1, output=4),
    Page(width=COLUMNS, fold=3, rows=6, text=8, context=1, callers=2, locals=1, output=3),
    Page(width=COLUMNS, fold=3, rows=4, text=6, context=1, callers=1, locals=1, output=2),
    Page(width=COLUMNS, fold=3, rows=3, text=5, context=1, callers=1, locals=1, output=2),
    Page(width=COLUMNS, fold=3, rows=2, text=4, context=0, callers=0, locals=0, output=1),
    Page(width=COLUMNS, fold=3, rows=2, text=3, context=0, callers=0, locals=0, output=1),
    Page(width=COLUMNS, fold=3, rows=1, text=2, context=0, callers=0, locals=0, output=1),
)


class Need(Struct, frozen=True):
    """An exercise that this one builds on."""

    id: str
    passed: bool


class Progress(Struct, frozen=True):
    """How far the student is in the lesson and in the course, in exercises."""

    lesson: str  # its short name, "experts"
    lesson_done: int
    lesson_total: int
    course_done: int
    course_total: int


class View(Struct, frozen=True):
    """What the screen says that neither the result nor the exercise knows."""

    command: str = "grade"
    options: str = ""  # that this run had and the next should have: " --file mine.py"
    hints_shown: int = 0
    hints_total: int = 0
    statement: str | None = None  # path of the exercise's README
    line: int | None = None  # of the code that is not written yet
    write: tuple[str, ...] = ()  # the interface to write, for an exercise that is not started
    needs: tuple[Need, ...] = ()
    next_exercise: str | None = None
    next_folder: str = ""
    progress: Progress | None = None


class Screen(Struct, frozen=True):
    """A screen in three parts. Only the middle one can be cut where there is no room."""

    head: list[Line]
    body: list[Line]
    tail: list[Line]

    @property
    def lines(self) -> list[Line]:
        return paragraphs(self.head, self.body, self.tail)

    def cut(self) -> list[Line]:
        """The screen with as much of the body as there is room for."""
        room = max(LINES - len(self.head) - len(self.tail) - 2, 1)
        kept = self.body[: room - 1]
        more = line(dim(f"    [+{len(self.body) - len(kept)} lines]"))
        return paragraphs(self.head, [*kept, more], self.tail)


def render(
    result: Result, exercise: "Exercise", view: View, *, full: bool, width: int, unicode: bool, color: bool
) -> str:
    """The screen of a result: lines of at most `width` (and 77) cells, at most 30 of them unless `full`.

    Without `unicode` the text is ASCII. `color` adds escape sequences and changes nothing else.
    """
    columns = min(width, COLUMNS)
    result, view, title = cleaned(result, unicode), cleaned(view, unicode), clean(exercise.title, unicode)
    passed = clean(exercise.passed, unicode)

    def screen(page: Page) -> Screen:
        page = replace(page, width=columns)
        return Screen(
            head=[*header(exercise, title, page), BLANK, *status(result, view, page)],
            body=body(result, page),
            tail=tail(result, exercise, passed, view, page),
        )

    if full:
        lines = screen(FULL).lines
    else:
        screens = (screen(page) for page in SCREENS)
        fitting = next((s for s in screens if len(s.lines) <= LINES), None)
        lines = fitting.lines if fitting else screen(SCREENS[-1]).cut()
    text = "".join(paint(each, columns, color) + "\n" for each in lines)
    return text if unicode else text.translate(IN_ASCII)


def header(exercise: "Exercise", title: str, page: Page) -> list[Line]:
    """The exercise and where it stands in the course."""
    where = f"lesson {exercise.lesson}, level {exercise.level}"
    left = 2 + cells(exercise.id) + 3
    room = page.width - left - 2 - len(where)
    if room < 16:
        return [line("  ", bold(exercise.id), "   ", dim(where)), *prose(title, page, indent=2)]
    title = clip(title, room)
    return [line("  ", bold(exercise.id), "   ", title, dim(right(where, page.width - left - cells(title))))]


# The head: one line for each test, or for the submission if the tests did not run


def status(result: Result, view: View, page: Page) -> list[Line]:
    """The tests with their points; for a submission that was not graded, how it ended and where."""
    if result.outcome is Outcome.GRADED:
        return tests(result, page)
    where = result.file
    if result.exception and result.exception.frames:
        last = result.exception.frames[-1]
        where = f"{last.file}:{last.line}"
    elif view.line is not None:
        where += f":{view.line}"
    words = WORDS[result.outcome] if result.blocked_by is None else f"needs {result.blocked_by} first"
    room = page.width - 6 - len(words) - 3
    own = line("    ", mark(result.outcome), " ", bold(words), "   ", where if cells(where) <= room else "")
    return [own] if cells(where) <= room else [own, *prose(where, page, indent=6)]


def mark(outcome: Outcome) -> Span:
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


def earned(tests: Sequence[TestResult]) -> str:
    """`2` for passed tests, `0/2` for others, `-` for those that say nothing about the submission."""
    points, most = sum(t.points for t in tests), sum(t.max_points for t in tests)
    outcomes = {t.outcome for t in tests}
    if outcomes <= {Outcome.SKIPPED, Outcome.UNAVAILABLE, Outcome.BLOCKED, Outcome.ERROR}:
        return "-"
    return number(points) if outcomes == {Outcome.PASSED} else f"{number(points)}/{number(most)}"


def number(points: float) -> str:
    return f"{points:.2f}".rstrip("0").rstrip(".")


# The body: the first failing test, or why there was nothing to test


def body(result: Result, page: Page) -> list[Line]:
    """The first telling test explained, on a full page all of them; then which tests were not run."""
    if result.outcome is not Outcome.GRADED:
        return not_graded(result, page)
    first = result.explained
    explained = result.telling if page.full or first is None else (first,)
    return paragraphs(
        printed(result.output, page) if page.full or first is None else (),
        *(explain(t, result, page) for t in explained),
        prose(not_run(result.tests), page, indent=2),
        *(prose(sentence, page, indent=2) for sentence in not_available(result.tests)),
    )


def not_available(tests: Sequence[TestResult]) -> list[str]:
    """Why tests are not counted here, each reason once."""
    return list(dict.fromkeys(t.failure.message for t in tests if t.outcome is Outcome.UNAVAILABLE and t.failure))


def not_graded(result: Result, page: Page) -> list[Line]:
    """Why the submission as a whole could not be tested."""
    message = result.message or ""
    return paragraphs(
        prose(FAULT, page) if result.outcome is Outcome.ERROR else (),
        prose(message, page) if not repeats(message, result.exception) else (),
        crash.exception(result.exception, page, placed=len(result.exception.frames) == 1)
        if result.exception
        else (),
        printed(result.output, page),
    )


def not_run(tests: Sequence[TestResult]) -> str:
    """A sentence on the skipped tests, naming the tests they wait for."""
    skipped = [t for t in tests if t.outcome is Outcome.SKIPPED]
    if not skipped:
        return ""
    wanted = {need for t in skipped for need in t.needs}
    blocking = [t.name for t in tests if t.id in wanted and t.failing]
    others = "other " if len(skipped) == len(tests) - 1 else ""
    one = len(skipped) == 1
    subject = f"The {others}{'' if one else f'{len(skipped)} '}test{'' if one else 's'}"
    if not others:
        subject = "1 test" if one else f"{len(skipped)} tests"
    reason = f"need{'s' if one else ''} {' and '.join(blocking)} to pass and " if blocking else ""
    return f"{subject} {reason}{'was' if one else 'were'} not run."


# The tail: the score, and what to do next


def tail(result: Result, exercise: "Exercise", passed: str, view: View, page: Page) -> list[Line]:
    """The score, then commands that can be pasted."""
    if result.outcome is Outcome.NOT_STARTED:
        return paragraphs(
            task(exercise, view, page), commands(next_steps(result, exercise, view, page), page)
        )
    steps = commands(next_steps(result, exercise, view, page), page)
    counted = [*score(result, page), *(prose(conditions(result), page, indent=2) if page.full else ())]
    if not result.passed:
        return [*counted, *steps]
    return paragraphs(
        counted,
        [*prose(reflow(passed), page, indent=2), *steps],
        progress(view.progress, page) if view.progress else (),
    )


def score(result: Result, page: Page) -> list[Line]:
    """`6 of 10 points` and how many tests ran for how long."""
    got = f"{number(result.score)} of {number(result.max_score)} points"
    if result.outcome is Outcome.ERROR:
        got = "not graded"
    ran = sum(t.failing or t.outcome is Outcome.PASSED for t in result.tests)
    time = f"{ran} test{'' if ran == 1 else 's'} in {result.seconds:.2f} s" if ran else ""
    lines = [line("  ", bold(got), dim(right(time, page.width - 2 - len(got))))]
    if not result.hidden_tests:
        lines += prose(
            "These are the public tests only; the hidden ones are not in this course.", page, indent=2
        )
    return lines


def conditions(result: Result) -> str:
    """Under which conditions the result was found."""
    held, versions = result.isolation, result.versions
    torch = f"torch {versions.torch}, " if versions.torch else ""
    software = f"Python {versions.python}, {torch}archgrade {versions.archgrade}"
    return f"isolation {held.kind}, seed {result.seed}, {software}"


def task(exercise: "Exercise", view: View, page: Page) -> list[Line]:
    """What is to be written in an exercise that is not started."""
    needs = flow([line(mark(_met(need)), " ", need.id) for need in view.needs], page.width - 10)
    write = [line(part) for part in _signatures(view.write, page)]
    worth = f"{number(exercise.points)} points, about {exercise.minutes} minutes"
    rows = [("write", write), ("needs", needs[: page.text]), ("worth", [line(worth)])]
    return [each for label, lines in rows if lines for each in labelled(label, lines, column=10, indent=2)]


def _signatures(texts: Sequence[str], page: Page) -> list[str]:
    """As many as there is room for, and how many others there are."""
    shown: list[str] = []
    for place, text in enumerate(texts):
        parts = wrap(text, page.width - 10)
        left = len(texts) - place
        if len(shown) + len(parts) + (left > 1) > page.text and shown:
            return [*shown, f"and {left} more"]
        shown += parts
    return shown


def _met(need: Need) -> Outcome:
    return Outcome.PASSED if need.passed else Outcome.NOT_STARTED


def next_steps(result: Result, exercise: "Exercise", view: View, page: Page) -> list[tuple[str, str, str]]:
    """What to do next: a word, a command and a remark each."""
    grade, name = view.command, exercise.id
    again = f"{grade} exercise {name}{view.options}"
    failing = result.telling
    steps = []
    if result.passed:
        if not view.options:  # a pass of another file is not the student's own
            steps.append(("compare", f"{grade} diff {name}", "yours next to the reference"))
        if view.next_exercise:
            steps.append(("next", f"{grade} exercise {view.next_exercise}", view.next_folder))
        return steps
    if result.outcome is Outcome.ERROR:
        return [("check", f"{grade} check {name}", "tests the exercise on its own solution")]
    if result.blocked_by is not None:
        needed = f"{grade} exercise {result.blocked_by}"
        return [("first", needed, "what this builds on"), ("then", again, "")]
    if result.outcome in (Outcome.GRADED, Outcome.NOT_STARTED) and view.hints_total:
        hint = min(view.hints_shown + 1, view.hints_total)
        steps.append(("hint", f"{grade} hint {name}", f"{hint} of {view.hints_total}"))
    first = failing[0].failure if failing else None
    if result.outcome is Outcome.GRADED and any(t.failure and t.failure.reproduction for t in failing):
        steps.append(("try", f"{grade} shell {name}", "this input, in a Python prompt"))
    if first and first.samples:
        steps.append(("slower", f"{again} --timeout {first.samples.limit * 5:g}", "if this machine is slow"))
    if not page.full and len(failing) > 1:
        more = len(failing) - 1
        steps.append(("full", f"{again} --full", f"{more} more failure{'' if more == 1 else 's'}"))
    if view.statement and result.outcome in (Outcome.GRADED, Outcome.NOT_STARTED):
        steps.append(("read", view.statement, "the statement"))
    if result.outcome is not Outcome.GRADED:
        steps.append(("check", again, "after you have saved"))
    return steps


def commands(steps: Sequence[tuple[str, str, str]], page: Page) -> list[Line]:
    """The steps in columns. Where there is no room, it is the remark that goes."""
    words = max((len(word) for word, _, _ in steps), default=0) + 3
    wide = max((cells(command) for _, command, _ in steps), default=0) + 3
    lines = []
    for word, command, remark in steps:
        room = page.width - 2 - words - wide
        remark = remark if cells(remark) <= room else ""
        lines.append(line("  ", dim(pad(word, words)), pad(command, wide), dim(remark)))
    return lines


def progress(done: Progress, page: Page) -> list[Line]:
    """A bar for the lesson, and the count for the course."""
    filled = round(20 * done.lesson_done / max(done.lesson_total, 1))
    bar = line("█" * filled, dim("░" * (20 - filled)), f"   {done.lesson_done} of {done.lesson_total}")
    course = line(dim("course"), f"  {done.course_done} of {done.course_total}")
    lesson = line(clip(done.lesson, 16), "   ", bar)
    return [line("  ", each) for each in flow([lesson, course], page.width - 2, gap="        ")]
