"""A graphic as PNG, drawn by matplotlib. It belongs to the extra `report` and is imported where it is used."""

import io
from typing import TYPE_CHECKING

from grader.base.errors import UsageError
from grader.show.pictures.graphics.colors import LIGHT, color
from grader.show.pictures.graphics.shapes import MARGIN, SIZE, Graphic, Polyline, Rectangle, Text
from grader.show.typography import typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PNG_DENSITY = 2  # pixels for each pixel of a page, for sharp screens
_POINTS = 72  # per inch; one pixel of a page is drawn as one point


class NoMatplotlib(UsageError):
    """An error: a PNG needs matplotlib, which is not installed."""

    def __init__(self) -> None:
        super().__init__("Pictures need matplotlib: pip install 'archgrade[report]'.")


def png_bytes(graphic: Graphic) -> bytes:
    """Return a graphic as the content of a PNG file. Raise NoMatplotlib if matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise NoMatplotlib from None

    figure = Figure(
        ((graphic.width + 2 * MARGIN) / _POINTS, (graphic.height + 2 * MARGIN) / _POINTS), facecolor=LIGHT.paper
    )
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-MARGIN, graphic.width + MARGIN)
    axes.set_ylim(graphic.height + MARGIN, -MARGIN)
    for shape in graphic.shapes:
        match shape:
            case Rectangle():
                _draw_rectangle(axes, shape)
            case Polyline():
                _draw_polyline(axes, shape)
            case Text():
                _draw_text(axes, shape)
    file = io.BytesIO()
    figure.savefig(file, dpi=_POINTS * PNG_DENSITY, format="png")
    return file.getvalue()


def _draw_rectangle(axes: "Axes", shape: Rectangle) -> None:
    from matplotlib.patches import Rectangle as Patch

    size = (shape.x, shape.y), shape.width, shape.height
    if shape.fill is not None and shape.strength:
        axes.add_patch(Patch(*size, facecolor=color(shape.fill, LIGHT), alpha=shape.strength, linewidth=0))
    if shape.edge is not None:
        axes.add_patch(Patch(*size, facecolor="none", edgecolor=color(shape.edge, LIGHT), linewidth=1))


def _draw_polyline(axes: "Axes", shape: Polyline) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Polygon

    tone = color(shape.tone, LIGHT)
    if shape.head:
        axes.add_patch(Polygon(shape.head_corners(), closed=True, facecolor=tone, linewidth=0))
    line = Line2D(*zip(*shape.shaft(), strict=True), color=tone, linewidth=shape.thick, dash_capstyle="butt")
    if shape.dashes:
        line.set_linestyle((0, tuple(length / shape.thick for length in shape.dashes)))
    axes.add_line(line)


def _draw_text(axes: "Axes", shape: Text) -> None:
    axes.text(
        shape.x,
        shape.y,
        typeset(shape.text),
        color=color(shape.tone, LIGHT),
        horizontalalignment="center" if shape.upright else shape.align,
        verticalalignment="bottom" if shape.upright else "center_baseline",
        rotation=90 if shape.upright else 0,
        fontsize=SIZE,
        fontweight="bold" if shape.bold else "normal",
        parse_math=False,
    )
