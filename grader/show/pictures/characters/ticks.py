"""The numbers of an axis beside and below a plot: each is where the points of its value are drawn."""

from grader.show.pictures.axes import AxisRange, ticks


def column_labels(axis: AxisRange, height: int, most: int) -> list[str]:
    """Return the labels of `height` rows, from the top."""
    rows = [""] * height
    for tick in ticks(axis, most):
        rows[height - 1 - axis.cell(tick.value, height)] = tick.label
    return rows


def row_labels(axis: AxisRange, width: int, most: int) -> str:
    """Return the labels below `width` columns within a frame; a label that would touch the previous one is left out."""
    text = ""
    for tick in ticks(axis, most):
        middle = 1 + axis.cell(tick.value, width)
        start = min(max(middle - len(tick.label) // 2, 0), width + 2 - len(tick.label))
        if not text or start > len(text):
            text = text.ljust(start) + tick.label
    return text
