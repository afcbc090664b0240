"""Writes what code printed into the text of a part, and touches nothing else of it."""

from collections.abc import Sequence

from grader.course.lesson.fences import fences
from grader.course.lesson.source import CodeCell, strip_trailing


def with_outputs(text: str, cells: Sequence[CodeCell], printed: Sequence[str]) -> str:
    """The text of a part in which the first blocks of code, as many as `printed`, have the outputs that they print.

    A missing output comes right after its code, or after the question that follows the code. An output that is not
    printed any more stays: only its author knows what it was for.
    """
    ends = fences(text)
    changes: list[tuple[int, int, list[str]]] = []  # the lines from here to there become those
    for cell, output in zip(cells, printed, strict=False):
        if not output:
            continue
        if cell.output is None:
            place = ends[cell.last.line]
            changes.append((place, place, ["", "```output", *output.split("\n"), "```"]))
        elif strip_trailing(cell.output.text) != output:
            changes.append((cell.output.line, ends[cell.output.line] - 1, output.split("\n")))
    lines = text.split("\n")
    carriage = "\r" if "\r\n" in text else ""
    for start, end, new in sorted(changes, reverse=True):
        lines[start:end] = [line + carriage for line in new]
    return "\n".join(lines)
