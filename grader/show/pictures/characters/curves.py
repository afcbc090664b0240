"""Lines over a common axis, each marked by a letter that the legend explains, so that they differ without color."""

from collections.abc import Sequence

import click

from grader.pictures import Curves, Line
from grader.show.pictures.axes import AxisRange, axis_range
from grader.show.pictures.characters.blocks import flow_items
from grader.show.pictures.characters.braille import ACROSS, NO_DOTS, UP, draw_dots, overlay
from grader.show.pictures.characters.symbols import letter
from grader.show.pictures.characters.ticks import column_labels, row_labels

HEIGHT = 14
TICKS = 4  # numbers on the y axis, at most
APART = 15  # cells between numbers on the x axis
POWER_APART = 8  # cells between powers of ten on the x axis
_COLORS = ("blue", "magenta", "green", "yellow", "cyan", "red")
_FRAME = "│"


def curve_lines(picture: Curves, width: int, unicode: bool, known: dict[str, int] | None = None) -> list[str]:
    """Return the lines of a plot. `known` maps labels to the letters and colors that earlier pictures gave them."""
    known = {} if known is None else known
    labels = [line.label or f"line {place}" for place, line in enumerate(picture.lines)]
    marks = [known.setdefault(label, len(known)) for label in labels]
    across = axis_range([x for each in picture.lines for x in each.xs], picture.log_x)
    up = axis_range([y for each in picture.lines for y in each.ys], picture.log_y, picture.low, picture.high)
    numbers = column_labels(up, HEIGHT, TICKS)
    inner = width - 3 - max(map(len, numbers))
    layers = [_layer(line, across, up, inner) for line in picture.lines]
    letters = {at: marks[place] for at, place in _letters(layers).items()} if len(layers) > 1 else {}
    body = [
        f"{_FRAME}{_row(layers, i, letters, marks, unicode)}{_FRAME} {number}".rstrip()
        for i, number in enumerate(numbers)
    ]
    legend = [click.style(f"{letter(mark)} {line.label}") for mark, line in zip(marks, picture.lines, strict=True)]
    if len(layers) == 1:
        legend = [picture.lines[0].label]
    return [
        click.style(picture.y, dim=True),
        f"┌{'─' * inner}┐",
        *body,
        f"└{'─' * inner}┘",
        row_labels(across, inner, inner // (POWER_APART if across.log else APART) + 1),
        click.style(picture.x.center(inner + 2).rstrip(), dim=True),
        *flow_items([label for label in legend if label], width),
    ]


def _layer(line: Line, across: AxisRange, up: AxisRange, width: int) -> list[str]:
    """Return the inside of a plot of one line."""
    places = zip(line.xs, line.ys, strict=True)
    points = [(across.place(x, ACROSS * width), up.place(y, UP * HEIGHT)) for x, y in places]
    return draw_dots(points, width, HEIGHT)


def _letters(layers: Sequence[Sequence[str]]) -> dict[tuple[int, int], int]:
    """Choose a cell for the letter of each line, away from the other lines where possible."""
    letters: dict[tuple[int, int], int] = {}
    for place, layer in enumerate(layers):
        own = [(row, column) for row, line in enumerate(layer) for column, mark in enumerate(line) if mark != NO_DOTS]
        others = [other for other in layers if other is not layer]
        alone = [at for at in own if all(other[at[0]][at[1]] == NO_DOTS for other in others)]
        wanted = len(layer[0]) * (2 * place + 1) / (2 * len(layers))
        free = [at for at in alone or own if at not in letters]
        if free:
            letters[min(free, key=lambda at: abs(at[1] - wanted))] = place
    return letters


def _row(
    layers: Sequence[Sequence[str]], row: int, letters: dict[tuple[int, int], int], marks: Sequence[int], unicode: bool
) -> str:
    return "".join(_cell(layers, row, column, letters, marks, unicode) for column in range(len(layers[0][row])))


def _cell(
    layers: Sequence[Sequence[str]],
    row: int,
    column: int,
    letters: dict[tuple[int, int], int],
    marks: Sequence[int],
    unicode: bool,
) -> str:
    if (row, column) in letters:
        return _styled(letters[row, column], bold=True)
    drawn = [place for place, layer in enumerate(layers) if layer[row][column] != NO_DOTS]
    if not drawn:
        return " "
    if unicode:
        return _styled(marks[drawn[-1]], overlay([layers[place][row][column] for place in drawn]))
    return _styled(marks[drawn[-1]]) if len(layers) > 1 else "*"  # without Braille each line is drawn with its letter


def _styled(place: int, text: str | None = None, bold: bool | None = None) -> str:
    """Return a text, or the letter of a line, in the color of the line."""
    return click.style(text or letter(place), fg=_COLORS[place % len(_COLORS)], bold=bold)
