"""Pictures as data, made of numbers that were computed: of a lesson and of a lab. They are drawn in many ways.

    Curves("loss", "cross-entropy while training", "step", "loss", (Line("fixed", steps, losses),))

A terminal draws them with characters, the page and the notebook as SVG, a lab also as PNG. `name` is that of the
picture's file, and the word by which a lesson asks for it. All numbers are plain: no tensors. What does not fit
together, two labels for three numbers, is a ValueError.
"""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec


class Line(msgspec.Struct, frozen=True):
    """One line of a plot: its points, from left to right."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]

    def __post_init__(self) -> None:
        _same(len(self.xs), len(self.ys), f"points of the line '{self.label}'")


class Curves(msgspec.Struct, frozen=True, tag="curves"):
    """Lines over one axis. `low` and `high` bound the axis of y; a logarithmic axis has positive numbers only."""

    name: str
    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    low: float | None = None
    high: float | None = None
    log_x: bool = False
    log_y: bool = False


class Heatmap(msgspec.Struct, frozen=True, tag="heatmap"):
    """A matrix of numbers, `values[row][column]`, shown by colour and with `digits` after the point."""

    name: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Sequence[Sequence[float]]
    digits: int = 2

    def __post_init__(self) -> None:
        _same(len(self.rows), len(self.values), f"rows of '{self.name}'")
        for row in self.values:
            _same(len(self.columns), len(row), f"columns of '{self.name}'")


class Series(msgspec.Struct, frozen=True):
    """The bars of one kind, one in each group."""

    label: str
    values: Sequence[float]


class Bars(msgspec.Struct, frozen=True, tag="bars"):
    """Bars in groups: `groups` are the names along the axis, each series has a bar in each of them."""

    name: str
    title: str
    groups: tuple[str, ...]
    series: tuple[Series, ...]
    y: str = ""

    def __post_init__(self) -> None:
        for each in self.series:
            _same(len(self.groups), len(each.values), f"groups of the series '{each.label}'")


class Grid(msgspec.Struct, frozen=True):
    """A table of cells under a heading: True is filled, False is empty, a number or a text stands in its cell.

    No `rows` or no `columns`: these have no labels. Numbers have `digits` after the point, or none if all are whole.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Sequence[Sequence[bool | float | str]]
    digits: int = 2

    def __post_init__(self) -> None:
        _same(len(self.rows) or len(self.cells), len(self.cells), f"rows of the grid '{self.title}'")
        for row in self.cells:
            _same(len(self.columns) or len(self.cells[0]), len(row), f"columns of the grid '{self.title}'")


class Matrix(msgspec.Struct, frozen=True, tag="matrix"):
    """Matrices with labels, side by side where there is room: masks, small tensors, tokens in buckets.

    `signs` stand between them, one fewer than the grids: "×", "=", "" for none.
    """

    name: str
    title: str
    grids: tuple[Grid, ...]
    signs: tuple[str, ...] = ()


class Box(msgspec.Struct, frozen=True):
    """A box at a place of a raster, row 0 at the top; it may be several columns wide."""

    id: str
    label: str
    row: int
    column: int
    columns: int = 1


class Arrow(msgspec.Struct, frozen=True):
    """From one box to another, both by id."""

    start: str
    end: str
    label: str = ""


class Boxes(msgspec.Struct, frozen=True, tag="boxes"):
    """Boxes and arrows: what feeds what. An arrow to a box that is not the next one goes around those between."""

    name: str
    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...] = ()

    def __post_init__(self) -> None:
        ids = [box.id for box in self.boxes]
        twice = next((each for each in ids if ids.count(each) > 1), None)
        if twice is not None:
            raise ValueError(f"'{self.name}' has two boxes '{twice}'")
        for start, end in ((arrow.start, arrow.end) for arrow in self.arrows):
            if start not in ids or end not in ids or start == end:
                raise ValueError(f"'{self.name}' has an arrow from '{start}' to '{end}': these are not two boxes")


class Stretch(msgspec.Struct, frozen=True):
    """What fills a lane from `start` to `end`."""

    start: float
    end: float
    label: str = ""


class Lane(msgspec.Struct, frozen=True):
    """A row of a time line."""

    label: str
    stretches: tuple[Stretch, ...]


class Timeline(msgspec.Struct, frozen=True, tag="timeline"):
    """Lanes over time, which is counted in `unit`."""

    name: str
    title: str
    unit: str
    lanes: tuple[Lane, ...]


class Table(msgspec.Struct, frozen=True, tag="table"):
    """Measured numbers: `columns` are their names, each row has a label and a number (or a text) for each of them."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, Sequence[float | str]]]


def _same(expected: int, found: int, of: str) -> None:
    """ValueError if these are not as many."""
    if expected != found:
        raise ValueError(f"{of}: {expected} and {found}, which should be as many")


Picture: TypeAlias = Curves | Heatmap | Bars | Matrix | Boxes | Timeline


def smoothed(label: str, values: Sequence[float], window: int) -> Line:
    """Values of one step each, averaged over whole windows of so many steps; each mean stands amid its window."""
    ends = range(window, len(values) + 1, window)
    means = [sum(values[end - window : end]) / window for end in ends]
    return Line(label, [end - window / 2 for end in ends], means)
