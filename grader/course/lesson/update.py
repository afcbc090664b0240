"""Write what the code printed into the text of a part, and change nothing else."""

from collections.abc import Sequence

from grader.course.lesson.fences import fences
from grader.course.lesson.source import CodeCell, strip_trailing


def with_outputs(text: str, cells: Sequence[CodeCell], printed: Sequence[str]) -> str:
    """Return the text of a part with the outputs that its cells printed.

    A missing output is inserted after its code, or after the question that follows the code. An output that is no
    longer printed stays, since only the author knows what it was for.

    Args:
        text: The old text.
        cells: The cells of the part.
        printed: The outputs of its first cells. There are fewer than cells if one raised an exception.
    """
    ends = fences(text)
    changes: list[tuple[int, int, list[str]]] = []  # start, end, new lines
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
