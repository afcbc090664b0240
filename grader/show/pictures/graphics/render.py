"""A picture as SVG or as PNG."""

from grader.pictures import Bars, Boxes, Curves, Dials, Heatmap, Matrix, Picture, Timeline
from grader.show.pictures.graphics.bars import draw_bars
from grader.show.pictures.graphics.boxes import draw_boxes
from grader.show.pictures.graphics.curves import draw_curves
from grader.show.pictures.graphics.dials import draw_dials
from grader.show.pictures.graphics.grids import draw_heatmap, draw_matrix
from grader.show.pictures.graphics.pixels import png_bytes
from grader.show.pictures.graphics.shapes import MARGIN, Graphic
from grader.show.pictures.graphics.timeline import draw_timeline
from grader.show.pictures.graphics.vector import svg_element

WIDE = 736 - 2 * MARGIN  # pixels: the text column of a page
NARROW = 340 - 2 * MARGIN  # pixels: the text column on a phone


def svg(picture: Picture) -> str:
    """Return the picture as SVG for a page: one that fits any screen, or one for wide and one for narrow ones.

    These have the classes `any`, `wide` and `narrow`; the style sheet of the page shows one of them, and defines the
    variables `--picture-ink`, `-edge`, `-faint`, `-fill`, and `-series-1` to `-series-6`.
    """
    wide, narrow = lay_out_picture(picture, WIDE), lay_out_picture(picture, NARROW)
    if wide == narrow:
        return svg_element(wide, picture.title, "any")
    return svg_element(wide, picture.title, "wide") + svg_element(narrow, picture.title, "narrow")


def png(picture: Picture) -> bytes:
    """Return the picture as the content of a PNG file. Raise NoMatplotlib if matplotlib is missing.

    It has the light colors on an opaque background, and PNG_DENSITY times as many pixels as it is meant to be wide.
    """
    return png_bytes(lay_out_picture(picture, WIDE))


def lay_out_picture(picture: Picture, width: float) -> Graphic:
    """Return the shapes of a picture, laid out for a page of that width."""
    match picture:
        case Curves():
            return draw_curves(picture, width)
        case Heatmap():
            return draw_heatmap(picture, width)
        case Bars():
            return draw_bars(picture, width)
        case Matrix():
            return draw_matrix(picture, width)
        case Boxes():
            return draw_boxes(picture, width)
        case Timeline():
            return draw_timeline(picture, width)
        case Dials():
            return draw_dials(picture, width)
