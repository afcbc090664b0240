"""Where the numbers of an axis stand, and what they say. A number stands where the points of its value are drawn."""

import math
from collections.abc import Sequence
from typing import NamedTuple

STEPS = (1, 2, 5)  # times a power of ten
_POWERS = {-1: "0.1", 0: "1", 1: "10", 2: "100"}


class AxisRange(NamedTuple):
    """What an axis spans."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float, length: int) -> float:
        """How far from the beginning of an axis of such a length a value lies."""
        low, high, at = map(math.log10, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return (at - low) / (high - low) * length

    def cell(self, value: float, cells: int) -> int:
        """In which of so many cells a value is, from 0."""
        return min(max(int(self.place(value, cells)), 0), cells - 1)


class Tick(NamedTuple):
    """A number of an axis."""

    value: float
    label: str


def ticks(axis: AxisRange, most: int) -> list[Tick]:
    """Round numbers of an axis, at most so many, each written with all of its digits."""
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
    """The labels of so many rows, from the top."""
    rows = [""] * height
    for tick in ticks(axis, most):
        rows[height - 1 - axis.cell(tick.value, height)] = tick.label
    return rows


def row_labels(axis: AxisRange, width: int, most: int) -> str:
    """The labels below so many columns within a frame. What would touch the one before it is left out."""
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
