"""The range of an axis, and the round numbers along it."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

STEPS = (1, 2, 5)  # times a power of ten
_POWERS = {-1: "0.1", 0: "1", 1: "10", 2: "100"}


class AxisRange(NamedTuple):
    """The range of values of an axis."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float, length: float) -> float:
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


def axis_range(
    numbers: Iterable[float], log: bool, low: float | None = None, high: float | None = None, margin: float = 0.001
) -> AxisRange:
    """Return the range of an axis: as given, else that of the numbers with a margin, so that the ends lie inside.

    The margin is a share of the range, and of a logarithmic one a share of its ends.
    """
    finite = [number for number in numbers if math.isfinite(number)] or [1.0]
    least, most = min(finite), max(finite)
    if least == most:
        least, most = (least / 10, most * 10) if log else (least - 1, most + 1)
    low, high = least if low is None else low, most if high is None else high
    if log:
        return AxisRange(low / (1 + margin), high * (1 + margin), log)
    return AxisRange(low - margin * (high - low), high + margin * (high - low))


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


def _multiples(low: float, high: float, step: float) -> Sequence[int]:
    """How often the step is in each of its multiples from low to high."""
    return range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
