"""What a lab measured, drawn with characters."""

from collections.abc import Iterator

import click

from grader.picture import Curves, Heatmap, Table

WIDTH = 62  # characters of a plot, without its numbers
HEIGHT = 14
MARGIN = "    "
FITS = 77 - len(MARGIN)
_DARK, _LIGHT = (20, 24, 32), (255, 214, 102)  # of a heatmap's lowest and highest number


def drawn(figure: Curves | Heatmap | Table, *, unicode: bool) -> list[str]:
    """The lines of a figure, with escape sequences for colour.

    Without `unicode` they are ASCII, and lines of a plot differ by their characters, not by colour alone.
    """
    match figure:
        case Curves():
            lines = _curves(figure, unicode)
        case Heatmap():
            lines = list(_heatmap(figure) if _breadth(figure) <= FITS else _shades(figure, unicode))
        case Table():
            lines = list(_table(figure))
    return [MARGIN + line for line in [click.style(figure.title, bold=True), *lines]]


def _curves(figure: Curves, unicode: bool) -> list[str]:
    from uniplot import plot_to_string

    text = plot_to_string(
        xs=[list(line.xs) for line in figure.lines],
        ys=[list(line.ys) for line in figure.lines],
        lines=True,
        legend_labels=[line.label for line in figure.lines],
        width=WIDTH,
        height=HEIGHT,
        **{name: bound for name, bound in (("y_min", figure.low), ("y_max", figure.high)) if bound is not None},
        color=True,
        character_set="braille" if unicode else "ascii",
    )
    lines = text.splitlines()
    if not unicode:  # its frame is not
        lines = [line.translate(_FRAME) for line in lines]
    return [click.style(figure.y, dim=True), *lines, click.style(f"{figure.x:^{WIDTH + 2}}", dim=True)]


_FRAME = str.maketrans("┌┐└┘─│├┤┬┴┼", "++++-|+++++")


def _cells(figure: Heatmap) -> int:
    """How wide a number is, with the name of its column above it."""
    return max(6, *(len(column) + 1 for column in figure.columns))


def _breadth(figure: Heatmap) -> int:
    return max(map(len, figure.rows)) + len(figure.columns) * _cells(figure)


def _shades(figure: Heatmap, unicode: bool) -> Iterator[str]:
    """A heatmap without its numbers, and columns by number: those of a square map are its rows."""
    steps = " ░▒▓█" if unicode else " .:-=+*#%@"
    low, high = _range(figure)
    wide = max(map(len, figure.rows))
    digits = len(str(len(figure.rows)))
    yield click.style(
        " " * (digits + 1 + wide) + "".join(f"{place:>3}" for place in range(1, len(figure.columns) + 1)), dim=True
    )
    for place, (label, row) in enumerate(zip(figure.rows, figure.values, strict=True), start=1):
        shades = (steps[round(_share(number, low, high) * (len(steps) - 1))] for number in row)
        yield f"{place:>{digits}} {label:<{wide}}" + "".join(f" {shade}{shade}" for shade in shades)
    if figure.columns != figure.rows:
        yield from (f"{place:>{digits}} {column}" for place, column in enumerate(figure.columns, start=1))
    yield click.style(f"from {low:.2f} {steps.replace(' ', '')} to {high:.2f}", dim=True)


def _range(figure: Heatmap) -> tuple[float, float]:
    numbers = [number for row in figure.values for number in row]
    return min(numbers), max(numbers)


def _share(number: float, low: float, high: float) -> float:
    return (number - low) / (high - low) if high > low else 0.0


def _heatmap(figure: Heatmap) -> Iterator[str]:
    wide = max(map(len, figure.rows))
    cells = _cells(figure)
    low, high = _range(figure)
    yield " " * wide + "".join(f"{column:>{cells}}" for column in figure.columns)
    for label, row in zip(figure.rows, figure.values, strict=True):
        yield f"{label:<{wide}}" + "".join(_cell(number, low, high, cells) for number in row)


def _cell(number: float, low: float, high: float, width: int) -> str:
    share = _share(number, low, high)
    red, green, blue = (round(dark + share * (light - dark)) for dark, light in zip(_DARK, _LIGHT, strict=True))
    ink = (0, 0, 0) if share > 0.5 else (255, 255, 255)
    return click.style(f"{number:>{width}.2f}", bg=(red, green, blue), fg=ink)


def _table(figure: Table) -> Iterator[str]:
    rows = [(label, [_text(each) for each in row]) for label, row in figure.rows]
    wide = max(len(label) for label, _ in rows)
    widths = [
        max(len(column), *(len(row[place]) for _, row in rows)) for place, column in enumerate(figure.columns)
    ]
    head = zip(figure.columns, widths, strict=True)
    yield click.style(" " * wide + "".join(f"   {name:>{width}}" for name, width in head), dim=True)
    for label, row in rows:
        yield f"{label:<{wide}}" + "".join(f"   {text:>{width}}" for text, width in zip(row, widths, strict=True))


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3f}" if isinstance(value, float) else str(value)
