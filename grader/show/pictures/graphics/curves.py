"""Lines over a common axis, with their names at their ends. Each has its own dashes, so that it needs no color."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from grader.pictures import Curves, Line
from grader.show.pictures.axes import AxisRange, Tick, axis_range, ticks
from grader.show.pictures.graphics.shapes import LINE, Graphic, Point, text_width, titled_graphic, wrap_text
from grader.show.pictures.graphics.spread import spread

DASHES = ((), (8.0, 3.0), (2.0, 2.5), (10.0, 3.0, 2.0, 3.0), (14.0, 4.0), (9.0, 3.0, 2.0, 3.0, 2.0, 3.0))
THICK = 2.2
HIGH, LEAST = 0.42, 230.0  # height of the plot: per width, and at least
NAMES = 0.3  # share of the width that the names of lines may take
MARGIN = 0.04  # above and below the lines, if nothing else is asked for
APART_X, APART_Y = 62.0, 45.0  # between the numbers of an axis
GAP = 7.0
PLAIN = (1e-4, 1e6)  # powers of ten that are written in full
APART = 3.0  # between the names of lines
FAN, KEY = 12.0, 22.0  # from the plot to the stroke before the name of a line, and the length of this stroke
GUTTER = FAN + KEY + 5.0  # between the plot and the names of its lines
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class _Plot(NamedTuple):
    """The area of a plot, and its axes."""

    left: float
    top: float
    width: float
    height: float
    across: AxisRange
    up: AxisRange

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def x(self, value: float) -> float:
        return self.left + self.across.place(value, self.width)

    def y(self, value: float) -> float:
        return self.bottom - self.up.place(value, self.height)


def draw_curves(picture: Curves, width: float) -> Graphic:
    """Return lines as a graphic."""
    graphic, top = titled_graphic(picture.title, width)
    names = [wrap_text(line.label, width * NAMES) for line in picture.lines]
    height = max(width * HIGH, LEAST, sum(LINE * len(name) + APART for name in names))
    xs = [x for line in picture.lines for x in line.xs]
    across, up = axis_range(xs, picture.log_x), _upward(picture)
    side = ticks(up, max(int(height / APART_Y), 2))
    left = max(map(text_width, _labels(side)), default=0.0) + GAP
    right = max([text_width(line) for name in names for line in name], default=0.0)
    top = graphic.lines((0, top), wrap_text(picture.y, width)) + LINE / 2
    plot = _Plot(left, top, width - left - (GUTTER + right if right else GAP), height, across, up)
    below = [each for each in ticks(across, max(int(plot.width / APART_X), 2)) if _may_stand(each, xs)]
    _draw_axes(graphic, plot, picture.x, below, side)
    ends = []
    for place, line in enumerate(picture.lines):
        runs = [run for run in _runs(line, plot) if run]
        for run in runs:
            if len(run) > 1:
                graphic.polyline(run, place, thick=THICK, dashes=DASHES[place % len(DASHES)])
        ends.append(runs[-1][-1] if runs else (plot.right, plot.bottom))
        if sum(map(len, runs)) == 1:
            graphic.rectangle((ends[-1][0] - 3, ends[-1][1] - 3), 6, 6, place)
    _draw_names(graphic, plot, ends, names)
    return graphic


def _upward(picture: Curves) -> AxisRange:
    """Return the range of the y axis: as given, else with room above and below the lines."""
    ys = [y for line in picture.lines for y in line.ys]
    around = axis_range(ys, picture.log_y, picture.low, picture.high, 0.1 if picture.log_y else MARGIN)
    low = around.low if picture.low is None else picture.low
    return AxisRange(low, around.high if picture.high is None else picture.high, picture.log_y)


def _may_stand(tick: Tick, xs: Sequence[float]) -> bool:
    """Return whether an x axis may have a number here: if all steps are whole, there is none at 2.5."""
    return tick.value.is_integer() or not all(float(x).is_integer() for x in xs)


def _labels(of: Sequence[Tick]) -> list[str]:
    """Return the labels of ticks: powers of ten in full, or with a superscript if one of them is long."""
    in_full = all(PLAIN[0] <= tick.value <= PLAIN[1] for tick in of if _is_power(tick))
    return [_power(tick, in_full) if _is_power(tick) else tick.label for tick in of]


def _is_power(tick: Tick) -> bool:
    return tick.label.startswith("10^")


def _power(tick: Tick, in_full: bool) -> str:
    if in_full:
        return f"{tick.value:,.0f}" if tick.value >= 1 else f"{tick.value:.4g}"
    return "10" + tick.label[3:].translate(_SUPERSCRIPTS)


def _draw_axes(graphic: Graphic, plot: _Plot, name: str, below: Sequence[Tick], side: Sequence[Tick]) -> None:
    for tick in below:
        graphic.polyline([(plot.x(tick.value), plot.top), (plot.x(tick.value), plot.bottom)], "faint", thick=1)
    for tick, label in zip(side, _labels(side), strict=True):
        graphic.polyline([(plot.left, plot.y(tick.value)), (plot.right, plot.y(tick.value))], "faint", thick=1)
        graphic.text((plot.left - GAP, plot.y(tick.value)), label, "right")
    graphic.polyline([(plot.left, plot.top), (plot.left, plot.bottom), (plot.right, plot.bottom)], "edge", thick=1)
    end = -math.inf
    for tick, label in zip(below, _labels(below), strict=True):
        start = plot.x(tick.value) - text_width(label) / 2
        if start > end + GAP:
            graphic.text((plot.x(tick.value), plot.bottom + LINE * 0.75), label, "center")
            end = start + text_width(label)
    graphic.lines(((plot.left + plot.right) / 2, plot.bottom + LINE * 1.3), wrap_text(name, plot.width), "center")


def _runs(line: Line, plot: _Plot) -> Iterator[list[Point]]:
    """Yield the parts of a line within the plot, each as points from left to right."""
    points = [(plot.x(x), plot.y(y)) for x, y in zip(line.xs, line.ys, strict=True) if math.isfinite(y)]
    run = [point for point in points[:1] if plot.top <= point[1] <= plot.bottom]
    for one, other in pairwise(points):
        inside = _clipped(one, other, plot.top, plot.bottom)
        if inside is None:
            yield run
            run = []
            continue
        if not run:
            run = [inside[0]]
        run.append(inside[1])
        if inside[1] != other:
            yield run
            run = []
    yield run


def _clipped(one: Point, other: Point, top: float, bottom: float) -> tuple[Point, Point] | None:
    """Return the part of a step of a line that is between two heights; None if there is none."""
    (x, y), (to, down) = one, other
    if max(y, down) < top or min(y, down) > bottom:
        return None

    def at(height: float) -> Point:
        kept = min(max(height, top), bottom)
        return (x + (to - x) * (kept - y) / (down - y), kept) if kept != height else (x if height == y else to, height)

    return at(y) if y != down else one, at(down) if y != down else other


def _draw_names(graphic: Graphic, plot: _Plot, ends: Sequence[Point], names: Sequence[Sequence[str]]) -> None:
    """Write the name of each line to the right of the plot, at the height of its end or near it."""
    heights = [LINE * len(name) + APART for name in names]
    middles = spread([y for _, y in ends], heights, plot.top - LINE / 2, plot.bottom + LINE / 2)
    for place, ((x, y), middle, name) in enumerate(zip(ends, middles, names, strict=True)):
        if not name:
            continue
        steps = [(x, y), (plot.right, y), (plot.right + FAN, middle)]
        graphic.polyline(steps[x >= plot.right - 1 :], place, thick=1, dashes=(1.0, 2.0))
        key = [(plot.right + FAN, middle), (plot.right + FAN + KEY, middle)]
        graphic.polyline(key, place, thick=THICK, dashes=DASHES[place % len(DASHES)])
        graphic.lines((plot.right + GUTTER, middle - LINE * len(name) / 2), name, tone=place)
