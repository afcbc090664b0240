"""What a reader sees of a picture on a terminal."""

import click

from grader.pictures import Picture, Table
from grader.show.pictures.characters import draw_picture


def plain(picture: Picture | Table, width: int = 76, *, unicode: bool = True) -> list[str]:
    """The lines of a picture, without colour."""
    return [click.unstyle(line) for line in draw_picture(picture, width, unicode=unicode)]
