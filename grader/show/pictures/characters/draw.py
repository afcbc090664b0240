"""A picture as lines of characters."""

import click

from grader.pictures import Bars, Boxes, Curves, Dials, Heatmap, Matrix, Picture, Table, Timeline
from grader.show.layout import display_struct, wrap
from grader.show.pictures.characters.bars import bar_lines
from grader.show.pictures.characters.boxes import box_lines
from grader.show.pictures.characters.curves import curve_lines
from grader.show.pictures.characters.dials import dial_lines
from grader.show.pictures.characters.heatmap import heatmap_lines
from grader.show.pictures.characters.matrix import matrix_lines
from grader.show.pictures.characters.symbols import IN_ASCII
from grader.show.pictures.characters.table import table_lines
from grader.show.pictures.characters.timeline import timeline_lines

WIDTH = 76


def draw_picture(
    picture: Picture | Table, width: int = WIDTH, *, unicode: bool, known: dict[str, int] | None = None
) -> list[str]:
    """Return the lines of a picture, its title first, at most `width` (40 or more) cells wide, with escapes for color.

    A picture that does not fit is laid out in another way. Color adds nothing that the characters do not say. Without
    `unicode` the lines are ASCII. Pictures drawn with the same `known` give curves with one label one letter and color.
    """
    shown = display_struct(picture, unicode)
    lines = [*(click.style(line, bold=True) for line in wrap(shown.title, width)), *_body(shown, width, unicode, known)]
    return lines if unicode else [line.translate(IN_ASCII) for line in lines]


def _body(picture: Picture | Table, width: int, unicode: bool, known: dict[str, int] | None) -> list[str]:
    match picture:
        case Curves():
            return curve_lines(picture, width, unicode, known)
        case Heatmap():
            return heatmap_lines(picture, width, unicode)
        case Bars():
            return bar_lines(picture, width)
        case Matrix():
            return matrix_lines(picture, width)
        case Boxes():
            return box_lines(picture, width)
        case Timeline():
            return timeline_lines(picture, width)
        case Dials():
            return dial_lines(picture, width, unicode)
        case Table():
            return table_lines(picture)
