"""What stands in the cells of matrices and heatmaps, for all that draw them."""

from collections.abc import Iterator

from msgspec.structs import replace

from grader.pictures import Grid, Heatmap, Matrix
from grader.show.numbers import format_alike


def is_number(cell: bool | float | str) -> bool:
    return not isinstance(cell, bool | str)


def cell_texts(of: Grid) -> list[list[str]]:
    """What stands in each cell; nothing in those that are filled or empty."""
    numbers = [float(each) for row in of.cells for each in row if is_number(each)]
    shown = iter(format_alike(numbers, of.digits))
    return [
        [each if isinstance(each, str) else next(shown) if is_number(each) else "" for each in row] for row in of.cells
    ]


def split_columns(of: Grid, most: int) -> Iterator[Grid]:
    """The grid in parts of so many columns at most."""
    for start in range(0, len(of.cells[0]), most):
        cells = [row[start : start + most] for row in of.cells]
        yield replace(of, columns=of.columns[start : start + most], cells=cells)


def signs_before(picture: Matrix) -> list[str]:
    """What stands before each grid; nothing before the first."""
    return ["", *picture.signs, *[""] * len(picture.grids)][: len(picture.grids)]


def heatmap_texts(picture: Heatmap) -> list[list[str]]:
    """The numbers of a heatmap as it shows them."""
    return [[f"{each:.{picture.digits}f}" for each in row] for row in picture.values]


def value_range(picture: Heatmap) -> tuple[float, float]:
    """The lowest and the highest number."""
    numbers = [number for row in picture.values for number in row]
    return min(numbers), max(numbers)


def fraction(number: float, low: float, high: float) -> float:
    """Where a number lies between the lowest, 0, and the highest, 1."""
    return (number - low) / (high - low) if high > low else 0.0
