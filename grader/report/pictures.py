"""What a lab measured, as PNG."""

from io import BytesIO
from typing import TYPE_CHECKING

from grader.picture import Curves, Heatmap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCHES = 6.4, 4.0
DOTS = 150  # to an inch


class NoMatplotlib(Exception):
    """Pictures need matplotlib, which is not installed."""


def png(shown: Curves | Heatmap) -> bytes:
    """The picture of a figure, as the content of a PNG file. NoMatplotlib."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise NoMatplotlib from None

    figure = Figure(figsize=INCHES, layout="constrained")
    if isinstance(shown, Curves):
        _curves(figure, shown)
    else:
        _heatmap(figure, shown)
    file = BytesIO()
    figure.savefig(file, dpi=DOTS, format="png")
    return file.getvalue()


def _curves(figure: "Figure", shown: Curves) -> None:
    from matplotlib.ticker import MaxNLocator

    axes = figure.subplots()
    for line in shown.lines:
        axes.plot(line.xs, line.ys, label=line.label, linewidth=1.4)
    axes.set_title(shown.title, loc="left", fontsize=10)
    axes.set_xlabel(shown.x)
    axes.set_ylabel(shown.y)
    axes.set_ylim(shown.low, shown.high)
    if all(float(x).is_integer() for line in shown.lines for x in line.xs):  # there is no step 2.5
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)


def _heatmap(figure: "Figure", shown: Heatmap) -> None:
    axes = figure.subplots()
    image = axes.imshow(shown.values, aspect="auto", cmap="magma")
    axes.set_title(shown.title, loc="left", fontsize=10)
    axes.set_xticks(range(len(shown.columns)), shown.columns, rotation=90 if len(shown.columns) > 8 else 0, fontsize=7)
    axes.set_yticks(range(len(shown.rows)), shown.rows, fontsize=7)
    figure.colorbar(image)
