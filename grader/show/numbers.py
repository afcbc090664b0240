"""Numbers as pictures show them."""

from collections.abc import Sequence
from math import ceil, floor, log10


def format_number(value: float) -> str:
    """`12`, `0.25`, `46.7`, `1.5e+09`: four digits that matter; whole numbers below a million in full."""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else f"{value:.4g}"


def format_alike(values: Sequence[float], digits: int) -> list[str]:
    """All with so many digits after the point, or none if all of them are whole."""
    digits = 0 if all(float(value).is_integer() for value in values) else digits
    return [f"{value:.{digits}f}" for value in values]


def numbered(labels: Sequence[str]) -> list[str]:
    """`1 first`, `2 second`: what the numbers in a picture stand for."""
    return [f"{place} {label}" for place, label in enumerate(labels, start=1)]


def even_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from `low` to `high`, evenly apart, at most so many (two or more)."""
    span = high - low or 1.0
    power = 10.0 ** floor(log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) + 1 <= most)
    return [float(f"{each * step:.10g}") for each in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]
