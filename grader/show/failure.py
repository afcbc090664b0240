"""The explanation of one failing test: the cause first, then the call, then the difference."""

from collections.abc import Sequence

from grader.base.result import (
    Call,
    Certainty,
    Diagnosis,
    Failure,
    NamedValue,
    Outcome,
    Output,
    Raised,
    Result,
    ReturnedPart,
    TestResult,
)
from grader.show import crash
from grader.show.comparison import comparison_sentence, comparison_table
from grader.show.layout import (
    Line,
    Page,
    Piece,
    Span,
    as_paragraph,
    cells,
    clip,
    cut,
    dim,
    flow,
    join_blocks,
    line,
    pad,
    reflow,
    with_label,
    wrap,
)
from grader.show.values import axes_sentence, describe_value

OUTCOME_NAMES = {
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
GRADER_FAULT = "This is a fault of the grader or the course, not of your code."
NO_BREAK = "\u00a0"
CALL_COLUMN = 15  # where calls begin
LONGEST_VALUE = 24  # cells of a value that is written into a call
_CAUTION = {  # said before a known mistake
    Certainty.CERTAIN: "",
    Certainty.PARTIAL: "On this input your code does what this mistake does: ",
    Certainty.POSSIBLE: "One way to get this: ",
}
SIDE_BY_SIDE = {Outcome.WRONG_SHAPE, Outcome.WRONG_DTYPE, Outcome.WRONG_TYPE, Outcome.RETURNED_NONE}


def explain_failure(test: TestResult, result: Result, page: Page) -> list[Piece]:
    """Return the section of a failing test: the cause, the call, the numbers, and what the code printed."""
    failure = test.failure or Failure(f"The test ended with: {OUTCOME_NAMES[test.outcome]}.")
    named = [each for each in result.diagnoses if each.test == test.id and each.shown]
    beside = [each for each in result.diagnoses if each.test == test.id and not each.shown]
    why = cause_pieces(named, failure)
    what = difference_text(failure, test.outcome, page)
    located = failure.exception or failure.samples
    known = evidence_sentence(named, failure) if page.roomy else ""
    blocks: list[Sequence[Piece]] = [
        [*why, *as_paragraph(known, style="dim")],
        as_paragraph(what, style="bold") if not why else as_paragraph(what) if failure.exception else (),
        crash.exception_pieces(failure.exception, page, cause=not (why or what)) if failure.exception else (),
        crash.sample_pieces(failure.samples, page) if failure.samples else (),
        as_paragraph(notes(test, result.tests)),
        call_lines(failure.call, test.outcome, page) if failure.call and (page.roomy or not located) else (),
        comparison_table(failure.comparison, page) if failure.comparison else (),
        as_paragraph(what) if why and not failure.exception else (),
        *(as_paragraph(f"Also, in another call of this test: {reflow(each.advice)}") for each in beside),
        as_paragraph(_tolerance(failure)) if page.full else (),
        printed_lines(test.output, page),
    ]
    if page.tight:
        cause, *others = filter(None, blocks)
        blocks = [cause, [each for block in others for each in block]]
    return join_blocks(*blocks)


def cause_pieces(named: Sequence[Diagnosis], failure: Failure) -> list[Piece]:
    """Return why the test fails, as far as known: known mistakes, else observations about the result."""
    seen = (*([failure.near_miss] if failure.near_miss else []), *failure.observations)
    texts = [reflow(each.advice) for each in named] or [" ".join(seen)]
    if named:
        texts[0] = f"{_CAUTION[named[0].certainty]}{texts[0]}"
    return join_blocks(*(as_paragraph(text, style="bold") for text in texts))


def call_lines(made: Call, outcome: Outcome, page: Page) -> list[Line]:
    """Return the call as it was written, its tensors by their shapes, and what it returned."""
    room = page.width - CALL_COLUMN
    arguments = [a.name if _is_listed(a) else f"{a.name}={a.value.text}" for a in made.arguments]
    written = wrap(f"{made.function}({', '.join(arguments)})", room)
    lines = with_label("called", [*map(line, written), *_listed_arguments(made, room, page)], CALL_COLUMN)
    if outcome in SIDE_BY_SIDE and any(part.expected for part in made.returned):
        return [*lines, line(), *part_lines(made.returned, page)]
    returned = flow([_part(part, room, page) for part in made.returned], room, gap="    ")
    return [*lines, *(with_label("returned", returned, CALL_COLUMN) if returned else ())]


def _is_listed(argument: NamedValue) -> bool:
    """Return whether an argument is listed below the call: a tensor, or a value that is too long for it."""
    return argument.value.shape is not None or cells(argument.value.text) > LONGEST_VALUE


def _listed_arguments(made: Call, room: int, page: Page) -> list[Line]:
    """Return the shapes of tensors, then long values; long dicts have lines of their own."""
    tensors = [a for a in made.arguments if a.value.shape is not None]
    dtypes = {a.value.dtype for a in tensors if a.value.dtype}
    items = [line(cut(f"{a.name} {describe_value(a.value, len(dtypes) > 1)}", room, page)) for a in tensors]
    dicts = []
    for argument in made.arguments:
        text = f"{argument.name} = {argument.value.text}"
        if argument.value.shape is not None or not _is_listed(argument):
            continue
        if argument.value.text.startswith("{") and cells(text) > room:
            dicts += wrap(text.replace("': ", f"':{NO_BREAK}"), room)  # each key stays with its value
        else:
            items.append(line(cut(text, room, page)))
    if len(dtypes) == 1:
        items.append(line(dim(dtypes.pop())))
    return [*flow(items, room), *(line(each.replace(NO_BREAK, " ")) for each in dicts)]


def part_lines(parts: Sequence[ReturnedPart], page: Page) -> list[Line]:
    """Return the parts of a result, shapes and types, with the returned ones beside the expected ones.

    A page that cuts nothing and is too narrow for that has the expected ones below the returned ones.
    """
    names = min(max(10, *(cells(part.name) for part in parts)), page.width // 3)
    column = 5 + names
    room = (page.width - column - 4) // 2
    dtypes = any(p.expected and p.expected.dtype != p.yours.dtype and p.yours.dtype and p.expected.dtype for p in parts)
    rows = [(_part_head(part, names), *_sides(part, dtypes)) for part in parts]
    if page.whole and any(cells(side) > room for _, *sides in rows for side in sides):
        return [each for row in rows for each in _stacked(*row, column)]
    wide = min(max([len("returned"), *(cells(yours) for _, yours, _ in rows)]), room) + 4
    lines = [line(dim(" " * column + pad("returned", wide) + "expected"))]
    for head, yours, expected in rows:
        lines.append(line(head, pad(cut(yours, wide - 4, page), wide), cut(expected, room + 2, page)))
    return lines


def _stacked(head: Line, yours: str, expected: str, column: int) -> list[Line]:
    """Return a line with what was returned and, if known, a line with what was expected."""
    first = line(head, dim("returned  "), yours)
    return [first, line(" " * column, dim("expected  "), expected)] if expected else [first]


def _part_head(part: ReturnedPart, names: int) -> Line:
    """Return the mark and the name of a part, the name in `names` cells."""
    sign = _sign(part.agrees) if part.agrees is not None else Span(" ")
    return line("  ", sign, " ", dim(pad(clip(part.name, names), names + 1)))


def _sides(part: ReturnedPart, dtypes: bool) -> tuple[str, str]:
    """Return the shape and type of a part as returned and as expected."""
    yours = describe_value(part.yours, dtypes)
    expected = describe_value(part.expected, dtypes) if part.expected else ""
    return yours, f"{expected}, other values" if part.agrees is False and yours == expected else expected


def _part(part: ReturnedPart, room: int, page: Page) -> Line:
    """Return a part by its shape, after its mark."""
    sign = () if part.agrees is None else (_sign(part.agrees), " ")
    return line(*sign, cut(f"{part.name} {describe_value(part.yours)}", room - 2, page))


def _sign(agrees: bool) -> Span:
    return Span("✓", "green") if agrees else Span("✗", "red")


def difference_text(failure: Failure, outcome: Outcome, page: Page) -> str:
    """Return what differs or what happened, without a message that only repeats it."""
    derived, message = "", failure.message
    if failure.comparison:
        derived = comparison_sentence(failure.comparison, page)
    elif outcome is Outcome.WRONG_SHAPE and failure.call:
        derived = axes_sentence(failure.call.returned) or ""
    if failure.samples:
        message = message or f"Stopped after {failure.samples.limit:g} s."
    if repeats_exception(message, failure.exception):
        message = ""
    if derived and outcome in (Outcome.WRONG_VALUES, Outcome.WRONG_SHAPE):
        message = ""
    fault = GRADER_FAULT if outcome is Outcome.ERROR else ""
    return "\n".join(text for text in (fault, derived, message) if text)


def _tolerance(failure: Failure) -> str:
    bounds = failure.comparison
    return f"The tolerance is rtol={bounds.rtol:g}, atol={bounds.atol:g}." if bounds else ""


def repeats_exception(message: str, raised: Raised | None) -> bool:
    """Return whether a message says no more than the exception shown with it."""
    if not raised:
        return False
    said = message.strip().rstrip(".")
    words = raised.message.strip().rstrip(".")
    return said in ("", words, raised.type, f"{raised.type}: {words}")


def evidence_sentence(named: Sequence[Diagnosis], failure: Failure) -> str:
    """Return the evidence for the known mistakes of one test."""
    if not named or named[0].certainty is Certainty.POSSIBLE:
        return ""
    agreed = named[0].agreed
    results = "wrong result" if agreed == 1 else "wrong results"
    if not named[0].alone:
        yours = f"one of your {results}s" if agreed == 1 else f"{agreed} of your {results}"
        return f"A right solution with this mistake in it gives {yours}; something else is wrong as well."
    these = "this one mistake" if len(named) == 1 else f"these {len(named)} mistakes"
    if agreed == 1 and failure.exception:
        return f"A right solution with {these} in it ends with the same error."
    all_of = "" if agreed == 1 else f", all {agreed}"
    return f"A right solution with {these} in it gives the same {results} as yours{all_of}."


def notes(test: TestResult, tests: Sequence[TestResult]) -> str:
    """Return how many tests end at the same line, how many frames are hidden, and a hint about slow printing."""
    here = last_line(test)
    ended = [other for other in tests if here and last_line(other) == here]
    which = f"All {len(ended)}" if len(ended) == len(tests) else f"{len(ended)} of {len(tests)}"
    failure = test.failure
    said = [f"{which} tests end at this line."] if len(ended) > 1 else []
    if failure and failure.exception:
        said.append(crash.hidden_frames_sentence(failure.exception))
    if failure and failure.samples and test.output:
        said.append("It printed until it was stopped, and printing takes time: try it without.")
    return " ".join(filter(None, said))


def last_line(test: TestResult) -> tuple[str, int] | None:
    """Return the file and line of the student's code at which a test ended; None if unknown."""
    failure = test.failure
    if failure and failure.exception and failure.exception.frames:
        last = failure.exception.frames[-1]
    elif failure and failure.samples and failure.samples.frame:
        last = failure.samples.frame
    else:
        return None
    return last.file, last.line


def printed_lines(output: Output | None, page: Page) -> list[Line]:
    """Return the beginning of the output of the student's code, and how many bytes are not shown."""
    if output is None or not (output.text or output.dropped):
        return []
    lines = wrap(output.text.rstrip("\n"), page.width - 15)
    shown = lines[: page.output]
    missing = output.dropped + sum(len(text.encode()) + 1 for text in lines[page.output :])
    more = [line(dim(f"[+{missing} bytes]"))] if missing else []
    return with_label("printed", [*map(line, shown), *more])
