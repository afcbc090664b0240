"""The layout of boxes, arrows and labels in terminal cells, shared by text and SVG."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from grader.pictures import Arrow, Box, Boxes
from grader.show.layout import cells, wrap
from grader.show.numbers import numbered
from grader.show.pictures.arrow_labels import PlacedText, place_labels
from grader.show.pictures.arrow_routes import ArrowRouter, BoxFrame, Route

MARGIN = 4  # cells around all boxes, for arrows
SPACINGS = ((1, 5), (1, 4), (1, 3), (0, 3), (0, 2), (0, 1))  # cells between a label and its frame, and between boxes
ROW_GAPS = (1, 2, 3, 4)  # lines between rows of boxes; larger ones first if arrows run along a row


@dataclass(frozen=True)
class BoxLayout:
    """A picture of boxes with a position for each of its parts. `key` explains numbers that replace labels."""

    width: int
    height: int
    frames: tuple[BoxFrame, ...]
    routes: tuple[Route, ...]
    texts: tuple[PlacedText, ...]
    key: tuple[str, ...] = ()


class _Item(NamedTuple):
    """A box with the lines of its label; it may span several columns or, if transposed, rows."""

    id: str
    lines: tuple[str, ...]
    row: int
    column: int
    rows: int
    columns: int


def lay_out_boxes(picture: Boxes, width: int) -> BoxLayout | None:
    """Return the first layout that is no wider than `width`, or None.

    It tries, in this order: as given, with wrapped labels, transposed, transposed with wrapped labels, and with numbers
    instead of labels; each with less and less room around the boxes.
    """
    for wrap_labels, transposed in ((False, False), (True, False), (False, True), (True, True)):
        found = _roomiest(picture, width, wrap_labels, transposed)
        if found:
            return found
    numbers = [str(number) for number in range(1, len(picture.boxes) + 1)]
    boxes = tuple(replace(box, label=number) for box, number in zip(picture.boxes, numbers, strict=True))
    for transposed in (False, True):
        found = _roomiest(replace(picture, boxes=boxes), width, False, transposed)
        if found:
            key = numbered([box.label for box in picture.boxes])
            return BoxLayout(found.width, found.height, found.frames, found.routes, found.texts, tuple(key))
    return None


def _roomiest(picture: Boxes, width: int, wrap_labels: bool, transposed: bool) -> BoxLayout | None:
    """Return the layout with the most room around its boxes that is no wider than `width`."""
    items = {box.id: _item(box, wrap_labels, transposed) for box in picture.boxes}
    between = ROW_GAPS
    if any(_runs_along_row(items[arrow.start], items[arrow.end]) for arrow in picture.arrows):
        between = (*ROW_GAPS[1:], ROW_GAPS[0])
    for inside, apart in SPACINGS:
        columns = _columns(items, picture.arrows, inside, apart)
        if columns[-1].stop - columns[0].start > width:
            continue
        has_places = False
        for lines in between:
            found = _with_arrows(items, picture.arrows, columns, lines)
            if found and found.width <= width:
                return found
            has_places = has_places or found is not None
        if not has_places:  # arrows that have no room now will not have more with closer boxes
            return None
    return None


def _item(box: Box, wrap_labels: bool, transposed: bool) -> _Item:
    lines = tuple(line for part in box.label.split("\n") for line in (_wrapped(part) if wrap_labels else [part]))
    if transposed:
        return _Item(box.id, lines, box.column, box.row, box.columns, 1)
    return _Item(box.id, lines, box.row, box.column, 1, box.columns)


def _wrapped(label: str) -> list[str]:
    """Wrap a label to about the length of its longest word."""
    return wrap(label, max([6, *map(cells, label.split())]))


def _runs_along_row(one: _Item, other: _Item) -> bool:
    """Return whether an arrow between two boxes runs along a row: they are neither stacked nor adjacent."""
    left, right = sorted((one, other), key=lambda item: item.column)
    above = right.column < left.column + left.columns
    beside = one.row == other.row and right.column == left.column + left.columns
    return not (above or beside)


def _with_arrows(
    by_id: dict[str, _Item], arrows: Sequence[Arrow], columns: Sequence[range], between: int
) -> BoxLayout | None:
    """Return the layout with `between` lines between rows, or None if an arrow or a label does not fit."""
    items = list(by_id.values())
    rows = _rows(items, between)
    frames = {}
    for item in items:
        right, bottom = columns[item.column + item.columns - 1][-1], rows[item.row + item.rows - 1][-1]
        frames[item.id] = BoxFrame(columns[item.column].start, rows[item.row].start, right, bottom)
    router = ArrowRouter(columns[-1].stop + MARGIN, rows[-1].stop + MARGIN, frames)
    nearest_first = sorted(arrows, key=lambda arrow: _distance(by_id[arrow.start], by_id[arrow.end]))
    labels = place_labels(router) if all(map(router.connect, nearest_first)) else None
    if labels is None:
        return None
    texts = [text for item in items for text in _centered(frames[item.id], item.lines)]
    return _trimmed(frames.values(), router.routes, [*texts, *labels])


def _distance(one: _Item, other: _Item) -> int:
    return abs(one.row - other.row) + abs(one.column - other.column)


def _columns(by_id: dict[str, _Item], arrows: Sequence[Arrow], inside: int, apart: int) -> list[range]:
    """Return the cells of each column."""
    items = list(by_id.values())
    count = max(item.column + item.columns for item in items)
    needs = {item.id: max(map(cells, item.lines)) + 2 + 2 * inside for item in items}
    wide = [
        max([needs[item.id] for item in items if item.column == column and item.columns == 1] or [3])
        for column in range(count)
    ]
    gaps = [apart] * count
    for arrow in arrows:
        one, other = sorted((by_id[arrow.start], by_id[arrow.end]), key=lambda item: item.column)
        gap = one.column + one.columns - 1
        if arrow.label and inside and one.row == other.row and gap + 1 == other.column:
            gaps[gap] = max(gaps[gap], cells(arrow.label) + 5)
    for item in items:
        there = range(item.column, item.column + item.columns)
        missing = needs[item.id] - sum(wide[column] for column in there) - sum(gaps[column] for column in there[:-1])
        for place, column in enumerate(there if item.columns > 1 else ()):
            wide[column] += max(-(-(missing - place) // item.columns), 0)
    lefts = (MARGIN + sum(wide[:column]) + sum(gaps[:column]) for column in range(count))
    return [range(left, left + size) for left, size in zip(lefts, wide, strict=True)]


def _rows(items: Sequence[_Item], between: int) -> list[range]:
    """Return the lines of each row."""
    count = max(item.row + item.rows for item in items)
    high = [
        max([len(item.lines) for item in items if item.row == row and item.rows == 1] or [1]) + 2
        for row in range(count)
    ]
    tops = (MARGIN + sum(high[:row]) + between * row for row in range(count))
    return [range(top, top + size) for top, size in zip(tops, high, strict=True)]


def _centered(frame: BoxFrame, lines: Sequence[str]) -> Iterator[PlacedText]:
    """Center a label in its box."""
    top = (frame.top + frame.bottom - len(lines) + 1) // 2
    for place, line in enumerate(lines):
        yield PlacedText(((frame.left + frame.right - cells(line) + 1) // 2, top + place), line)


def _trimmed(frames: Collection[BoxFrame], routes: Sequence[Route], texts: Sequence[PlacedText]) -> BoxLayout:
    """Move everything as far to the left and to the top as possible."""
    used = [cell for frame in frames for cell in ((frame.left, frame.top), (frame.right, frame.bottom))]
    used += [cell for route in routes for cell in route.cells]
    used += [cell for text in texts for cell in text.cells()]
    left, top = min(x for x, _ in used), min(y for _, y in used)
    return BoxLayout(
        max(x for x, _ in used) - left + 1,
        max(y for _, y in used) - top + 1,
        tuple(BoxFrame(f.left - left, f.top - top, f.right - left, f.bottom - top) for f in frames),
        tuple(Route(route.arrow, tuple((x - left, y - top) for x, y in route.cells)) for route in routes),
        tuple(PlacedText((text.at[0] - left, text.at[1] - top), text.text) for text in texts),
    )
