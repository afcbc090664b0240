"""One failing test explained: the cause first, then the call, and then what differs."""

from collections.abc import Sequence

from grader.base.result import Call, Diagnosis, Failure, Outcome, Output, Raised, Result, ReturnedPart, TestResult
from grader.show import crash
from grader.show.layout import (
    Line,
    Page,
    Piece,
    Span,
    cells,
    clip,
    cut,
    dim,
    flow,
    labelled,
    line,
    pad,
    paragraphs,
    reflow,
    told,
    wrap,
)
from grader.show.numbers import comparison_sentence, comparison_table
from grader.show.values import axes_sentence, describe

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


def explain(test: TestResult, result: Result, page: Page) -> list[Piece]:
    """The section of a failing test: the cause, the call, the numbers, and what the code printed."""
    failure = test.failure or Failure(f"The test ended so: {WORDS[test.outcome]}.")
    named = [each for each in result.diagnoses if each.test == test.id and each.shown]
    beside = [each for each in result.diagnoses if each.test == test.id and not each.shown]
    why = causes(named, failure)
    what = facts(failure, test.outcome, page)
    located = failure.exception or failure.samples
    known = evidence(named, failure) if page.roomy else ""
    blocks: list[Sequence[Piece]] = [
        [*why, *told(known, style="dim")],
        told(what, style="bold") if not why else told(what) if failure.exception else (),
        crash.exception(failure.exception, page, cause=not (why or what)) if failure.exception else (),
        crash.samples(failure.samples, page) if failure.samples else (),
        told(sentences(test, result.tests)),
        call(failure.call, test.outcome, page) if failure.call and (page.roomy or not located) else (),
        comparison_table(failure.comparison, page) if failure.comparison else (),
        told(what) if why and not failure.exception else (),
        *(told(f"Also, in another call of this test: {reflow(each.advice)}") for each in beside),
        told(_tolerance(failure)) if page.full else (),
        printed(test.output, page),
    ]
    if page.tight:
        cause, *others = filter(None, blocks)
        blocks = [cause, [each for block in others for each in block]]
    return paragraphs(*blocks)


def causes(named: Sequence[Diagnosis], failure: Failure) -> list[Piece]:
    """Why the test fails, as far as it is known: known mistakes, else what was seen of the result."""
    seen = (*([failure.near_miss] if failure.near_miss else []), *failure.observations)
    texts = [reflow(each.advice) for each in named] or [" ".join(seen)]
    if named and not named[0].whole:
        texts[0] = f"On this input your code does what this mistake does: {texts[0]}"
    return paragraphs(*(told(text, style="bold") for text in texts))


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
    items = [line(cut(f"{a.name} {describe(a.value, len(dtypes) > 1)}", room, page)) for a in tensors]
    written = [f"{a.name} = {a.value.text}" for a in long]
    dicts = [text for text in written if " = {" in text and cells(text) > room]
    items += [line(cut(text, room, page)) for text in written if text not in dicts]
    if len(dtypes) == 1:
        items.append(line(dim(dtypes.copy().pop() or "")))
    signature = wrap(f"{made.function}({', '.join(words)})", room)
    pairs = [each for text in dicts for each in wrap(text.replace("': ", "':\u00a0"), room)]  # no break within a pair
    wrapped = [line(each.replace("\u00a0", " ")) for each in pairs]
    lines = labelled("called", [*map(line, signature), *flow(items, room), *wrapped], column)
    if outcome in BESIDE and any(part.expected for part in made.returned):
        return [*lines, line(), *beside(made.returned, page)]
    returned = flow([_part(part, room, page) for part in made.returned], room, gap="    ")
    return [*lines, *(labelled("returned", returned, column) if returned else ())]


