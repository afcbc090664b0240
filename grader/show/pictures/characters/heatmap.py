"""A matrix of numbers on colored cells; shades replace numbers that do not fit."""

from collections.abc import Sequence
from math import ceil

import click

from grader.pictures import Heatmap
from grader.show.layout import align_right, pad
from grader.show.numbers import numbered
from grader.show.pictures.characters.blocks import block_width, flow_items, shorten_labels
from grader.show.pictures.grids import fraction, heatmap_texts, value_range

_DARK, _LIGHT = (20, 24, 32), (255, 214, 102)  # colors of the lowest and the highest number
SHADES = " ░▒▓█"
SHADES_IN_ASCII = " .:-=+*#%@"


def heatmap_lines(picture: Heatmap, width: int, unicode: bool) -> list[str]:
    """Return the lines of a heatmap."""
    low, high = value_range(picture)
    texts = heatmap_texts(picture)
    cell = 1 + block_width([*picture.columns, *(text for row in texts for text in row)])
    rows, key = shorten_labels(picture.rows, width // 3)
    if block_width(rows) + len(picture.columns) * cell > width:
        return _shades(picture, width, SHADES if unicode else SHADES_IN_ASCII)
    wide = block_width(rows)
    lines = [pad("", wide) + "".join(align_right(column, cell) for column in picture.columns)]
    for label, numbers, shown in zip(rows, picture.values, texts, strict=True):
        cells = (_cell(text, fraction(each, low, high), cell) for each, text in zip(numbers, shown, strict=True))
        lines.append(pad(label, wide) + "".join(cells))
    return lines + flow_items(key, width)


def _cell(text: str, lightness: float, width: int) -> str:
    red, green, blue = (round(dark + lightness * (light - dark)) for dark, light in zip(_DARK, _LIGHT, strict=True))
    ink = (0, 0, 0) if lightness > 0.5 else (255, 255, 255)
    return click.style(align_right(text, width), bg=(red, green, blue), fg=ink)


def _shades(picture: Heatmap, width: int, shades: str) -> list[str]:
    """Return shades without numbers. Columns are numbered; those of a square map share the numbers of its rows."""
    low, high = value_range(picture)
    labels, key = shorten_labels(picture.rows, width // 3)
    if not key:
        digits = block_width([str(len(labels))])
        labels = [f"{align_right(str(place), digits)} {label}" for place, label in enumerate(labels, start=1)]
    wide = block_width(labels)
    cell = next((size for size in (3, 2, 1) if wide + 1 + len(picture.columns) * size <= width), 1)
    most = (width - wide - 1) // cell
    lines: list[str] = []
    for start in range(0, len(picture.columns), most):
        places = range(start, min(start + most, len(picture.columns)))
        lines.append(click.style(" " * wide + _ruler(places, cell), dim=True))
        for label, row in zip(labels, picture.values, strict=True):
            marks = (shades[ceil(fraction(row[place], low, high) * (len(shades) - 1))] for place in places)
            lines.append(pad(label, wide) + ("" if cell > 1 else " ") + "".join(_mark(mark, cell) for mark in marks))
    if picture.columns != picture.rows:
        key += ["columns:", *numbered(picture.columns)]
    scale = f"from {low:.{picture.digits}f} {shades.replace(' ', '')} to {high:.{picture.digits}f}"
    return [*lines, *flow_items(key, width), click.style(scale, dim=True)]


def _mark(shade: str, cell: int) -> str:
    return " " * (cell > 1) + shade * max(cell - 1, 1)


def _ruler(places: Sequence[int], cell: int) -> str:
    """Return as many column numbers as there is room for."""
    every = 1 if cell == 3 else 5 if cell == 2 else 10
    ends = [(place - places[0] + 1) * cell + (cell == 1) for place in places]
    line = ""
    for place, end in zip(places, ends, strict=True):
        if (place + 1) % every == 0 or every == 1:
            line += align_right(str(place + 1), end - len(line))
    return line
