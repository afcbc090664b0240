"""Blocks of text lines: their width, side by side, and with labels that are too long for their place."""

from collections.abc import Iterable, Sequence

from grader.show.layout import cells, pad, wrap
from grader.show.numbers import numbered

GAP = "   "


def block_width(lines: Iterable[str]) -> int:
    """Return the width of the longest line in cells; 0 if there is none."""
    return max(map(cells, lines), default=0)


def center(text: str, width: int) -> str:
    """Return the text centered in `width` cells."""
    left = (width - cells(text)) // 2
    return pad(" " * left + text, width)


def side_by_side(blocks: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Place blocks side by side, aligned at their tops."""
    height = max(map(len, blocks))
    columns = []
    for block in blocks:
        width = block_width(block)
        columns.append([pad(line, width) for line in [*block, *[""] * (height - len(block))]])
    return [gap.join(row).rstrip() for row in zip(*columns, strict=True)]


def flow_items(items: Iterable[str], width: int) -> list[str]:
    """Place items one after the other, as many per line as fit; an item longer than a line is wrapped."""
    lines: list[str] = []
    for item in items:
        if lines and cells(lines[-1]) + len(GAP) + cells(item) <= width:
            lines[-1] += GAP + item
        else:
            first, *rest = wrap(item, width - 2)
            lines += [first, *("  " + each for each in rest)]
    return lines


def shorten_labels(labels: Sequence[str], room: int) -> tuple[list[str], list[str]]:
    """Return labels of at most `room` cells and their legend: the labels themselves, or numbers for them."""
    if block_width(labels) <= room:
        return list(labels), []
    return [str(number) for number in range(1, len(labels) + 1)], numbered(labels)