def beside(parts: Sequence[ReturnedPart], page: Page) -> list[Line]:
    """The parts of a result, one a line: what was returned and what was expected, shapes and types."""
    names = min(max(10, *(cells(part.name) for part in parts)), page.width // 3)
    column = 5 + names
    room = (page.width - column - 4) // 2
    dtypes = any(p.expected and p.expected.dtype != p.yours.dtype and p.yours.dtype and p.expected.dtype for p in parts)
    rows = [(p, describe(p.yours, dtypes), describe(p.expected, dtypes) if p.expected else "") for p in parts]
    wide = min(max([len("returned"), *(cells(yours) for _, yours, _ in rows)]), room) + 4
    lines = [line(dim(" " * column + pad("returned", wide) + "expected"))]
    for part, yours, expected in rows:
        if part.agrees is False and yours == expected:
            expected += ", other values"
        sign = _sign(part.agrees) if part.agrees is not None else Span(" ")
        name = pad(clip(part.name, names), names + 1)
        lines.append(
            line("  ", sign, " ", dim(name), pad(cut(yours, wide - 4, page), wide), cut(expected, room + 2, page))
        )
    return lines


def _part(part: ReturnedPart, room: int, page: Page) -> Line:
    """A part by its shape, and its sign before it."""
    sign = () if part.agrees is None else (_sign(part.agrees), " ")
    return line(*sign, cut(f"{part.name} {describe(part.yours)}", room - 2, page))


def _sign(agrees: bool) -> Span:
    return Span("✓", "green") if agrees else Span("✗", "red")


def facts(failure: Failure, outcome: Outcome, page: Page) -> str:
    """What differs, or what happened. The failure's own message is left out where that only says the same."""
    derived, message = "", failure.message
    if failure.comparison:
        derived = comparison_sentence(failure.comparison, page)
    elif outcome is Outcome.WRONG_SHAPE and failure.call:
        derived = axes_sentence(failure.call.returned) or ""
    if failure.samples:
        message = message or f"Stopped after {failure.samples.limit:g} s."
    if repeats(message, failure.exception):
        message = ""
    if derived and outcome in (Outcome.WRONG_VALUES, Outcome.WRONG_SHAPE):
        message = ""
    fault = FAULT if outcome is Outcome.ERROR else ""
    return "\n".join(text for text in (fault, derived, message) if text)


def _tolerance(failure: Failure) -> str:
    bounds = failure.comparison
    return f"The tolerance is rtol={bounds.rtol:g}, atol={bounds.atol:g}." if bounds else ""


def repeats(message: str, raised: Raised | None) -> bool:
    """Whether a message says no more than the exception that is shown with it."""
    if not raised:
        return False
    said = message.strip().rstrip(".")
    words = raised.message.strip().rstrip(".")
    return said in ("", words, raised.type, f"{raised.type}: {words}")


def evidence(named: Sequence[Diagnosis], failure: Failure) -> str:
    """On what the known mistakes of one test rest."""
    if not named:
        return ""
    agreed = named[0].agreed
    results = "wrong result" if agreed == 1 else "wrong results"
    if not named[0].whole:
        yours = f"one of your {results}s" if agreed == 1 else f"{agreed} of your {results}"
        return f"A right solution with this mistake in it gives {yours}; something else is wrong as well."
    these = "this one mistake" if len(named) == 1 else f"these {len(named)} mistakes"
    if agreed == 1 and failure.exception:
        return f"A right solution with {these} in it ends with the same error."
    all_of = "" if agreed == 1 else f", all {agreed}"
    return f"A right solution with {these} in it gives the same {results} as yours{all_of}."


def sentences(test: TestResult, tests: Sequence[TestResult]) -> str:
    """How many tests end at the line where this one does, how many frames are not shown, and what took the time."""
    here = last_line(test)
    ended = [other for other in tests if here and last_line(other) == here]
    which = f"All {len(ended)}" if len(ended) == len(tests) else f"{len(ended)} of {len(tests)}"
    failure = test.failure
    said = [f"{which} tests end at this line."] if len(ended) > 1 else []
    if failure and failure.exception:
        said.append(crash.hidden(failure.exception))
    if failure and failure.samples and test.output:
        said.append("It printed all the while, and printing takes time: see what is left without it.")
    return " ".join(filter(None, said))


def last_line(test: TestResult) -> tuple[str, int] | None:
    """The file and the line of the student's at which a test ended."""
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
