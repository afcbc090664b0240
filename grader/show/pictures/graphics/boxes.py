"""Boxes and arrows, in the layout of a narrow screen."""

from collections.abc import Iterator
from itertools import pairwise

from grader.pictures import Boxes
from grader.show.pictures.arrow_labels import PlacedText, arrows_in_words
from grader.show.pictures.arrow_routes import Cell, Route
from grader.show.pictures.box_layout import BoxLayout, lay_out_boxes
from grader.show.pictures.graphics.shapes import LINE, WIDE, Graphic, Point, titled_graphic, wrap_points

COLUMNS, WIDER = 56, 100  # widths of the layout in cells
ACROSS, DOWN = 4.9, 10.0  # points of a cell


def draw_boxes(picture: Boxes) -> Graphic:
    """Return boxes and arrows as a graphic."""
    graphic, top = titled_graphic(picture.title)
    layout = lay_out_boxes(picture, COLUMNS) or lay_out_boxes(picture, WIDER)
    if layout is None:
        graphic.lines((0, top), [line for each in arrows_in_words(picture) for line in wrap_points(each, WIDE)])
        return graphic
    for frame in layout.frames:
        corner, opposite = _point((frame.left, frame.top), top), _point((frame.right, frame.bottom), top)
        graphic.rectangle(
            corner, opposite[0] - corner[0], opposite[1] - corner[1], fill="fill", strength=0.35, edge="ink"
        )
    drawn: set[tuple[Cell, Cell]] = set()
    for route in layout.routes:
        for run, is_last in _runs(route, layout, drawn):
            graphic.polyline((_point(cell, top) for cell in run), head=is_last)
    for text in layout.texts:
        graphic.text(_middle(text, layout, top), text.text, "center")
    graphic.lines((0, graphic.height + LINE / 2), layout.key)
    return graphic


def _point(cell: tuple[float, float], top: float) -> Point:
    return cell[0] * ACROSS, top + cell[1] * DOWN


def _middle(text: PlacedText, layout: BoxLayout, top: float) -> Point:
    """Return the middle of the box for its label, else of the cells of the text."""
    x, y = text.at
    for frame in layout.frames:
        if frame.left < x < frame.right and frame.top < y < frame.bottom:
            return _point(((frame.left + frame.right) / 2, y), top)
    return _point((x + (sum(1 for _ in text.cells()) - 1) / 2, y), top)


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
