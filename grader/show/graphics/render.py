"""A picture as SVG or as PNG."""

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from grader.pictures import Bars, Boxes, Curves, Heatmap, Matrix, Picture, Timeline
from grader.show.graphics.bars import bars_sheet
from grader.show.graphics.boxes import boxes_sheet
from grader.show.graphics.cells import heatmap_sheet, matrix_sheet
from grader.show.graphics.curves import draw_curves
from grader.show.graphics.inks import LIGHT, STANDING_FOR, Inks, in_css, style
from grader.show.graphics.inline import NoMatplotlib, element, settings
from grader.show.graphics.sheet import Sheet, draw
from grader.show.graphics.timeline import timeline_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 250  # of a PNG, to an inch
LARGEST = 1.7  # how much a page may enlarge an SVG


def svg(picture: Picture, *, alone: bool = False) -> str:
    """The picture as an SVG element, for a page among others; light and dark. NoMatplotlib.

    It is as wide as its place, up to a readable size; `alone`, as a file or an image, it has that size. A page may set
    `--ink`, `--line`, `--fill`, `--series-1` to `--series-6`, and `--picture-font`.
    """
    name = f"picture-{re.sub('[^A-Za-z0-9_-]+', '-', picture.name)}"
    inks = STANDING_FOR
    root = element(name, picture.title, lambda figure: _draw(figure, picture, inks), inks.ink, inks.faint)
    width, height = (float(side) * LARGEST for side in root.attrib["viewBox"].split()[2:])
    root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "id": name}
    if alone:
        root.attrib |= {"width": f"{width:.0f}", "height": f"{height:.0f}"}
    else:
        root.attrib["style"] = f"width: 100%; max-width: {width:.0f}px; height: auto"
    desc, sheet = ElementTree.Element("desc"), ElementTree.Element("style")
    desc.text, sheet.text = describe(picture), style(name)
    root.insert(1, desc)
    root.insert(2, sheet)
    return in_css(ElementTree.tostring(root, encoding="unicode"))


def png(picture: Picture) -> bytes:
    """The picture as the content of a PNG file, on white. NoMatplotlib."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise NoMatplotlib from None

    file = io.BytesIO()
    with matplotlib.rc_context(settings(LIGHT.ink, LIGHT.faint)):
        figure = Figure(facecolor="white")
        _draw(figure, picture, LIGHT)
        figure.savefig(file, dpi=DOTS, format="png")
    return file.getvalue()


def describe(picture: Picture) -> str:
    """What is to be seen, in a sentence for those who do not see it."""
    match picture:
        case Curves():
            return f"Lines of {picture.y} over {picture.x}: {_listed(line.label for line in picture.lines)}."
        case Heatmap():
            return f"A table of {len(picture.rows)} by {len(picture.columns)} numbers, shown by colour."
        case Bars():
            return f"Bars for {_listed(picture.groups)}."
        case Matrix():
            return f"Tables: {_listed(grid.title for grid in picture.grids)}."
        case Boxes():
            labels = {box.id: box.label.replace("\n", " ") for box in picture.boxes}
            return f"Arrows: {_listed(f'{labels[each.start]} to {labels[each.end]}' for each in picture.arrows)}."
        case Timeline():
            return f"Lanes over time in {picture.unit}: {_listed(lane.label for lane in picture.lanes)}."


def _listed(words: Iterable[str]) -> str:
    return ", ".join(filter(None, words))


def _draw(figure: "Figure", picture: Picture, inks: Inks) -> None:
    if isinstance(picture, Curves):
        draw_curves(figure, picture, inks)
    else:
        draw(figure, _sheet(picture), inks)


def _sheet(picture: Heatmap | Bars | Matrix | Boxes | Timeline) -> Sheet:
    match picture:
        case Heatmap():
            return heatmap_sheet(picture)
        case Bars():
            return bars_sheet(picture)
        case Matrix():
            return matrix_sheet(picture)
        case Boxes():
            return boxes_sheet(picture)
        case Timeline():
            return timeline_sheet(picture)
