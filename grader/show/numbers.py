"""Numbers as text."""

from collections.abc import Sequence
from math import ceil, floor, log10

DECIMALS = 4  # of points


def format_points(points: float) -> str:
    """Return points as all screens, pages and tables show them, with at most four decimals: `10`, `2.5`, `2.675`."""
    text = f"{points:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def format_change(points: float) -> str:
    """Return points with their sign: `+2.675`, `-1`, `0`."""
    text = format_points(points)
    return f"+{text}" if points > 0 and text != "0" else text


def format_number(value: float) -> str:
    """Return a number with four significant digits, whole ones below a million in full: `0.25`, `46.7`, `1.5e+09`."""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else f"{value:.4g}"


def format_alike(values: Sequence[float], digits: int) -> list[str]:
    """Return all values with the same number of decimals; with none if all are whole."""
    digits = 0 if all(float(value).is_integer() for value in values) else digits
    return [f"{value:.{digits}f}" for value in values]


def numbered(labels: Sequence[str]) -> list[str]:
    """Return the legend of numbers that stand for labels: `1 first`, `2 second`."""
    return [f"{place} {label}" for place, label in enumerate(labels, start=1)]


def even_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers from `low` to `high`, evenly spaced, at most `most` (two or more)."""
    span = high - low or 1.0
    power = 10.0 ** floor(log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) + 1 <= most)
    return [float(f"{each * step:.10g}") for each in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]
