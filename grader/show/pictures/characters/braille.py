"""Lines made of Braille characters, which have two by four dots each."""

import math
from collections.abc import Sequence
from typing import TypeAlias

ACROSS, UP = 2, 4  # dots per character
NO_DOTS = "\u2800"
_BITS = (0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08)  # for each column, its dots from the bottom

Point: TypeAlias = tuple[float, float]  # dots from the left and from the bottom


def draw_dots(points: Sequence[Point], width: int, height: int) -> list[str]:
    """Return rows of characters, the highest first, with straight lines from point to point.

    Points outside are not drawn, nor are lines from or to a number that is not finite.
    """
    rows = [[0] * width for _ in range(height)]
    for (x, y), (to_x, to_y) in zip(points, points[1:] or points, strict=False):
        across, up = to_x - x, to_y - y
        if not math.isfinite(across + up):
            continue
        steps = max(math.ceil(abs(across)), math.ceil(abs(up)), 1)
        for step in range(steps + 1):
            column, row = math.floor(x + across * step / steps), math.floor(y + up * step / steps)
            if 0 <= column < ACROSS * width and 0 <= row < UP * height:
                rows[-1 - row // UP][column // ACROSS] |= _BITS[column % ACROSS][row % UP]
    return ["".join(chr(ord(NO_DOTS) + dots) for dots in row) for row in rows]


def overlay(characters: Sequence[str]) -> str:
    """Return one character with the dots of all."""
    dots = 0
    for each in characters:
        dots |= ord(each) - ord(NO_DOTS)
    return chr(ord(NO_DOTS) + dots)
