"""Ways for arrows between boxes, in cells of a screen: short, with few bends, and through no box.

Arrows with a common start or a common end may share cells; others cross at right angles only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from grader.picture import Arrow

Cell: TypeAlias = tuple[int, int]  # column and row, row 0 at the top
SIDES = ((0, -1), (1, 0), (0, 1), (-1, 0))
BEND, CROSSING, ASIDE = 4, 8, 6  # what they cost, in cells; ASIDE: the most for leaving or coming beside the middle


class Frame(NamedTuple):
    """The border of a box; all four belong to it."""

    left: int
    top: int
    right: int
    bottom: int

    def border(self) -> Iterator[tuple[Cell, Cell, int]]:
        """Each cell of a side without its corners, the direction out of the box, and how far it is from the middle."""
        across, down = (self.left + self.right) // 2, (self.top + self.bottom) // 2
        for x in range(self.left + 1, self.right):
            yield (x, self.top), (0, -1), abs(x - across)
            yield (x, self.bottom), (0, 1), abs(x - across)
        for y in range(self.top + 1, self.bottom):
            yield (self.left, y), (-1, 0), abs(y - down)
            yield (self.right, y), (1, 0), abs(y - down)

    def cells(self) -> Iterator[Cell]:
        return ((x, y) for x in range(self.left, self.right + 1) for y in range(self.top, self.bottom + 1))


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


@dataclass
class Ground:
    """A screen with boxes, on which one way after the other is found."""

    width: int
    height: int
    frames: dict[str, Frame]
    routes: list[Route] = field(default_factory=list)
    _taken: set[Cell] = field(default_factory=set)
    _uses: dict[Cell, list[tuple[Arrow, bool, bool]]] = field(default_factory=dict)  # who, runs across, is straight

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
            head = after == cells[-1]
            self._uses.setdefault(at, []).append((arrow, at[1] == before[1], straight and not head))
        return True

    def _way(self, arrow: Arrow) -> tuple[Cell, ...] | None:
        """The cheapest way from border to border."""
        goals = {(at, (-out[0], -out[1])): min(2 * aside, ASIDE) for at, out, aside in self.frames[arrow.end].border()}
        queue: list[tuple[int, int, Cell, Cell]] = []
        best: dict[tuple[Cell, Cell], int] = {}
        came: dict[tuple[Cell, Cell], tuple[Cell, Cell]] = {}
        for at, out, aside in self.frames[arrow.start].border():
            best[at, out] = min(2 * aside, ASIDE)
            heappush(queue, (best[at, out], len(queue), at, out))
        pushed = len(queue)
        while queue:
            cost, _, at, heading = heappop(queue)
            if cost > best[at, heading]:
                continue
            if (at, heading) in came and (at, heading) in goals:
                return tuple(reversed(list(self._back(came, (at, heading)))))
            for way in SIDES:
                if way == (-heading[0], -heading[1]) or (
                    way != heading and not self._may_turn(at, arrow, (at, heading) in came)
                ):
                    continue
                ahead = (at[0] + way[0], at[1] + way[1])
                price = self._price(ahead, way, arrow, (ahead, way) in goals)
                if price is None or ((ahead, way) in goals and way != heading):  # no bend at the head
                    continue
                total = cost + price + goals.get((ahead, way), 0) + (BEND if way != heading else 0)
                if total < best.get((ahead, way), total + 1):
                    best[ahead, way] = total
                    came[ahead, way] = at, heading
                    pushed += 1
                    heappush(queue, (total, pushed, ahead, way))
        return None

    def _back(self, came: dict[tuple[Cell, Cell], tuple[Cell, Cell]], state: tuple[Cell, Cell]) -> Iterator[Cell]:
        yield state[0]
        while state in came:
            state = came[state]
            yield state[0]

    def _may_turn(self, at: Cell, arrow: Arrow, outside: bool) -> bool:
        """Not at the start's border, and not on the way of a stranger."""
        return outside and all(_related(arrow, other) for other, _, _ in self._uses.get(at, ()))

    def _price(self, at: Cell, way: Cell, arrow: Arrow, is_goal: bool) -> int | None:
        """What it costs to go there; None where one may not."""
        if is_goal:
            return 1
        if not (0 <= at[0] < self.width and 0 <= at[1] < self.height) or at in self._taken:
            return None
        price = 1
        for other, across, straight in self._uses.get(at, ()):
            if not straight and other.end != arrow.end and not (other.start == arrow.start and self._bends(at, other)):
                return None
            if not _related(arrow, other):
                if across == (way[1] == 0):
                    return None
                price += CROSSING
        return price

    def _bends(self, at: Cell, arrow: Arrow) -> bool:
        """Whether the arrow has a bend there, and not its head."""
        return next(route for route in self.routes if route.arrow is arrow).cells[-2] != at


def _related(one: Arrow, other: Arrow) -> bool:
    return one.start == other.start or one.end == other.end
