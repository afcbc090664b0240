"""The texts and values in the cells of matrices and heatmaps."""

from collections.abc import Iterator

from msgspec.structs import replace

from grader.pictures import Grid, Heatmap, Matrix
from grader.show.numbers import format_alike


def is_number(cell: bool | float | str) -> bool:
    """Return whether a cell holds a number."""
    return not isinstance(cell, bool | str)


def cell_texts(of: Grid) -> list[list[str]]:
    """Return the text of each cell; filled and empty cells have none."""
    numbers = [float(each) for row in of.cells for each in row if is_number(each)]
    shown = iter(format_alike(numbers, of.digits))
    return [
        [each if isinstance(each, str) else next(shown) if is_number(each) else "" for each in row] for row in of.cells
    ]


def split_columns(of: Grid, most: int) -> Iterator[Grid]:
    """Split a grid into parts of at most `most` columns."""
    for start in range(0, len(of.cells[0]), most):
        cells = [row[start : start + most] for row in of.cells]
        yield replace(of, columns=of.columns[start : start + most], cells=cells)


def signs_before(picture: Matrix) -> list[str]:
    """Return the sign before each grid; none before the first."""
    return ["", *picture.signs, *[""] * len(picture.grids)][: len(picture.grids)]


def heatmap_texts(picture: Heatmap) -> list[list[str]]:
    """Return the numbers of a heatmap as text."""
    return [[f"{each:.{picture.digits}f}" for each in row] for row in picture.values]


def value_range(picture: Heatmap) -> tuple[float, float]:
    """Return the lowest and the highest number of a heatmap."""
    numbers = [number for row in picture.values for number in row]
    return min(numbers), max(numbers)


def fraction(number: float, low: float, high: float) -> float:
    """Return the position of a number between the lowest, 0, and the highest, 1."""
    return (number - low) / (high - low) if high > low else 0.0
