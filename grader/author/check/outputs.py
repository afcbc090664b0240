"""Holds what the code of a part printed against the outputs that stand in it."""

from collections.abc import Iterator
from itertools import zip_longest

from grader.course.lesson.model import Part
from grader.course.lesson.problem import Problem
from grader.course.lesson.source import CodeCell, code_cells, printed_by_cell, strip_trailing
from grader.engine.judge.messages import PartRan, Ran

_LONGEST = 60  # characters of a line that is quoted


def printed_by(run: Ran) -> list[str]:
    """What each block of a run printed, as far as it ran."""
    return printed_by_cell(run.printed.text if run.printed else "")


def output_problems(part: Part, ran: PartRan) -> Iterator[Problem]:
    """All that is wrong with code and outputs of a part, by what came of its runs."""
    found, strays = code_cells(part)
    first, *others = ran.runs
    texts = printed_by(first)
    for cell, text in zip(found, texts, strict=False):
        yield from _difference(part, cell, text)
    for stray in strays:
        yield Problem(part.path, stray.line, "no code stands above this output, or it has its output already.")
    yield from _end(part, found, first)
    for other in others:
        again = printed_by(other)
        for cell, text, now in zip(found, texts, again, strict=False):
            if text != now:
                what = "prints something else on another seed; call torch.manual_seed(0) at the top of the part."
                yield Problem(part.path, cell.code.line, what)
        if first.stopped is None:
            yield from _end(part, found, other)


def _difference(part: Part, cell: CodeCell, text: str) -> Iterator[Problem]:
    if cell.output is None:
        if text:
            what = "this code prints, and no output stands below it; grade check --update lesson writes it."
            yield Problem(part.path, cell.code.line, what)
    elif not text:
        yield Problem(part.path, cell.output.line, "the code above this output prints nothing.")
    elif (stands := strip_trailing(cell.output.text)) != text:
        line, here, there = _first_difference(stands, text)
        yield Problem(part.path, cell.output.line + line, f"here stands {here}, and the code prints {there}.")


def _first_difference(stands: str, text: str) -> tuple[int, str, str]:
    """The first line that differs, from 1, and what it is in both."""
    pairs = zip_longest(stands.split("\n"), text.split("\n"))
    return next((i, _quoted(a), _quoted(b)) for i, (a, b) in enumerate(pairs, start=1) if a != b)


def _quoted(line: str | None) -> str:
    if line is None:
        return "no line more"
    return f"'{line}'" if len(line) <= _LONGEST else f"'{line[:_LONGEST]}...'"


def _end(part: Part, found: list[CodeCell], run: Ran) -> Iterator[Problem]:
    """Why a run did not come to its end, or not with all that it printed."""
    here = found[min(len(printed_by(run)), len(found) - 1)].code.line
    if run.printed is not None and run.printed.dropped:
        yield Problem(part.path, here, "the code prints more than 64 KiB from here on.")
    if run.stopped is not None:
        yield Problem(part.path, run.stopped.line or here, run.stopped.what)
