"""Lines over a common axis; each has its own dashes, so that color is not needed to tell them apart."""

from typing import TYPE_CHECKING

from grader.pictures import Curves
from grader.show.numbers import format_number
from grader.show.pictures.graphics.colors import Palette
from grader.show.pictures.graphics.shapes import SIZE, WIDE, wrap_points

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

HIGH = 0.62  # height per width
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (9, 2)), (0, (6, 1.5, 1.2, 1.5, 1.2, 1.5)))


def draw_curves(figure: "Figure", picture: Curves, palette: Palette) -> None:
    """Draw lines on a matplotlib figure."""
    from matplotlib.ticker import MaxNLocator

    figure.set_layout_engine("constrained")
    figure.set_size_inches(WIDE / 72, WIDE / 72 * HIGH)
    title = "\n".join(wrap_points(picture.title, WIDE * 0.9))
    figure.suptitle(title, x=0.01, horizontalalignment="left", fontsize=SIZE, fontweight="bold")
    axes = figure.subplots()
    for place, line in enumerate(picture.lines):
        color, dashes = palette.series[place % len(palette.series)], DASHES[place % len(DASHES)]
        marker = "o" if len(line.xs) == 1 else None
        axes.plot(line.xs, line.ys, label=line.label, color=color, linestyle=dashes, linewidth=1.4, marker=marker)
    axes.set_xlabel(picture.x)
    axes.set_ylabel(picture.y)
    if picture.log_x:
        axes.set_xscale("log")
        _plain_ticks(axes.xaxis)
    elif all(float(x).is_integer() for line in picture.lines for x in line.xs):  # steps are whole: no tick at 2.5
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if picture.log_y:
        axes.set_yscale("log")
        _plain_ticks(axes.yaxis)
    axes.set_ylim(picture.low, picture.high)
    axes.grid(color=palette.faint, alpha=0.5, linewidth=0.5)
    axes.set_axisbelow(True)
    if len(picture.lines) > 1:
        axes.legend(frameon=False, handlelength=3.0)


def _plain_ticks(axis: "Axis") -> None:
    """Write the numbers of a logarithmic axis in full, and none at its minor ticks."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value)))
    axis.set_minor_formatter(NullFormatter())
