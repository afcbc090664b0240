"""A matrix of numbers on cells of colour; where they do not fit, shades stand for them."""

from collections.abc import Sequence
from math import ceil

import click

from grader.pictures import Heatmap
from grader.show.characters.block import breadth, flowed, in_room
from grader.show.grids import bounds, number_texts, share
from grader.show.layout import pad, right
from grader.show.plain import numbered

_DARK, _LIGHT = (20, 24, 32), (255, 214, 102)  # of the lowest and the highest number
SHADES = " ░▒▓█"
SHADES_IN_ASCII = " .:-=+*#%@"


def heatmap(picture: Heatmap, width: int, unicode: bool) -> list[str]:
    low, high = bounds(picture)
    texts = number_texts(picture)
    cell = 1 + breadth([*picture.columns, *(text for row in texts for text in row)])
    rows, key = in_room(picture.rows, width // 3)
    if breadth(rows) + len(picture.columns) * cell > width:
        return _shades(picture, width, SHADES if unicode else SHADES_IN_ASCII)
    wide = breadth(rows)
    lines = [pad("", wide) + "".join(right(column, cell) for column in picture.columns)]
    for label, numbers, shown in zip(rows, picture.values, texts, strict=True):
        cells = (_cell(text, share(each, low, high), cell) for each, text in zip(numbers, shown, strict=True))
        lines.append(pad(label, wide) + "".join(cells))
    return lines + flowed(key, width)


def _cell(text: str, lightness: float, width: int) -> str:
    red, green, blue = (round(dark + lightness * (light - dark)) for dark, light in zip(_DARK, _LIGHT, strict=True))
    ink = (0, 0, 0) if lightness > 0.5 else (255, 255, 255)
    return click.style(right(text, width), bg=(red, green, blue), fg=ink)


def _shades(picture: Heatmap, width: int, shades: str) -> list[str]:
    """Without numbers, and columns by number: those of a square map are its rows."""
    low, high = bounds(picture)
    labels, key = in_room(picture.rows, width // 3)
    if not key:
        digits = breadth([str(len(labels))])
        labels = [f"{right(str(place), digits)} {label}" for place, label in enumerate(labels, start=1)]
    wide = breadth(labels)
    cell = next((size for size in (3, 2, 1) if wide + 1 + len(picture.columns) * size <= width), 1)
    most = (width - wide - 1) // cell
    lines: list[str] = []
    for start in range(0, len(picture.columns), most):
        places = range(start, min(start + most, len(picture.columns)))
        lines.append(click.style(" " * wide + _ruler(places, cell), dim=True))
        for label, row in zip(labels, picture.values, strict=True):
            marks = (shades[ceil(share(row[place], low, high) * (len(shades) - 1))] for place in places)
            lines.append(pad(label, wide) + ("" if cell > 1 else " ") + "".join(_mark(mark, cell) for mark in marks))
    if picture.columns != picture.rows:
        key += ["columns:", *numbered(picture.columns)]
    scale = f"from {low:.{picture.digits}f} {shades.replace(' ', '')} to {high:.{picture.digits}f}"
    return [*lines, *flowed(key, width), click.style(scale, dim=True)]


def _mark(shade: str, cell: int) -> str:
    return " " * (cell > 1) + shade * max(cell - 1, 1)


def _ruler(places: Sequence[int], cell: int) -> str:
    """The numbers of columns, as many as there is room for."""
    every = 1 if cell == 3 else 5 if cell == 2 else 10
    ends = [(place - places[0] + 1) * cell + (cell == 1) for place in places]
    line = ""
    for place, end in zip(places, ends, strict=True):
        if (place + 1) % every == 0 or every == 1:
            line += right(str(place + 1), end - len(line))
    return line
