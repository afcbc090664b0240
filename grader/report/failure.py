"""One failing test explained: the call, the first failing fact, and the cause."""

from collections.abc import Sequence

from grader.report import crash
from grader.report.layout import (
    Line,
    Page,
    Span,
    bounded,
    cells,
    clip,
    dim,
    flow,
    labelled,
    line,
    pad,
    paragraphs,
    prose,
    reflow,
    rule,
    wrap,
)
from grader.report.numbers import comparison_sentence, comparison_table
from grader.report.values import axes_sentence, describe
from grader.result import Call, Diagnosis, Failure, Outcome, Output, Part, Raised, Result, TestResult

WORDS = {
    Outcome.GRADED: "graded",
    Outcome.UNREADABLE: "not readable",
    Outcome.SYNTAX_ERROR: "syntax error",
    Outcome.IMPORT_ERROR: "not loaded",
    Outcome.PASSED: "passed",
    Outcome.SKIPPED: "not run",
    Outcome.UNAVAILABLE: "not available here",
    Outcome.FAILED: "failed",
    Outcome.WRONG_VALUES: "wrong values",
    Outcome.WRONG_SHAPE: "wrong shape",
    Outcome.WRONG_DTYPE: "wrong dtype",
    Outcome.WRONG_TYPE: "wrong type",
    Outcome.NAN: "NaN",
    Outcome.RETURNED_NONE: "returned None",
    Outcome.NO_EXCEPTION: "no exception",
    Outcome.EXCEPTION: "exception",
    Outcome.ARGUMENT_CHANGED: "argument changed",
    Outcome.MISSING_NAME: "name missing",
    Outcome.WRONG_SIGNATURE: "wrong signature",
    Outcome.NOT_STARTED: "not started",
    Outcome.BLOCKED: "blocked",
    Outcome.TIMEOUT: "out of time",
    Outcome.RECURSION: "recursion",
    Outcome.MEMORY: "out of memory",
    Outcome.EXITED: "exited",
    Outcome.CRASHED: "crashed",
    Outcome.FORBIDDEN: "forbidden",
    Outcome.TAMPERED: "tampered",
    Outcome.ERROR: "grader error",
}
FAULT = "This is a fault of the grader or the course, not of your code."
BESIDE = {Outcome.WRONG_SHAPE, Outcome.WRONG_DTYPE, Outcome.WRONG_TYPE, Outcome.RETURNED_NONE}


def explain(test: TestResult, result: Result, page: Page) -> list[Line]:
    """The section of a failing test, from its rule to what the code printed."""
    failure = test.failure or Failure(f"The test ended so: {WORDS[test.outcome]}.")
    located = failure.exception or failure.samples
    return [
        rule(test.name, page),
        line(),
        *paragraphs(
            call(failure.call, test.outcome, page) if failure.call and (page.full or not located) else (),
            comparison_table(failure.comparison, page) if failure.comparison else (),
            crash.exception(failure.exception, page) if failure.exception else (),
            prose(stopped(failure), page) if failure.samples else (),
            crash.samples(failure.samples, page) if failure.samples else (),
            facts(failure, test.outcome, page),
            cause(failure, test, result.diagnoses, page),
            prose(line_sentences(test, result.tests), page),
            printed(test.output, page),
        ),
    ]


def call(made: Call, outcome: Outcome, page: Page) -> list[Line]:
    """The call as it was written, its tensors by their shapes, and what it returned."""
    column = 15
    room = page.width - column
    tensors = [a for a in made.arguments if a.value.shape is not None]
    words = [
        a.name if a.value.shape is not None or cells(a.value.text) > 24 else f"{a.name}={a.value.text}"
        for a in made.arguments
    ]
    long = [a for a in made.arguments if a.value.shape is None and cells(a.value.text) > 24]
    dtypes = {a.value.dtype for a in tensors if a.value.dtype}
    items = [line(clip(f"{a.name} {describe(a.value, len(dtypes) > 1)}", room)) for a in tensors]
    items += [line(clip(f"{a.name} = {a.value.text}", room)) for a in long]
    if len(dtypes) == 1:
        items.append(line(dim(dtypes.copy().pop() or "")))
    signature = bounded(wrap(f"{made.function}({', '.join(words)})", room), page.text)
    lines = labelled("called", [*map(line, signature), *flow(items, room)[: page.text]], column)
    if outcome in BESIDE and any(part.expected for part in made.returned):
        return [*lines, line(), *beside(made.returned, page)]
    returned = flow([_part(part, room) for part in made.returned], room, gap="    ")[: page.text]
    return [*lines, *(labelled("returned", returned, column) if returned else ())]


