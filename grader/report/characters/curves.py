"""Lines over one axis. Each has a letter, on it and in the legend, so that none is known by colour alone."""

from collections.abc import Sequence
from string import ascii_uppercase

import click

from grader.picture import Curves, Line
from grader.report.characters.block import flowed

HEIGHT = 14
_COLOURS = ("blue", "magenta", "green", "yellow", "cyan", "red")
_NO_DOTS = "\u2800"
_FRAME = "│"


def curves(picture: Curves, width: int, unicode: bool) -> list[str]:
    plots = [_plot(picture, line, width, unicode) for line in picture.lines]
    frame = plots[0]
    top, bottom = (next(i for i, line in enumerate(frame) if line.startswith(corner)) for corner in "┌└")
    inner = frame[top].rindex("┐") - 1
    layers = [[line[1 : inner + 1].ljust(inner) for line in plot[top + 1 : bottom]] for plot in plots]
    letters = _letters(layers) if len(layers) > 1 else {}
    body = [
        _FRAME
        + "".join(_cell(layers, row, column, letters) for column in range(inner))
        + frame[top + 1 + row][inner + 1 :]
        for row in range(bottom - top - 1)
    ]
    legend = [click.style(f"{ascii_uppercase[place]} {line.label}") for place, line in enumerate(picture.lines)]
    if len(layers) == 1:
        legend = [picture.lines[0].label]
    return [
        click.style(picture.y, dim=True),
        *frame[top : top + 1],
        *body,
        *frame[bottom:],
        click.style(picture.x.center(inner + 2).rstrip(), dim=True),
        *flowed([label for label in legend if label], width),
    ]


def _plot(picture: Curves, line: Line, width: int, unicode: bool) -> list[str]:
    """One line of the picture, on the axes of all of them."""
    from uniplot import plot_to_string

    x_min, x_max = _bounds([x for each in picture.lines for x in each.xs], picture.log_x)
    y_min, y_max = _bounds([y for each in picture.lines for y in each.ys], picture.log_y)
    text = plot_to_string(
        xs=[list(line.xs)],
        ys=[list(line.ys)],
        lines=True,
        x_min=x_min,
        x_max=x_max,
        y_min=y_min if picture.low is None else picture.low,
        y_max=y_max if picture.high is None else picture.high,
        x_as_log=picture.log_x,
        y_as_log=picture.log_y,
        x_gridlines=[],
        y_gridlines=[],
        width=width,
        line_length_hard_cap=width,
        height=HEIGHT,
        color=False,
        character_set="braille" if unicode else "ascii",
    )
    return [each.rstrip() for each in text.splitlines()]


def _bounds(numbers: Sequence[float], log: bool) -> tuple[float, float]:
    """A little more than the numbers span, so that the outermost points lie inside."""
    low, high = min(numbers), max(numbers)
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
