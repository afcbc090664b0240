"""Plots as SVG inside a page: text is text, colours are the page's, and the same numbers are the same bytes."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from grader.export.page import missing
from grader.export.summary import ItemStatistics
from grader.report.graphics.inline import NoMatplotlib, element

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# matplotlib knows no variables of CSS, so it draws in colours that stand for them
INK, FAINT, ACCENT = "#010101", "#010102", "#010103"
IN_CSS = {INK: "currentColor", FAINT: "var(--line)", ACCENT: "var(--accent)"}
WIDE = 3.8  # inches: as much as a narrow screen has, so that the text stays readable there
TENTHS = [i / 10 for i in range(11)]


def distribution(shares: Sequence[float], who: str) -> "Markup":
    """How many (`who`: "students") lie in each tenth of the points. Extra points count to the last tenth."""
    heights = tenths(shares)

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        bars = _bars(axes, heights)
        axes.bar_label(bars, [str(height) if height else "" for height in heights], fontsize=7)
        axes.set_ylabel(who)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("share of the points")
        axes.set_xticks(TENTHS[::2], [f"{100 * each:.0f} %" for each in TENTHS[::2]])

    most = max(range(10), key=heights.__getitem__)
    between = f"{10 * most} to {10 * most + 10} % of the points"
    label = f"Histogram of {len(shares)} {who}; most, {heights[most]}, have {between}."
    return _svg("totals", label, (WIDE, 1.9), draw)


def small_multiples(items: Sequence[ItemStatistics]) -> "Markup":
    """The distribution of each item's points, one below the other on one axis; a line at the median."""

    def draw(figure: "Figure") -> None:
        for axes, each in zip(figure.subplots(len(items), sharex=True, squeeze=False)[:, 0], items, strict=True):
            _bars(axes, tenths(each.shares))
            if each.median is not None:
                axes.axvline(min(max(each.median, 0), 1), color=INK, linewidth=1.2, clip_on=False)
            axes.set_title(each.item.id, loc="left", fontsize=8, pad=3)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.set_xticks(TENTHS[::2], [f"{100 * each:.0f} %" for each in TENTHS[::2]])
            axes.tick_params(length=0 if each is not items[-1] else 3)

    label = f"Histograms of the points of {len(items)} items; the numbers are in the table."
    return _svg("items", label, (WIDE, 0.3 + 0.45 * len(items)), draw)


def tenths(shares: Sequence[float]) -> list[int]:
    """How many shares lie in each tenth from 0 to 1; each tenth has its lower end, the last one both."""
    heights = [0] * 10
    for share in shares:
        heights[min(max(int(share * 10 + 1e-9), 0), 9)] += 1
    return heights


def _bars(axes: "Axes", heights: Sequence[int]) -> Any:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, max(*heights, 1) * 1.08)
    return axes.bar(TENTHS[:-1], heights, width=0.094, align="edge", color=ACCENT)


def _svg(name: str, label: str, inches: tuple[float, float], draw: Callable[["Figure"], None]) -> "Markup":
    """A drawing as an element of HTML. `name` is unique within its page: ids begin with it."""

    def sized(figure: "Figure") -> None:
        figure.set_layout_engine("constrained")
        figure.set_size_inches(inches)
        draw(figure)

    try:
        from markupsafe import Markup

        root = element(name, label, sized, INK, FAINT)
    except ModuleNotFoundError as error:
        raise missing(error.name or "markupsafe") from None
    except NoMatplotlib:
        raise missing("matplotlib") from None
    text = ElementTree.tostring(root, encoding="unicode")
    return Markup(re.sub("|".join(IN_CSS), lambda color: IN_CSS[color[0]], text))
