"""Horizontal bars below each other, each with its number."""

from collections.abc import Iterator

from grader.pictures import Bars
from grader.show.layout import align_right, pad
from grader.show.numbers import format_number
from grader.show.pictures.characters.blocks import block_width, flow_items, shorten_labels
from grader.show.pictures.characters.symbols import FULL

LEAST = 20  # cells for the longest bar; if labels leave less, numbers replace them


def bar_lines(picture: Bars, width: int) -> list[str]:
    """Return the lines of horizontal bars."""
    values = [value for series in picture.series for value in series.values]
    numbers = block_width(map(format_number, values))
    names = [series.label if len(picture.series) > 1 else "" for series in picture.series]
    for room in (width, 12, 6, 0):
        groups, group_key = shorten_labels(picture.groups, room)
        labels, label_key = shorten_labels(names, room)
        heads = block_width(groups) + 2 + (block_width(labels) + 2 if block_width(labels) else 0)
        if width - heads - numbers - 1 >= LEAST:
            break
    low, high = min(0.0, *values), max(0.0, *values)
    scale = _Scale(low, high, width - heads - numbers - 1)
    lines = [picture.y] if picture.y else []
    for place, group in enumerate(groups):
        for series, (label, each) in enumerate(zip(labels, picture.series, strict=True)):
            head = pad(group if series == 0 else "", block_width(groups)) + "  "
            head += pad(label, block_width(labels)) + "  " if block_width(labels) else ""
            value = each.values[place]
            lines.append(f"{head}{scale.bar(value)} {align_right(format_number(value), numbers)}")
    return [*lines, *_keys(group_key, label_key, width)]


def _keys(groups: list[str], labels: list[str], width: int) -> Iterator[str]:
    for key in (groups, labels):
        yield from flow_items(key, width)


class _Scale:
    """The scale of the bars in cells; with negative values, bars begin at a zero line."""

    def __init__(self, low: float, high: float, room: int) -> None:
        self.negative = low < 0
        self.room = room - self.negative
        self.cells = self.room / (high - low) if high > low else 0.0
        self.zero = round(-low * self.cells)

    def bar(self, value: float) -> str:
        length = round(abs(value) * self.cells)
        if not self.negative:
            return pad(FULL * length, self.room)
        left = align_right(FULL * min(length, self.zero) if value < 0 else "", self.zero)
        return left + "│" + pad(FULL * min(length, self.room - self.zero) if value > 0 else "", self.room - self.zero)
