"""Routes for arrows between boxes, in terminal cells: short, with few bends, and through no box.

Arrows with a common start or a common end may share cells; others cross only at right angles.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple, TypeAlias

from grader.pictures import Arrow

Cell: TypeAlias = tuple[int, int]  # column and row, row 0 at the top
_Step: TypeAlias = tuple[Cell, Cell]  # a cell, and the direction in which it is entered
SIDES = ((0, -1), (1, 0), (0, 1), (-1, 0))
BEND, CROSSING = 4, 8  # costs, in cells
JOINED = 4  # cost of joining, from the side, an arrow to the same end
OFF_CENTER, MOST_OFF_CENTER = 5, 10  # cost per cell between the end of an arrow and the middle of a side; at most


class BoxFrame(NamedTuple):
    """The border of a box; all four sides belong to it."""

    left: int
    top: int
    right: int
    bottom: int

    def border(self, other: "BoxFrame") -> Iterator[tuple[Cell, Cell, int]]:
        """Yield each cell of a side but the corners, the direction out of the box, and its distance from the middle.

        A cell opposite the middle of the other box also counts as the middle.
        """
        for x in range(self.left + 1, self.right):
            off = min(_off_center(x, self.left, self.right), _off_center(x, other.left, other.right))
            yield (x, self.top), (0, -1), off
            yield (x, self.bottom), (0, 1), off
        for y in range(self.top + 1, self.bottom):
            off = min(_off_center(y, self.top, self.bottom), _off_center(y, other.top, other.bottom))
            yield (self.left, y), (-1, 0), off
            yield (self.right, y), (1, 0), off

    def steps_from(self, at: Cell) -> int:
        """Return a lower bound of the number of steps from a cell to the frame."""
        x, y = at
        return max(self.left - x, x - self.right, 0) + max(self.top - y, y - self.bottom, 0)

    def cells(self) -> Iterator[Cell]:
        """Return all cells of the box."""
        return ((x, y) for x in range(self.left, self.right + 1) for y in range(self.top, self.bottom + 1))


def _off_center(at: int, first: int, last: int) -> int:
    """Return the distance of a cell from the middle of a range."""
    return abs(2 * at - first - last) // 2


class Route(NamedTuple):
    """The route of an arrow: the border of its start, all cells between, and the border of its end."""

    arrow: Arrow
    cells: tuple[Cell, ...]

    def turns(self) -> Iterator[Cell]:
        """Yield the ends and the bends of the route."""
        yield self.cells[0]
        for before, at, after in zip(self.cells, self.cells[1:], self.cells[2:], strict=False):
            if (at[0] - before[0], at[1] - before[1]) != (after[0] - at[0], after[1] - at[1]):
                yield at
        yield self.cells[-1]


class _Use(NamedTuple):
    """The use of a cell by an arrow."""

    arrow: Arrow
    across: bool  # it enters from the left or the right
    bend: bool
    head: bool


@dataclass
class ArrowRouter:
    """A screen with boxes, and the routes found on it one after the other."""

    width: int
    height: int
    frames: dict[str, BoxFrame]
    routes: list[Route] = field(default_factory=list)
    _taken: set[Cell] = field(default_factory=set)
    _uses: dict[Cell, list[_Use]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._taken = {cell for frame in self.frames.values() for cell in frame.cells()}

    def connect(self, arrow: Arrow) -> bool:
        """Find a route for the arrow and keep it; return False if there is none."""
        cells = self._cheapest(arrow)
        if cells is None:
            return False
        self.routes.append(Route(arrow, cells))
        for before, at, after in zip(cells, cells[1:], cells[2:], strict=False):
            straight = (at[0] - before[0], at[1] - before[1]) == (after[0] - at[0], after[1] - at[1])
            use = _Use(arrow, at[1] == before[1], not straight, after == cells[-1])
            self._uses.setdefault(at, []).append(use)
        return True

    def _cheapest(self, arrow: Arrow) -> tuple[Cell, ...] | None:
        """Return the cheapest route from border to border, by A*; None if there is none."""
        start, end = self.frames[arrow.start], self.frames[arrow.end]
        starts = {(at, out): _end_cost(off) for at, out, off in start.border(end)}
        goals = {(at, (-out[0], -out[1])): _end_cost(off) for at, out, off in end.border(start)}
        best = dict(starts)
        came: dict[_Step, _Step] = {}
        queue = [(cost + end.steps_from(step[0]), place, step) for place, (step, cost) in enumerate(starts.items())]
        heapify(queue)
        pushed = len(queue)
        while queue:
            least, _, step = heappop(queue)
            if step in goals and step in came:
                return _path(came, step)
            cost = best[step]
            if least > cost + end.steps_from(step[0]):
                continue
            for ahead, price in self._next_steps(step, arrow, step in came, goals):
                if cost + price < best.get(ahead, cost + price + 1):
                    best[ahead], came[ahead] = cost + price, step
                    heappush(queue, (cost + price + end.steps_from(ahead[0]), pushed, ahead))
                    pushed += 1
        return None

    def _next_steps(
        self, step: _Step, arrow: Arrow, may_bend: bool, goals: dict[_Step, int]
    ) -> Iterator[tuple[_Step, int]]:
        """Yield the next cells of an arrow and their costs; the last step before its end is straight."""
        (x, y), heading = step
        may_bend = may_bend and all(share_an_end(arrow, use.arrow) for use in self._uses.get((x, y), ()))
        for direction in SIDES if may_bend else (heading,):
            ahead = (x + direction[0], y + direction[1]), direction
            if direction == heading and ahead in goals:
                yield ahead, 1 + goals[ahead]
            elif direction != (-heading[0], -heading[1]):
                price = self._cost(*ahead, arrow)
                if price is not None:
                    yield ahead, price + (BEND if direction != heading else 0)

    def _cost(self, at: Cell, direction: Cell, arrow: Arrow) -> int | None:
        """Return the cost of entering a cell; None if it cannot be entered."""
        if not (0 <= at[0] < self.width and 0 <= at[1] < self.height) or at in self._taken:
            return None
        price, joined = 1, []
        for use in self._uses.get(at, ()):
            along = use.across == (direction[1] == 0)
            if use.head and not (along and use.arrow.end == arrow.end):
                return None
            if not share_an_end(arrow, use.arrow):
                if along or use.bend:
                    return None
                price += CROSSING
            elif use.arrow.start != arrow.start:
                joined.append(along)
        return price + JOINED if joined and not any(joined) else price


def _end_cost(off: int) -> int:
    """Return the cost of an end that is `off` cells from the middle of its side."""
    return min(OFF_CENTER * off, MOST_OFF_CENTER)


def _path(came: dict[_Step, _Step], last: _Step) -> tuple[Cell, ...]:
    cells = [last[0]]
    while last in came:
        last = came[last]
        cells.append(last[0])
    return tuple(reversed(cells))


def share_an_end(one: Arrow, other: Arrow) -> bool:
    """Return whether two arrows start or end at the same box."""
    return one.start == other.start or one.end == other.end
