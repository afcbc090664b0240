"""A picture as SVG or as PNG."""

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from grader.pictures import Bars, Boxes, Curves, Heatmap, Matrix, Picture, Timeline
from grader.show.pictures.graphics.bars import draw_bars
from grader.show.pictures.graphics.boxes import draw_boxes
from grader.show.pictures.graphics.colors import LIGHT, PLACEHOLDERS, Palette, replace_placeholders, style_sheet
from grader.show.pictures.graphics.curves import draw_curves
from grader.show.pictures.graphics.grids import draw_heatmap, draw_matrix
from grader.show.pictures.graphics.matplotlib_svg import NoMatplotlib, matplotlib_settings, svg_element
from grader.show.pictures.graphics.shapes import Graphic, draw_on_figure
from grader.show.pictures.graphics.timeline import draw_timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 1.7  # factor by which a page may enlarge an SVG
PNG_DENSITY = 2  # pixels of a PNG for each pixel of a page, for sharp screens


def svg(picture: Picture, *, alone: bool = False) -> str:
    """Return the picture as an SVG element for a page, in light and dark. Raise NoMatplotlib if matplotlib is missing.

    It is as wide as its container, up to a readable size; `alone`, as a file or an image, it has that size. A page may
    set `--ink`, `--line`, `--fill`, `--series-1` to `--series-6`, and `--picture-font`.
    """
    name = f"picture-{re.sub('[^A-Za-z0-9_-]+', '-', picture.name)}"
    palette = PLACEHOLDERS
    root = svg_element(name, picture.title, lambda figure: _draw(figure, picture, palette), palette.ink, palette.faint)
    width, height = (float(side) * LARGEST for side in root.attrib["viewBox"].split()[2:])
    root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "id": name}
    if alone:
        root.attrib |= {"width": f"{width:.0f}", "height": f"{height:.0f}"}
    else:
        root.attrib["style"] = f"width: 100%; max-width: {width:.0f}px; height: auto"
    desc, css = ElementTree.Element("desc"), ElementTree.Element("style")
    desc.text, css.text = describe_picture(picture), style_sheet(name)
    root.insert(1, desc)
    root.insert(2, css)
    return replace_placeholders(ElementTree.tostring(root, encoding="unicode"))


def png(picture: Picture) -> bytes:
    """Return the picture as the content of a PNG file. Raise NoMatplotlib if matplotlib is missing.

    It has the light colors on an opaque background, and PNG_DENSITY times as many pixels as it is meant to be wide.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise NoMatplotlib from None

    file = io.BytesIO()
    with matplotlib.rc_context(matplotlib_settings(LIGHT.ink, LIGHT.faint)):
        figure = Figure(facecolor="white")
        _draw(figure, picture, LIGHT)
        figure.savefig(file, dpi=72 * LARGEST * PNG_DENSITY, format="png")
    return file.getvalue()


def describe_picture(picture: Picture) -> str:
    """Return a sentence that describes the picture, for a screen reader."""
    match picture:
        case Curves():
            return f"Lines of {picture.y} over {picture.x}: {_listed(line.label for line in picture.lines)}."
        case Heatmap():
            return f"A table of {len(picture.rows)} by {len(picture.columns)} numbers, shown by color."
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


def _draw(figure: "Figure", picture: Picture, palette: Palette) -> None:
    if isinstance(picture, Curves):
        draw_curves(figure, picture, palette)
    else:
        draw_on_figure(figure, _graphic(picture), palette)


def _graphic(picture: Heatmap | Bars | Matrix | Boxes | Timeline) -> Graphic:
    match picture:
        case Heatmap():
            return draw_heatmap(picture)
        case Bars():
            return draw_bars(picture)
        case Matrix():
            return draw_matrix(picture)
        case Boxes():
            return draw_boxes(picture)
        case Timeline():
            return draw_timeline(picture)
