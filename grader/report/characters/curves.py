"""Lines over one axis. Each has a letter, on it and in the legend, so that none is known by colour alone."""

from collections.abc import Sequence
from string import ascii_uppercase

import click

from grader.picture import Curves, Line
from grader.report.characters.block import flowed
from grader.report.characters.ticks import Axis, column, row

HEIGHT = 14
TICKS = 4  # numbers of the axis of y, at most
APART = 15  # cells from one number of the axis of x to the next
POWER_APART = 8  # the same of powers of ten
_COLOURS = ("blue", "magenta", "green", "yellow", "cyan", "red")
_NO_DOTS = "\u2800"
_FRAME = "│"


def curves(picture: Curves, width: int, unicode: bool) -> list[str]:
    across = _axis([x for each in picture.lines for x in each.xs], picture.log_x)
    up = _axis([y for each in picture.lines for y in each.ys], picture.log_y, picture.low, picture.high)
    numbers = column(up, HEIGHT, TICKS)
    inner = width - 3 - max(map(len, numbers))
    layers = [_layer(line, across, up, inner, unicode) for line in picture.lines]
    letters = _letters(layers) if len(layers) > 1 else {}
    body = [
        f"{_FRAME}{''.join(_cell(layers, i, j, letters) for j in range(inner))}{_FRAME} {number}".rstrip()
        for i, number in enumerate(numbers)
    ]
    legend = [click.style(f"{ascii_uppercase[place]} {line.label}") for place, line in enumerate(picture.lines)]
    if len(layers) == 1:
        legend = [picture.lines[0].label]
    return [
        click.style(picture.y, dim=True),
        f"┌{'─' * inner}┐",
        *body,
        f"└{'─' * inner}┘",
        row(across, inner, inner // (POWER_APART if across.log else APART) + 1),
        click.style(picture.x.center(inner + 2).rstrip(), dim=True),
        *flowed([label for label in legend if label], width),
    ]


def _layer(line: Line, across: Axis, up: Axis, width: int, unicode: bool) -> list[str]:
    """The inside of a plot of one line."""
    from uniplot import plot_to_string

    text = plot_to_string(
        xs=[list(line.xs)],
        ys=[list(line.ys)],
        lines=True,
        x_min=across.low,
        x_max=across.high,
        y_min=up.low,
        y_max=up.high,
        x_as_log=across.log,
        y_as_log=up.log,
        x_gridlines=[],
        y_gridlines=[],
        x_labels=False,  # it writes 2.5 as 2
        y_labels=False,
        width=width,
        height=HEIGHT,
        color=False,
        character_set="braille" if unicode else "ascii",
    )
    _, *rows, _ = text.splitlines()
    return [each[1 : width + 1].ljust(width) for each in rows]


def _axis(numbers: Sequence[float], log: bool, low: float | None = None, high: float | None = None) -> Axis:
    """What an axis spans: what it is told, else what the numbers do."""
    least, most = _bounds(numbers, log)
    return Axis(least if low is None else low, most if high is None else high, log)


def _bounds(numbers: Sequence[float], log: bool) -> tuple[float, float]:
    """A little more than the numbers span, so that the outermost points lie inside."""
    low, high = min(numbers), max(numbers)
    if low == high:
        return (low / 10, high * 10) if log else (low - 1, high + 1)
    if log:
        return low / 1.001, high * 1.001
    return low - 0.001 * (high - low), high + 0.001 * (high - low)


def _drawn(mark: str) -> bool:
    return mark not in (" ", _NO_DOTS)


def _letters(layers: Sequence[Sequence[str]]) -> dict[tuple[int, int], int]:
    """For each layer a cell of its line, apart from those of the others, where its letter stands."""
    letters: dict[tuple[int, int], int] = {}
    for place, layer in enumerate(layers):
        own = [(row, column) for row, line in enumerate(layer) for column, mark in enumerate(line) if _drawn(mark)]
        alone = [at for at in own if not any(_drawn(other[at[0]][at[1]]) for other in layers if other is not layer)]
        wanted = len(layer[0]) * (2 * place + 1) / (2 * len(layers))
        free = [at for at in alone or own if at not in letters]
        if free:
            letters[min(free, key=lambda at: abs(at[1] - wanted))] = place
    return letters


def _cell(layers: Sequence[Sequence[str]], row: int, column: int, letters: dict[tuple[int, int], int]) -> str:
    if (row, column) in letters:
        place = letters[row, column]
        return click.style(ascii_uppercase[place], fg=_COLOURS[place % len(_COLOURS)], bold=True)
    drawn = [(place, layer[row][column]) for place, layer in enumerate(layers) if _drawn(layer[row][column])]
    if not drawn:
        return " "
    place, mark = drawn[-1]
    if mark.isascii():  # each line is made of its letter
        return click.style(ascii_uppercase[place], fg=_COLOURS[place % len(_COLOURS)]) if len(layers) > 1 else "*"
    dots = 0
    for _, each in drawn:
        dots |= ord(each) - ord(_NO_DOTS)
    return click.style(chr(ord(_NO_DOTS) + dots), fg=_COLOURS[place % len(_COLOURS)])
