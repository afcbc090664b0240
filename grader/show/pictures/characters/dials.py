"""Dials side by side: each hand ends in a letter that the legend explains."""

import math
from collections.abc import Sequence

from grader.pictures import Dial, Dials
from grader.show.layout import wrap
from grader.show.pictures.characters.blocks import center, flow_items, side_by_side
from grader.show.pictures.characters.braille import ACROSS, NO_DOTS, UP, draw_dots, overlay
from grader.show.pictures.characters.symbols import letter

ROWS, COLUMNS = 9, 19  # cells of a dial; a cell is about twice as high as wide
CORNERS = 72  # of the polygon that is drawn as a circle
GAP = "   "


def dial_lines(picture: Dials, width: int, unicode: bool) -> list[str]:
    """Return the lines of dials."""
    labels = list(dict.fromkeys(hand.label for dial in picture.dials for hand in dial.hands))
    across = max((width + len(GAP)) // (COLUMNS + len(GAP)), 1)
    lines: list[str] = []
    for first in range(0, len(picture.dials), across):
        row = picture.dials[first : first + across]
        titles = [wrap(dial.title, COLUMNS) for dial in row]
        heads = [[""] * (max(map(len, titles)) - len(title)) + title for title in titles]
        blocks = [
            [*(center(line, COLUMNS) for line in head), *_face(dial, labels, unicode)]
            for head, dial in zip(heads, row, strict=True)
        ]
        lines += [*side_by_side(blocks, GAP), ""]
    return [*lines, *flow_items([f"{letter(place)} {label}" for place, label in enumerate(labels)], width)]


def _face(dial: Dial, labels: Sequence[str], unicode: bool) -> list[str]:
    """Return the circle with its hands."""
    circle = draw_dots([_at(1.0, 360 * place / CORNERS) for place in range(CORNERS + 1)], COLUMNS, ROWS)
    hands = [draw_dots([_at(0.0, 0.0), _at(1.0, hand.degrees)], COLUMNS, ROWS) for hand in dial.hands]
    letters: dict[tuple[int, int], str] = {}
    for hand in dial.hands:
        x, y = _at(1.0, hand.degrees)
        cell = ROWS - 1 - math.floor(y / UP), math.floor(x / ACROSS)
        while cell in letters:  # two hands at one angle: the letters are side by side
            cell = cell[0], cell[1] - 1
        letters[cell] = letter(labels.index(hand.label))
    return [
        "".join(
            letters.get((row, column)) or _cell([layer[row][column] for layer in (circle, *hands)], unicode)
            for column in range(COLUMNS)
        )
        for row in range(ROWS)
    ]


def _cell(layers: Sequence[str], unicode: bool) -> str:
    dots = overlay(layers)
    if dots == NO_DOTS:
        return " "
    return dots if unicode else "*" if layers[0] == NO_DOTS else "."


def _at(radius: float, degrees: float) -> tuple[float, float]:
    """Return the dot at an angle, on a circle that just fits."""
    angle = math.radians(degrees)
    half_across, half_up = (ACROSS * COLUMNS - 1) / 2, (UP * ROWS - 1) / 2
    return (half_across * (1 + radius * math.cos(angle)), half_up * (1 + radius * math.sin(angle)))
