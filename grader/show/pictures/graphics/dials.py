"""Dials side by side, with the label of each hand beyond its tip."""

import math

from grader.pictures import Dial, Dials, Hand
from grader.show.pictures.graphics.curves import DASHES
from grader.show.pictures.graphics.shapes import LINE, Graphic, Point, text_width, titled_graphic, wrap_text
from grader.show.pictures.graphics.spread import spread

RADIUS = (64.0, 90.0)  # at least, and at most
BETWEEN = 18.0  # between dials
GAP = 7.0  # between a circle and a label
CORNERS = 72  # of the polygon that is drawn as a circle
THICK = 2.4


def draw_dials(picture: Dials, width: float) -> Graphic:
    """Return dials as a graphic."""
    graphic, top = titled_graphic(picture.title, width)
    labels = list(dict.fromkeys(hand.label for dial in picture.dials for hand in dial.hands))
    side = GAP + max(map(text_width, labels), default=0.0)  # room for labels on either side
    columns = max(min(int((width + BETWEEN) / (2 * (RADIUS[0] + side) + BETWEEN)), len(picture.dials)), 1)
    radius = min(max((width + BETWEEN) / columns / 2 - BETWEEN / 2 - side, RADIUS[0]), RADIUS[1])
    for first in range(0, len(picture.dials), columns):
        row = picture.dials[first : first + columns]
        titles = [wrap_text(dial.title, 2 * (radius + side)) for dial in row]
        center = top + LINE * max(map(len, titles)) + LINE + radius
        for place, (dial, title) in enumerate(zip(row, titles, strict=True)):
            x = (radius + side) * (2 * place + 1) + BETWEEN * place
            graphic.lines((x, top), title, "center")
            _draw_dial(graphic, (x, center), radius, dial, labels)
        top = center + radius + LINE + BETWEEN / 2
    return graphic


def _draw_dial(graphic: Graphic, center: Point, radius: float, dial: Dial, labels: list[str]) -> None:
    corners = [_at(center, radius, 360 * place / CORNERS) for place in range(CORNERS + 1)]
    graphic.polyline(corners, "edge")
    for hand in dial.hands:
        kind = labels.index(hand.label)
        tip = _at(center, radius, hand.degrees)
        graphic.polyline([center, tip], kind, thick=THICK, dashes=DASHES[kind % len(DASHES)])
    for right in (True, False):
        hands = [hand for hand in dial.hands if _is_right(hand) == right]
        heights = [_at(center, radius + LINE / 2, hand.degrees)[1] for hand in hands]
        low, high = center[1] - radius - LINE, center[1] + radius + LINE
        for hand, y in zip(hands, spread(heights, [LINE] * len(hands), low, high), strict=True):
            # The label is beside the circle at the height where it is written, not at that of the tip.
            half = math.sqrt(max(radius**2 - (y - center[1]) ** 2, 0.0))
            x = max(half, abs(_at((0, 0), radius, hand.degrees)[0])) + GAP
            place = (center[0] + (x if right else -x), y)
            graphic.text(place, hand.label, "left" if right else "right", tone=labels.index(hand.label))


def _is_right(hand: Hand) -> bool:
    return math.cos(math.radians(hand.degrees)) >= 0


def _at(center: Point, radius: float, degrees: float) -> Point:
    """Return the point of a circle at an angle."""
    angle = math.radians(degrees)
    return (center[0] + radius * math.cos(angle), center[1] - radius * math.sin(angle))
