"""Labels of arrows: their positions, and the sentences that replace a drawing that does not fit."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from grader.pictures import Boxes
from grader.show.layout import cells
from grader.show.pictures.arrow_routes import ArrowRouter, Cell, Route


@dataclass(frozen=True)
class PlacedText:
    """A text that begins at a cell of the layout."""

    at: Cell
    text: str

    def cells(self) -> Iterator[Cell]:
        """Return the cells that the text takes."""
        return ((self.at[0] + i, self.at[1]) for i in range(cells(self.text)))


def place_labels(router: ArrowRouter) -> list[PlacedText] | None:
    """Return a position for the label of each arrow, on its route or beside it; None if one has no room."""
    taken = {cell for frame in router.frames.values() for cell in frame.cells()}
    uses: dict[Cell, int] = {}
    for route in router.routes:
        for cell in route.cells[1:-1]:
            uses[cell] = uses.get(cell, 0) + 1
    labels: list[PlacedText] = []
    for route in router.routes:
        if route.arrow.label:
            places = _places(route, uses, taken)
            if not places:
                return None
            labels.append(PlacedText(places[0], route.arrow.label))
            taken.update(labels[-1].cells())
    return labels


def _places(route: Route, uses: dict[Cell, int], taken: set[Cell]) -> list[Cell]:
    """Return the cells at which the label of an arrow could begin, the best first."""
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


def arrows_in_words(picture: Boxes) -> list[str]:
    """Return the arrows as sentences: `norm → attention: label`."""
    labels = {box.id: " ".join(box.label.split()) for box in picture.boxes}
    ends = (f"{labels[arrow.start]} → {labels[arrow.end]}" for arrow in picture.arrows)
    return [f"{end}: {arrow.label}" if arrow.label else end for end, arrow in zip(ends, picture.arrows, strict=True)]
