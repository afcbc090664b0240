"""Lines of text as blocks: how wide they are, side by side, and with labels that are too long for their place."""

from collections.abc import Iterable, Sequence

from grader.show.layout import cells, pad, wrap
from grader.show.numbers import numbered

GAP = "   "


def block_width(lines: Iterable[str]) -> int:
    """How many cells the longest line has; 0 if there is none."""
    return max(map(cells, lines), default=0)


def center(text: str, width: int) -> str:
    left = (width - cells(text)) // 2
    return pad(" " * left + text, width)


def side_by_side(blocks: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Blocks side by side, aligned at their tops."""
    height = max(map(len, blocks))
    columns = []
    for block in blocks:
        width = block_width(block)
        columns.append([pad(line, width) for line in [*block, *[""] * (height - len(block))]])
    return [gap.join(row).rstrip() for row in zip(*columns, strict=True)]


def flow_items(items: Iterable[str], width: int) -> list[str]:
    """Items one after the other, as many in each line as fit; what is longer than a line goes on below itself."""
    lines: list[str] = []
    for item in items:
        if lines and cells(lines[-1]) + len(GAP) + cells(item) <= width:
            lines[-1] += GAP + item
        else:
            first, *rest = wrap(item, width - 2)
            lines += [first, *("  " + each for each in rest)]
    return lines


def shorten_labels(labels: Sequence[str], room: int) -> tuple[list[str], list[str]]:
    """Labels that have so many cells at most: as they are, or numbers, and then what the numbers stand for."""
    if block_width(labels) <= room:
        return list(labels), []
    return [str(number) for number in range(1, len(labels) + 1)], numbered(labels)
