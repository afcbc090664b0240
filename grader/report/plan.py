"""Where boxes, arrows and their labels lie, in cells of a screen: what is drawn with characters and as SVG alike."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple

from msgspec.structs import replace

from grader.picture import Arrow, Box, Boxes
from grader.report.layout import cells, wrap
from grader.report.routes import Cell, Frame, Ground, Route

ROOM = 4  # cells around all boxes in which arrows may run
ROOMY = ((1, 5), (1, 4), (1, 3), (0, 3), (0, 2), (0, 1))  # cells between a label and its frame, and between boxes
BETWEEN = (1, 2, 3, 4)  # lines between rows of boxes


@dataclass(frozen=True)
class Text:
    """Words on the plan, from this cell on."""

    at: Cell
    text: str

    def cells(self) -> Iterator[Cell]:
        return ((self.at[0] + i, self.at[1]) for i in range(cells(self.text)))


@dataclass(frozen=True)
class Plan:
    """A picture with a place for all that is in it. `key` says what numbers in boxes stand for."""

    width: int
    height: int
    frames: tuple[Frame, ...]
    routes: tuple[Route, ...]
    texts: tuple[Text, ...]
    key: tuple[str, ...] = ()


class _Item(NamedTuple):
    """A box with its label in lines, on a raster; it may take several columns or, if turned, rows."""

    id: str
    lines: tuple[str, ...]
    row: int
    column: int
    rows: int
    columns: int


def plan(picture: Boxes, width: int) -> Plan | None:
    """The first of many plans that is no wider: as it is, closer, with broken labels, turned, with numbers for labels.

    None if there is none.
    """
    short = [str(number) for number in range(1, len(picture.boxes) + 1)]
    key = tuple(f"{number} {box.label}" for number, box in zip(short, picture.boxes, strict=True))
    numbered = replace(
        picture, boxes=tuple(replace(box, label=text) for box, text in zip(picture.boxes, short, strict=True))
    )
    kinds = [(picture, False, False), (picture, True, False), (picture, False, True), (picture, True, True)]
    for shown, broken, turned in [*kinds, (numbered, False, False), (numbered, False, True)]:
        items = [_item(box, broken, turned) for box in shown.boxes]
        for (inside, apart), between in product(ROOMY, BETWEEN):
            found = _planned(items, shown.arrows, width, inside, apart, between)
            if found:
                return (
                    found
                    if shown is picture
                    else Plan(found.width, found.height, found.frames, found.routes, found.texts, key)
                )
    return None


def _item(box: Box, broken: bool, turned: bool) -> _Item:
    lines = tuple(line for part in box.label.split("\n") for line in (_broken(part) if broken else [part]))
    if turned:
        return _Item(box.id, lines, box.column, box.row, box.columns, 1)
    return _Item(box.id, lines, box.row, box.column, 1, box.columns)


def _broken(label: str) -> list[str]:
    """A label in lines about as long as its longest word."""
    return wrap(label, max([6, *map(cells, label.split())]))


def _planned(
    items: Sequence[_Item], arrows: Sequence[Arrow], width: int, inside: int, apart: int, between: int
) -> Plan | None:
    lefts, rights = _columns(items, arrows, inside, apart)
    if max(rights) - min(lefts) + 1 > width:
        return None
    tops, bottoms = _rows(items, between)
    frames = {
        item.id: Frame(
            lefts[item.column],
            tops[item.row],
            rights[item.column + item.columns - 1],
            bottoms[item.row + item.rows - 1],
        )
        for item in items
    }
    ground = Ground(max(rights) + 1 + ROOM, max(bottoms) + 1 + ROOM, frames)
    by_id = {item.id: item for item in items}
    if not all(
        ground.connect(arrow)
        for arrow in sorted(arrows, key=lambda arrow: _distance(by_id[arrow.start], by_id[arrow.end]))
    ):
        return None
    labels = _labels(ground)
    if labels is None:
        return None
    texts = [text for item in items for text in _inside(frames[item.id], item.lines)]
    found = _trimmed(frames.values(), ground.routes, [*texts, *labels])
    return found if found.width <= width else None


def _distance(one: _Item, other: _Item) -> int:
    return abs(one.row - other.row) + abs(one.column - other.column)


def _columns(items: Sequence[_Item], arrows: Sequence[Arrow], inside: int, apart: int) -> tuple[list[int], list[int]]:
    """The first and the last cell of each column."""
    count = max(item.column + item.columns for item in items)
    needs = {item.id: max(map(cells, item.lines)) + 2 + 2 * inside for item in items}
    wide = [
        max([needs[item.id] for item in items if item.column == column and item.columns == 1] or [3])
        for column in range(count)
    ]
    gaps = [apart] * count
    by_id = {item.id: item for item in items}
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
    lefts = [ROOM + sum(wide[:column]) + sum(gaps[:column]) for column in range(count)]
    return lefts, [left + size - 1 for left, size in zip(lefts, wide, strict=True)]


def _rows(items: Sequence[_Item], between: int) -> tuple[list[int], list[int]]:
    """The first and the last line of each row."""
    count = max(item.row + item.rows for item in items)
    high = [
        max([len(item.lines) for item in items if item.row == row and item.rows == 1] or [1]) + 2
        for row in range(count)
    ]
    tops = [ROOM + sum(high[:row]) + between * row for row in range(count)]
    return tops, [top + size - 1 for top, size in zip(tops, high, strict=True)]


def _inside(frame: Frame, lines: Sequence[str]) -> Iterator[Text]:
    """A label in the middle of its box."""
    top = (frame.top + frame.bottom - len(lines) + 1) // 2
    for place, line in enumerate(lines):
        yield Text(((frame.left + frame.right - cells(line) + 1) // 2, top + place), line)


def _labels(ground: Ground) -> list[Text] | None:
    """A place for the label of each arrow, on its way or beside it; None if one has no place."""
    taken = {cell for frame in ground.frames.values() for cell in frame.cells()}
    uses: dict[Cell, int] = {}
    for route in ground.routes:
        for cell in route.cells[1:-1]:
            uses[cell] = uses.get(cell, 0) + 1
    labels: list[Text] = []
    for route in ground.routes:
        if route.arrow.label:
            places = _places(route, uses, taken)
            if not places:
                return None
            labels.append(Text(places[0], route.arrow.label))
            taken.update(labels[-1].cells())
    return labels


def _places(route: Route, uses: dict[Cell, int], taken: set[Cell]) -> list[Cell]:
    """Where the label of an arrow could begin, the best first."""
    size = cells(route.arrow.label)

    def free(x: int, y: int, length: int) -> bool:
        return all((x + i, y) not in taken and (x + i, y) not in uses for i in range(length))

    on, beside = [], []
    for (x, y), (to, down) in pairwise(route.turns()):
        left, right = min(x, to), max(x, to)
        if y == down:
            begin = (left + right - size + 1) // 2
            inside = range(begin - 1, begin + size + 1)
            with_head = left + 1 < inside[0] and inside[-1] < right - 1
            if with_head and all(uses.get((at, y)) == 1 and (at, y) not in taken for at in inside):
                on.append((begin, y))
            beside += [(begin, y + off) for off in (-1, 1) if free(begin - 1, y + off, size + 2)]
        else:
            lines = sorted(range(min(y, down) + 1, max(y, down)), key=lambda line: abs(2 * line - y - down))
            beside += [(x + 2, line) for line in lines if free(x + 1, line, size + 2)]
            beside += [(x - 1 - size, line) for line in lines if free(x - 2 - size, line, size + 2)]
    return on + beside


def _trimmed(frames: Collection[Frame], routes: Sequence[Route], texts: Sequence[Text]) -> Plan:
    """All that was placed, moved to the left and to the top as far as it goes."""
    used = [cell for frame in frames for cell in ((frame.left, frame.top), (frame.right, frame.bottom))]
    used += [cell for route in routes for cell in route.cells]
    used += [cell for text in texts for cell in text.cells()]
    left, top = min(x for x, _ in used), min(y for _, y in used)
    return Plan(
        max(x for x, _ in used) - left + 1,
        max(y for _, y in used) - top + 1,
        tuple(Frame(f.left - left, f.top - top, f.right - left, f.bottom - top) for f in frames),
        tuple(Route(route.arrow, tuple((x - left, y - top) for x, y in route.cells)) for route in routes),
        tuple(Text((text.at[0] - left, text.at[1] - top), text.text) for text in texts),
    )
