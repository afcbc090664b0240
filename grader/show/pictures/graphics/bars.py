"""Horizontal bars below each other, with names on the left and numbers on the right."""

from collections.abc import Iterable, Sequence

from grader.pictures import Bars
from grader.show.numbers import format_number
from grader.show.pictures.graphics.shapes import LINE, Graphic, text_width, titled_graphic, wrap_text

THICK = 13.0
PITCH = 19.0  # from one bar to the next
GAP = 8.0
NAMES = 0.45  # share of the width that names beside the bars may take


def draw_bars(picture: Bars, width: float) -> Graphic:
    """Return bars as a graphic; the names of groups are beside their bars or, if there is no room, above them."""
    graphic, top = titled_graphic(picture.title, width)
    values = [value for series in picture.series for value in series.values]
    single = len(picture.series) == 1
    names = picture.groups if single else [series.label for series in picture.series]
    wrapped = {name: wrap_text(name, width * NAMES) for name in names}
    left = _widest(wrapped.values()) + GAP
    groups = _widest([each] for each in picture.groups) + 2 * GAP
    beside = not single and groups + left <= width * NAMES
    left += groups if beside else 0
    low, high = min(0.0, *values), max(0.0, *values)
    numbers = max(text_width(format_number(value)) for value in values)
    scale = (width - left - numbers - GAP) / ((high - low) or 1.0)
    zero = left - low * scale
    if picture.y:
        top = graphic.lines((left, top), wrap_text(picture.y, width - left)) + 4
    for place, group in enumerate(picture.groups):
        if beside:
            graphic.text((0, top + PITCH / 2), group)
        elif not single:
            top = graphic.lines((0, top), [group]) + 1
        begin = top
        for which, series in enumerate(picture.series):
            name = wrapped[names[place if single else which]]
            high_enough = max(PITCH, LINE * len(name))
            middle, value = top + high_enough / 2, series.values[place]
            graphic.lines((left - GAP, middle - LINE * len(name) / 2), name, "right")
            start, end = sorted((zero, zero + value * scale))
            graphic.rectangle((start, middle - THICK / 2), end - start, THICK, fill=which)
            graphic.text((end + GAP / 2, middle), format_number(value))
            top += high_enough
        graphic.polyline([(zero, begin), (zero, top)], "edge")
        top += 0 if single else GAP
    return graphic


def _widest(texts: Iterable[Sequence[str]]) -> float:
    return max(text_width(line) for lines in texts for line in lines or [""])
