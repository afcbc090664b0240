"""Horizontal bars below each other, with labels on the left and numbers on the right."""

from grader.pictures import Bars
from grader.show.numbers import format_number
from grader.show.pictures.graphics.shapes import LINE, WIDE, Graphic, text_width, titled_graphic

THICK = 8.0
GAP = 5.0


def draw_bars(picture: Bars) -> Graphic:
    """Return bars as a graphic."""
    graphic, top = titled_graphic(picture.title)
    values = [value for series in picture.series for value in series.values]
    single = len(picture.series) == 1
    labels = picture.groups if single else [series.label for series in picture.series]
    left = max(map(text_width, labels)) + GAP
    low, high = min(0.0, *values), max(0.0, *values)
    scale = max(WIDE - left - max(text_width(format_number(value)) for value in values) - GAP, WIDE / 3) / (
        (high - low) or 1.0
    )
    zero = left - low * scale
    if picture.y:
        top = graphic.lines((left, top), [picture.y]) + 2
    for place, group in enumerate(picture.groups):
        if not single:
            top = graphic.lines((0, top), [group]) + 1
        begin = top
        for which, series in enumerate(picture.series):
            value, middle = series.values[place], top + LINE / 2
            graphic.text((left - GAP, middle), labels[place if single else which], "right")
            start, end = sorted((zero, zero + value * scale))
            graphic.rectangle((start, middle - THICK / 2), end - start, THICK, fill=which)
            graphic.text((end + GAP / 2, middle), format_number(value))
            top += LINE
        graphic.polyline([(zero, begin), (zero, top)], "faint")
        top += GAP
    return graphic
