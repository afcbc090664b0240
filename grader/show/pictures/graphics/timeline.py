"""Lanes over time, with labels in the stretches, or numbers where a stretch is too short."""

from grader.pictures import Timeline
from grader.show.numbers import even_ticks, format_number, numbered
from grader.show.pictures.graphics.shapes import LINE, Graphic, text_width, titled_graphic, wrap_text

THICK = 26.0
GAP = 8.0
APART = 70.0  # between numbers on the axis


def draw_timeline(picture: Timeline, width: float) -> Graphic:
    """Return lanes over time as a graphic."""
    graphic, top = titled_graphic(picture.title, width)
    stretches = [stretch for lane in picture.lanes for stretch in lane.stretches]
    start, end = min([0.0, *(each.start for each in stretches)]), max(each.end for each in stretches)
    left = max(text_width(lane.label) for lane in picture.lanes) + GAP
    scale = (width - left - text_width(format_number(end)) / 2) / (end - start)
    numbers: dict[str, int] = {}
    for lane in picture.lanes:
        graphic.text((left - GAP, top + THICK / 2), lane.label, "right")
        for each in lane.stretches:
            x, wide = left + (each.start - start) * scale, (each.end - each.start) * scale
            graphic.rectangle((x, top), wide, THICK, fill="fill", strength=0.35, edge="ink")
            text = each.label
            if text and text_width(text) > wide - 4:
                text = str(numbers.setdefault(text, len(numbers) + 1))
            if text_width(text) <= wide:
                graphic.text((x + wide / 2, top + THICK / 2), text, "center")
        top += THICK + GAP
    graphic.polyline([(left, top), (left + (end - start) * scale, top)], "edge")
    for tick in even_ticks(start, end, max(int((width - left) / APART), 2)):
        x = left + (tick - start) * scale
        graphic.polyline([(x, top), (x, top + 4)], "edge")
        graphic.text((x, top + 4 + LINE / 2), format_number(tick), "center")
    top += 4 + LINE
    graphic.text((left + (end - start) * scale / 2, top + LINE / 2), picture.unit, "center")
    key = [line for each in numbered(list(numbers)) for line in wrap_text(each, width)]
    graphic.lines((0, top + LINE + GAP), key)
    return graphic
