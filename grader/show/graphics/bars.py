"""Bars that lie below each other, each with its label before it and its number behind."""

from grader.pictures import Bars
from grader.show.graphics.sheet import LINE, WIDE, Sheet, extent, titled
from grader.show.plain import number

THICK = 8.0
GAP = 5.0


def bars_sheet(picture: Bars) -> Sheet:
    sheet, top = titled(picture.title)
    values = [value for series in picture.series for value in series.values]
    single = len(picture.series) == 1
    labels = picture.groups if single else [series.label for series in picture.series]
    left = max(map(extent, labels)) + GAP
    low, high = min(0.0, *values), max(0.0, *values)
    scale = max(WIDE - left - max(extent(number(value)) for value in values) - GAP, WIDE / 3) / ((high - low) or 1.0)
    zero = left - low * scale
    if picture.y:
        top = sheet.lines((left, top), [picture.y]) + 2
    for place, group in enumerate(picture.groups):
        if not single:
            top = sheet.lines((0, top), [group]) + 1
        begin = top
        for which, series in enumerate(picture.series):
            value, middle = series.values[place], top + LINE / 2
            sheet.words((left - GAP, middle), labels[place if single else which], "right")
            start, end = sorted((zero, zero + value * scale))
            sheet.rectangle((start, middle - THICK / 2), end - start, THICK, fill=which)
            sheet.words((end + GAP / 2, middle), number(value))
            top += LINE
        sheet.path([(zero, begin), (zero, top)], "faint")
        top += GAP
    return sheet
