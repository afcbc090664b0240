"""Compare what the code of a part prints with the outputs that the part shows."""

from collections.abc import Iterator
from itertools import zip_longest

from grader.course.lesson.model import Part
from grader.course.lesson.problem import Problem
from grader.course.lesson.source import CodeCell, code_cells, printed_by_cell, strip_trailing
from grader.engine.judge.messages import PartResult, PartRun

_LONGEST = 60  # characters of a line that is quoted


def printed_by(run: PartRun) -> list[str]:
    """Return what each block printed, up to the block in which the run stopped."""
    return printed_by_cell(run.printed.text if run.printed else "")


def output_problems(part: Part, ran: PartResult) -> Iterator[Problem]:
    """Yield the problems of a part's code and outputs, given the runs of its code on several seeds."""
    all_cells, strays = code_cells(part)
    first, *others = ran.runs
    texts = printed_by(first)
    for cell, text in zip(all_cells, texts, strict=False):
        yield from _difference(part, cell, text)
    for stray in strays:
        yield Problem(part.path, stray.line, "there is no code above this output, or that code already has an output.")
    yield from _run_problems(part, all_cells, first)
    for other in others:
        other_texts = printed_by(other)
        for cell, text, other_text in zip(all_cells, texts, other_texts, strict=False):
            if text != other_text:
                what = "the output depends on the seed; call torch.manual_seed(0) at the top of the part."
                yield Problem(part.path, cell.code.line, what)
        if first.failure is None:
            yield from _run_problems(part, all_cells, other)


def _difference(part: Part, cell: CodeCell, text: str) -> Iterator[Problem]:
    if cell.output is None:
        if text:
            what = "this code prints, but there is no output below it; grade check --update lesson writes it."
            yield Problem(part.path, cell.code.line, what)
    elif not text:
        yield Problem(part.path, cell.output.line, "the code above this output prints nothing.")
    elif (shown := strip_trailing(cell.output.text)) != text:
        line, here, there = _first_difference(shown, text)
        yield Problem(part.path, cell.output.line + line, f"this line is {here}, but the code prints {there}.")


def _first_difference(shown: str, text: str) -> tuple[int, str, str]:
    """Return the number of the first line that differs, counted from 1, and that line in both texts."""
    pairs = zip_longest(shown.split("\n"), text.split("\n"))
    return next((i, _quoted(a), _quoted(b)) for i, (a, b) in enumerate(pairs, start=1) if a != b)


def _quoted(line: str | None) -> str:
    if line is None:
        return "nothing more"
    return f"'{line}'" if len(line) <= _LONGEST else f"'{line[:_LONGEST]}...'"


def _run_problems(part: Part, all_cells: list[CodeCell], run: PartRun) -> Iterator[Problem]:
    """Yield a problem if a run stopped early, or printed too much."""
    here = all_cells[min(len(printed_by(run)), len(all_cells) - 1)].code.line
    if run.printed is not None and run.printed.dropped:
        yield Problem(part.path, here, "the code prints more than 64 KiB from here on.")
    if run.failure is not None:
        yield Problem(part.path, run.failure.line or here, run.failure.what)