def beside(parts: Sequence[Part], page: Page) -> list[Line]:
    """The parts of a result, one a line: what was returned and what was expected, shapes and types."""
    room = (page.width - 15 - 4) // 2
    dtypes = any(
        p.expected and p.expected.dtype != p.yours.dtype and p.yours.dtype and p.expected.dtype for p in parts
    )
    rows = [
        (p.name, describe(p.yours, dtypes), describe(p.expected, dtypes) if p.expected else "", p.agrees)
        for p in parts
    ]
    wide = min(max([len("returned"), *(cells(yours) for _, yours, _, _ in rows)]), room) + 4
    lines = [line(dim(" " * 15 + pad("returned", wide) + "expected"))]
    for name, yours, expected, agrees in rows[: page.rows]:
        body = line(pad(clip(yours, wide - 4), wide), clip(expected, room - 2), *_mark(agrees))
        lines += labelled(clip(name, 10), [body])
    return lines


def _part(part: Part, room: int) -> Line:
    return line(clip(f"{part.name} {describe(part.yours)}", room - 2), *_mark(part.agrees))


def _mark(agrees: bool | None) -> tuple[Span, ...]:
    if agrees is None:
        return ()
    return (Span(" "), Span("✓", "green") if agrees else Span("✗", "red"))


def facts(failure: Failure, outcome: Outcome, page: Page) -> list[Line]:
    """What differs, in a sentence. The failure's own message is left out where that only says the same."""
    derived, message = "", failure.message
    if failure.comparison:
        derived = comparison_sentence(failure.comparison, page)
    elif outcome is Outcome.WRONG_SHAPE and failure.call:
        derived = axes_sentence(failure.call.returned) or ""
    if failure.samples or repeats(message, failure.exception):
        message = ""
    if derived and outcome in (Outcome.WRONG_VALUES, Outcome.WRONG_SHAPE) and not page.full:
        message = ""
    bounds = ""
    if failure.comparison and page.full:
        bounds = f"The tolerance is rtol={failure.comparison.rtol:g}, atol={failure.comparison.atol:g}."
    fault = FAULT if outcome is Outcome.ERROR else ""
    return [each for text in (fault, derived, message, bounds) for each in prose(text, page)]


def stopped(failure: Failure) -> str:
    assert failure.samples
    return failure.message or f"Stopped after {failure.samples.limit:g} s."


def repeats(message: str, raised: Raised | None) -> bool:
    """Whether a message says no more than the exception that is shown with it."""
    if not raised:
        return False
    said = message.strip().rstrip(".")
    words = raised.message.strip().rstrip(".")
    return said in ("", words, raised.type, f"{raised.type}: {words}")


def cause(failure: Failure, test: TestResult, diagnoses: Sequence[Diagnosis], page: Page) -> list[Line]:
    """The known mistakes by which this test's failure is explained, else the near miss."""
    found = [each for each in diagnoses if each.test == test.id]
    if not found:
        seen = (*([failure.near_miss] if failure.near_miss else []), *failure.observations)
        return prose(" ".join(seen), page)
    advice = paragraphs(*(prose(reflow(each.advice), page) for each in found))
    return [*advice, *prose(_evidence(found), page, style="dim")]


def _evidence(found: Sequence[Diagnosis]) -> str:
    """On what the diagnoses of one test rest."""
    agreed = found[0].agreed
    results = "1 result" if agreed == 1 else f"{agreed} results"
    if not found[0].known:
        return f"That is so in {results} of {agreed}."
    if len(found) > 1:
        return f"Your code returns the same as these {len(found)} mistakes together, {results} of {agreed}."
    if found[0].whole:
        return f"Your {found[0].replaces} returns the same as this mistake, {results} of {agreed}."
    are = "is" if agreed == 1 else "are"
    also = "something else is wrong as well"
    return f"{results.capitalize()} of your {found[0].replaces} {are} what this mistake gives; {also}."


def line_sentences(test: TestResult, tests: Sequence[TestResult]) -> str:
    """How many tests end at the line where this one does, and how many frames are not shown."""
    here = _last_line(test)
    ended = [other for other in tests if here and _last_line(other) == here]
    which = f"All {len(ended)}" if len(ended) == len(tests) else f"{len(ended)} of {len(tests)}"
    same = f"{which} tests end at this line. " if len(ended) > 1 else ""
    raised = test.failure.exception if test.failure else None
    return same + (crash.hidden(raised) if raised else "")


def _last_line(test: TestResult) -> tuple[str, int] | None:
    failure = test.failure
    if failure and failure.exception and failure.exception.frames:
        last = failure.exception.frames[-1]
    elif failure and failure.samples and failure.samples.frame:
        last = failure.samples.frame
    else:
        return None
    return last.file, last.line


def printed(output: Output | None, page: Page) -> list[Line]:
    """The beginning of what the student's code printed, and how many bytes are not shown."""
    if output is None or not (output.text or output.dropped):
        return []
    lines = wrap(output.text.rstrip("\n"), page.width - 15)
    shown = lines[: page.output]
    missing = output.dropped + sum(len(text.encode()) + 1 for text in lines[page.output :])
    more = [line(dim(f"[+{missing} bytes]"))] if missing else []
    return labelled("printed", [*map(line, shown), *more])
