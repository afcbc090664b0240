"""Ways for arrows between boxes, in cells of a screen: short, with few bends, and through no box.

Arrows with a common start or a common end may share cells; others cross at right angles only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple, TypeAlias

from grader.pictures import Arrow

Cell: TypeAlias = tuple[int, int]  # column and row, row 0 at the top
_Step: TypeAlias = tuple[Cell, Cell]  # a cell, and the direction in which it is entered
SIDES = ((0, -1), (1, 0), (0, 1), (-1, 0))
BEND, CROSSING = 4, 8  # what they cost, in cells
JOINED = 4  # to come from the side upon an arrow to the same end
ASIDE, FAR = 5, 10  # each cell between the middle of a side and where an arrow leaves or comes; the most for all


class BoxFrame(NamedTuple):
    """The border of a box; all four belong to it."""

    left: int
    top: int
    right: int
    bottom: int

    def border(self, other: "BoxFrame") -> Iterator[tuple[Cell, Cell, int]]:
        """Each cell of a side without its corners, the direction out of the box, and how far it is from the middle.

        What lies opposite the middle of the other box is in the middle, too.
        """
        for x in range(self.left + 1, self.right):
            aside = min(_off(x, self.left, self.right), _off(x, other.left, other.right))
            yield (x, self.top), (0, -1), aside
            yield (x, self.bottom), (0, 1), aside
        for y in range(self.top + 1, self.bottom):
            aside = min(_off(y, self.top, self.bottom), _off(y, other.top, other.bottom))
            yield (self.left, y), (-1, 0), aside
            yield (self.right, y), (1, 0), aside

    def away(self, at: Cell) -> int:
        """How many steps a cell is from it at least."""
        x, y = at
        return max(self.left - x, x - self.right, 0) + max(self.top - y, y - self.bottom, 0)

    def cells(self) -> Iterator[Cell]:
        return ((x, y) for x in range(self.left, self.right + 1) for y in range(self.top, self.bottom + 1))


def _off(at: int, first: int, last: int) -> int:
    """How far a cell is from the middle of others."""
    return abs(2 * at - first - last) // 2


class Route(NamedTuple):
    """An arrow's way: the border of its start, all cells between, and the border of its end."""

    arrow: Arrow
    cells: tuple[Cell, ...]

    def turns(self) -> Iterator[Cell]:
        """The cells between which the way is straight: its ends and its bends."""
        yield self.cells[0]
        for before, at, after in zip(self.cells, self.cells[1:], self.cells[2:], strict=False):
            if (at[0] - before[0], at[1] - before[1]) != (after[0] - at[0], after[1] - at[1]):
                yield at
        yield self.cells[-1]


class _Use(NamedTuple):
    """What an arrow does in a cell."""

    arrow: Arrow
    across: bool  # it comes from the left or the right
    bend: bool
    head: bool


@dataclass
class ArrowRouter:
    """A screen with boxes, on which one way after the other is found."""

    width: int
    height: int
    frames: dict[str, BoxFrame]
    routes: list[Route] = field(default_factory=list)
    _taken: set[Cell] = field(default_factory=set)
    _uses: dict[Cell, list[_Use]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._taken = {cell for frame in self.frames.values() for cell in frame.cells()}

    def connect(self, arrow: Arrow) -> bool:
        """Finds a way for the arrow and keeps it; False if there is none."""
        cells = self._way(arrow)
        if cells is None:
            return False
        self.routes.append(Route(arrow, cells))
        for before, at, after in zip(cells, cells[1:], cells[2:], strict=False):
            straight = (at[0] - before[0], at[1] - before[1]) == (after[0] - at[0], after[1] - at[1])
            use = _Use(arrow, at[1] == before[1], not straight, after == cells[-1])
            self._uses.setdefault(at, []).append(use)
        return True

    def _way(self, arrow: Arrow) -> tuple[Cell, ...] | None:
        """The cheapest way from border to border."""
        start, end = self.frames[arrow.start], self.frames[arrow.end]
        starts = {(at, out): min(ASIDE * aside, FAR) for at, out, aside in start.border(end)}
        goals = {(at, (-out[0], -out[1])): min(ASIDE * aside, FAR) for at, out, aside in end.border(start)}
        best = dict(starts)
        came: dict[_Step, _Step] = {}
        queue = [(cost + end.away(step[0]), place, step) for place, (step, cost) in enumerate(starts.items())]
        heapify(queue)
        pushed = len(queue)
        while queue:
            least, _, step = heappop(queue)
            if step in goals and step in came:
                return _traced(came, step)
            cost = best[step]
            if least > cost + end.away(step[0]):
                continue
            for ahead, price in self._onward(step, arrow, step in came, goals):
                if cost + price < best.get(ahead, cost + price + 1):
                    best[ahead], came[ahead] = cost + price, step
                    heappush(queue, (cost + price + end.away(ahead[0]), pushed, ahead))
                    pushed += 1
        return None

    def _onward(
        self, step: _Step, arrow: Arrow, may_bend: bool, goals: dict[_Step, int]
    ) -> Iterator[tuple[_Step, int]]:
        """Where an arrow can go from here, and what that costs. At the last cell before its end it goes straight on."""
        (x, y), heading = step
        may_bend = may_bend and all(_related(arrow, use.arrow) for use in self._uses.get((x, y), ()))
        for way in SIDES if may_bend else (heading,):
            ahead = (x + way[0], y + way[1]), way
            if way == heading and ahead in goals:
                yield ahead, 1 + goals[ahead]
            elif way != (-heading[0], -heading[1]):
                price = self._price(*ahead, arrow)
                if price is not None:
                    yield ahead, price + (BEND if way != heading else 0)

    def _price(self, at: Cell, way: Cell, arrow: Arrow) -> int | None:
        """What it costs to go there; None where one may not."""
        if not (0 <= at[0] < self.width and 0 <= at[1] < self.height) or at in self._taken:
            return None
        price, joined = 1, []
        for use in self._uses.get(at, ()):
            along = use.across == (way[1] == 0)
            if use.head and not (along and use.arrow.end == arrow.end):
                return None
            if not _related(arrow, use.arrow):
                if along or use.bend:
                    return None
                price += CROSSING
            elif use.arrow.start != arrow.start:
                joined.append(along)
        return price + JOINED if joined and not any(joined) else price


def _traced(came: dict[_Step, _Step], last: _Step) -> tuple[Cell, ...]:
    cells = [last[0]]
    while last in came:
        last = came[last]
        cells.append(last[0])
    return tuple(reversed(cells))


def _related(one: Arrow, other: Arrow) -> bool:
    return one.start == other.start or one.end == other.end
