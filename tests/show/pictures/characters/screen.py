"""Pictures as a reader sees them on a terminal."""

import click

from grader.pictures import Picture, Table
from grader.show.pictures.characters import draw_picture


def plain(picture: Picture | Table, width: int = 76, *, unicode: bool = True) -> list[str]:
    """Return the lines of a picture, without color."""
    return [click.unstyle(line) for line in draw_picture(picture, width, unicode=unicode)]
