"""Boxes and arrows, in the layout of a terminal that is about as wide."""

from collections.abc import Iterator
from itertools import pairwise

from grader.pictures import Boxes
from grader.show.pictures.arrow_labels import PlacedText, arrows_in_words
from grader.show.pictures.arrow_routes import BoxFrame, Cell, Route
from grader.show.pictures.box_layout import BoxLayout, lay_out_boxes
from grader.show.pictures.graphics.shapes import LINE, Graphic, Point, titled_graphic, wrap_text

ACROSS = (7.6, 7.0)  # pixels of a cell: those of a letter, or less if labels do not fit otherwise
DOWN = 16.0


def draw_boxes(picture: Boxes, width: float) -> Graphic:
    """Return boxes and arrows as a graphic, or the arrows in words if they do not fit."""
    graphic, top = titled_graphic(picture.title, width)
    for across in ACROSS:
        layout = lay_out_boxes(picture, int(width / across))
        if layout is not None and not layout.key:
            break
    if layout is None:
        graphic.lines((0, top), [line for each in arrows_in_words(picture) for line in wrap_text(each, width)])
        return graphic

    def point(cell: tuple[float, float]) -> Point:
        return cell[0] * across, top + cell[1] * DOWN

    for frame in layout.frames:
        corner, opposite = point((frame.left, frame.top)), point((frame.right, frame.bottom))
        size = opposite[0] - corner[0], opposite[1] - corner[1]
        graphic.rectangle(corner, *size, fill="fill", strength=0.2, edge="ink")
    drawn: set[tuple[Cell, Cell]] = set()
    for route in layout.routes:
        for run, is_last in _runs(route, layout, drawn):
            graphic.polyline(map(point, run), head=is_last)
    for text in layout.texts:
        graphic.text(point(_middle(text, layout)), text.text, "center")
    graphic.lines((0, graphic.height + LINE / 2), [line for each in layout.key for line in wrap_text(each, width)])
    return graphic


def _middle(text: PlacedText, layout: BoxLayout) -> tuple[float, float]:
    """Return the middle of a text, in cells; the lines of a label are in the middle of their box."""
    x, y = text.at
    for frame in layout.frames:
        if _is_in(frame, text):
            rows = [each.at[1] for each in layout.texts if _is_in(frame, each)]
            return (frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2 + y - sum(rows) / len(rows)
    return x + (sum(1 for _ in text.cells()) - 1) / 2, y


def _is_in(frame: BoxFrame, text: PlacedText) -> bool:
    return frame.left < text.at[0] < frame.right and frame.top < text.at[1] < frame.bottom


def _runs(route: Route, layout: BoxLayout, drawn: set[tuple[Cell, Cell]]) -> Iterator[tuple[list[Cell], bool]]:
    """Yield the parts of a route without text and not `drawn` before, and whether each is the last."""
    hidden = {cell for text in layout.texts for cell in text.cells()}
    run: list[Cell] = []
    for step in pairwise(route.cells):
        if step in drawn or hidden.intersection(step):
            if run:
                yield run, False
            run = []
        else:
            run = [*(run or step[:1]), step[1]]
        drawn.add(step)
    if run:
        yield run, True
