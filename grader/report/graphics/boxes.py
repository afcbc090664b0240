"""Boxes and arrows, where the plan of a narrow screen has them."""

from collections.abc import Iterable, Iterator

from grader.picture import Boxes
from grader.report.graphics.sheet import LINE, Point, Sheet, titled
from grader.report.plan import Plan, Text, plan
from grader.report.routes import Cell, Route

COLUMNS = 56
ACROSS, DOWN = 4.9, 10.0  # points of a cell


def boxes_sheet(picture: Boxes) -> Sheet:
    sheet, top = titled(picture.title)
    planned = next(filter(None, (plan(picture, width) for width in (COLUMNS, 76, 1000))))
    for frame in planned.frames:
        corner, opposite = _point((frame.left, frame.top), top), _point((frame.right, frame.bottom), top)
        sheet.rectangle(
            corner, opposite[0] - corner[0], opposite[1] - corner[1], fill="fill", strength=0.35, edge="ink"
        )
    for route in planned.routes:
        for run, is_last in _runs(route, planned):
            sheet.path((_point(cell, top) for cell in run), head=is_last)
    for text in planned.texts:
        x, y = _point(text.at, top)
        sheet.words((x + ACROSS * (sum(1 for _ in text.cells()) - 1) / 2, y), text.text, "center")
    sheet.lines((0, sheet.height + LINE / 2), planned.key)
    return sheet


def _point(cell: Cell, top: float) -> Point:
    return cell[0] * ACROSS, top + cell[1] * DOWN


def _runs(route: Route, planned: Plan) -> Iterator[tuple[list[Cell], bool]]:
    """The parts of a way that no word stands on, and whether one is the last."""
    hidden = set(_around(planned.texts))
    run: list[Cell] = []
    for cell in route.cells:
        if cell in hidden:
            if len(run) > 1:
                yield run, False
            run = []
        else:
            run.append(cell)
    yield run, True


def _around(texts: Iterable[Text]) -> Iterator[Cell]:
    for text in texts:
        yield from text.cells()
