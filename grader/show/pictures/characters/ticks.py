"""The numbers of an axis and their positions: each is where the points of its value are drawn."""

import math
from collections.abc import Sequence
from typing import NamedTuple

STEPS = (1, 2, 5)  # times a power of ten
_POWERS = {-1: "0.1", 0: "1", 1: "10", 2: "100"}


class AxisRange(NamedTuple):
    """The range of values of an axis."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float, length: int) -> float:
        """Return the distance of a value from the beginning of an axis of this length."""
        low, high, at = map(math.log10, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return (at - low) / (high - low) * length

    def cell(self, value: float, cells: int) -> int:
        """Return the index of the cell of a value, from 0, for an axis of `cells` cells."""
        return min(max(int(self.place(value, cells)), 0), cells - 1)


class Tick(NamedTuple):
    """A number of an axis."""

    value: float
    label: str


def ticks(axis: AxisRange, most: int) -> list[Tick]:
    """Return at most `most` round numbers of an axis, each written with all of its digits."""
    if axis.log:
        powers = _multiples(math.log10(axis.low), math.log10(axis.high), 1)
        every = max(1, math.ceil(len(powers) / most))
        if len(powers) > 1:
            return [Tick(10.0**power, _POWERS.get(power, f"10^{power}")) for power in powers[::every]]
    exponent = math.floor(math.log10(axis.high - axis.low)) - 1
    while True:
        for step in STEPS:
            found = _multiples(axis.low, axis.high, step * 10.0**exponent)
            if len(found) <= most:
                digits = max(0, -exponent)
                values = [round(each * step * 10.0**exponent, digits) for each in found]
                return [Tick(value, f"{value + 0.0:,.{digits}f}") for value in values]
        exponent += 1


def column_labels(axis: AxisRange, height: int, most: int) -> list[str]:
    """Return the labels of `height` rows, from the top."""
    rows = [""] * height
    for tick in ticks(axis, most):
        rows[height - 1 - axis.cell(tick.value, height)] = tick.label
    return rows


def row_labels(axis: AxisRange, width: int, most: int) -> str:
    """Return the labels below `width` columns within a frame; a label that would touch the previous one is left out."""
    text = ""
    for tick in ticks(axis, most):
        middle = 1 + axis.cell(tick.value, width)
        start = min(max(middle - len(tick.label) // 2, 0), width + 2 - len(tick.label))
        if not text or start > len(text):
            text = text.ljust(start) + tick.label
    return text


def _multiples(low: float, high: float, step: float) -> Sequence[int]:
    """How often the step is in each of its multiples from low to high."""
    return range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
