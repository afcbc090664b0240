"""A picture as lines of characters."""

import click

from grader.pictures import Bars, Boxes, Curves, Heatmap, Matrix, Picture, Table, Timeline
from grader.show.characters.bars import bars
from grader.show.characters.boxes import boxes
from grader.show.characters.curves import curves
from grader.show.characters.heatmap import heatmap
from grader.show.characters.matrix import matrix
from grader.show.characters.symbols import IN_ASCII
from grader.show.characters.table import table
from grader.show.characters.timeline import timeline
from grader.show.layout import cleaned, wrap

WIDTH = 76


def drawn(
    picture: Picture | Table, width: int = WIDTH, *, unicode: bool, known: dict[str, int] | None = None
) -> list[str]:
    """The lines of a picture, its title first, at most `width` (40 or more) cells wide; with escapes for colour.

    What does not fit is laid out in another way. Colour adds nothing that the characters do not say. Without `unicode`
    the lines are ASCII. Pictures that are drawn with the same `known` give a curve of one label one letter and colour.
    """
    shown = cleaned(picture, unicode)
    lines = [*(click.style(line, bold=True) for line in wrap(shown.title, width)), *_body(shown, width, unicode, known)]
    return lines if unicode else [line.translate(IN_ASCII) for line in lines]


def _body(picture: Picture | Table, width: int, unicode: bool, known: dict[str, int] | None) -> list[str]:
    match picture:
        case Curves():
            return curves(picture, width, unicode, known)
        case Heatmap():
            return heatmap(picture, width, unicode)
        case Bars():
            return bars(picture, width)
        case Matrix():
            return matrix(picture, width)
        case Boxes():
            return boxes(picture, width)
        case Timeline():
            return timeline(picture, width)
        case Table():
            return table(picture)
