"""Pictures of lessons and labs as data.

    Curves("loss", "cross-entropy while training", "step", "loss", (Line("fixed", steps, losses),))

A terminal draws them with characters, pages as SVG, notebooks and labs as PNG. `name` is the name of the
picture's file, by which a lesson refers to it. All numbers are plain numbers, not tensors. Lengths that do not match,
such as two labels for three numbers, raise ValueError.
"""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec


class Line(msgspec.Struct, frozen=True):
    """A line of a plot: its points from left to right."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]

    def __post_init__(self) -> None:
        _require_equal(len(self.xs), len(self.ys), f"points of the line '{self.label}'")


class Curves(msgspec.Struct, frozen=True, tag="curves"):
    """Lines over one x axis. `low` and `high` bound the y axis; a logarithmic axis takes positive numbers only."""

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
    """A matrix of numbers, `values[row][column]`, drawn as colours and with `digits` decimals."""

    name: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Sequence[Sequence[float]]
    digits: int = 2

    def __post_init__(self) -> None:
        _require_equal(len(self.rows), len(self.values), f"rows of '{self.name}'")
        for row in self.values:
            _require_equal(len(self.columns), len(row), f"columns of '{self.name}'")


class Series(msgspec.Struct, frozen=True):
    """Bars of one kind, one in each group."""

    label: str
    values: Sequence[float]


class Bars(msgspec.Struct, frozen=True, tag="bars"):
    """Grouped bars: `groups` are the names along the axis, and every series has one bar in each."""

    name: str
    title: str
    groups: tuple[str, ...]
    series: tuple[Series, ...]
    y: str = ""

    def __post_init__(self) -> None:
        for each in self.series:
            _require_equal(len(self.groups), len(each.values), f"groups of the series '{each.label}'")


class Grid(msgspec.Struct, frozen=True):
    """A grid of cells under a title: True is filled, False is empty, numbers and texts are printed.

    Empty `rows` or `columns` mean that they have no labels. Numbers have `digits` decimals, or none if all are whole.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Sequence[Sequence[bool | float | str]]
    digits: int = 2

    def __post_init__(self) -> None:
        _require_equal(len(self.rows) or len(self.cells), len(self.cells), f"rows of the grid '{self.title}'")
        for row in self.cells:
            _require_equal(len(self.columns) or len(self.cells[0]), len(row), f"columns of the grid '{self.title}'")


class Matrix(msgspec.Struct, frozen=True, tag="matrix"):
    """Labelled grids side by side, if there is room: masks, small tensors, tokens in buckets.

    `signs` are drawn between them, one fewer than grids: "×", "=", or "" for none.
    """

    name: str
    title: str
    grids: tuple[Grid, ...]
    signs: tuple[str, ...] = ()


class Box(msgspec.Struct, frozen=True):
    """A box at a position in a raster, with row 0 at the top. It may span several columns."""

    id: str
    label: str
    row: int
    column: int
    columns: int = 1


class Arrow(msgspec.Struct, frozen=True):
    """An arrow from one box to another, both given by id."""

    start: str
    end: str
    label: str = ""


class Boxes(msgspec.Struct, frozen=True, tag="boxes"):
    """A diagram of boxes and arrows. An arrow to a box that is not adjacent goes around those between."""

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
    """A filled part of a lane, from `start` to `end`."""

    start: float
    end: float
    label: str = ""


class Lane(msgspec.Struct, frozen=True):
    """A row of a timeline."""

    label: str
    stretches: tuple[Stretch, ...]


class Timeline(msgspec.Struct, frozen=True, tag="timeline"):
    """Lanes over time, which is measured in `unit`."""

    name: str
    title: str
    unit: str
    lanes: tuple[Lane, ...]


class Hand(msgspec.Struct, frozen=True):
    """A hand of a dial: an angle, or a vector whose length does not matter.

    The degrees count counterclockwise from three o'clock.
    """

    label: str
    degrees: float


class Dial(msgspec.Struct, frozen=True):
    """A circle under a title, with hands from its center."""

    title: str
    hands: tuple[Hand, ...]


class Dials(msgspec.Struct, frozen=True, tag="dials"):
    """Dials side by side, if there is room. Hands with the same label look the same in all of them."""

    name: str
    title: str
    dials: tuple[Dial, ...]


class Table(msgspec.Struct, frozen=True, tag="table"):
    """A table of measurements: every row has a label and a number (or a text) for each column."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, Sequence[float | str]]]


def _require_equal(expected: int, found: int, of: str) -> None:
    if expected != found:
        raise ValueError(f"{of}: {expected} and {found}, which should be equal")


Picture: TypeAlias = Curves | Heatmap | Bars | Matrix | Boxes | Timeline | Dials


def smoothed(label: str, values: Sequence[float], window: int) -> Line:
    """Return the line of the means of consecutive windows of values, each drawn at the centre of its window."""
    ends = range(window, len(values) + 1, window)
    means = [sum(values[end - window : end]) / window for end in ends]
    return Line(label, [end - window / 2 for end in ends], means)
