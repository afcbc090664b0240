"""Holds the pictures that the functions of a lesson return against its text and against the files that are kept."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from grader.base.files import shown, write_bytes
from grader.course.lesson.model import Figure, Part, flatten
from grader.course.lesson.pictures import encode_picture, picture_path, pictures_path
from grader.course.lesson.problem import Problem
from grader.engine.judge.messages import Drawing, Painted
from grader.pictures import Picture

COLUMNS = 76  # of a picture in a terminal


def picture_problems(
    root: Path, folder: Path, parts: Sequence[Part], painted: Painted | None, *, whole: bool
) -> Iterator[Problem]:
    """All that is wrong with the pictures of the lesson in this folder.

    `painted`: what came of its functions; None where it has none. `whole`: all its parts could be read, so that a
    picture which none of them shows is one too many.
    """
    file = pictures_path(folder).relative_to(root).as_posix()
    drawings: dict[str, Drawing] = {}
    for drawing in painted.drawings if painted else ():
        name = drawing.picture.name
        if name in drawings:
            yield Problem(file, drawing.line, f"a picture '{name}' is returned in line {drawings[name].line} already.")
        drawings.setdefault(name, drawing)
    for stopped in painted.wrong if painted else ():
        yield Problem(file, stopped.line, stopped.what)
    asked = [(part, block) for part in parts for block in flatten(part.blocks) if isinstance(block, Figure)]
    for part, figure in asked:
        if figure.name not in drawings:
            yield Problem(part.path, figure.line, f"no function of pictures.py returns a picture '{figure.name}'.")
    names = {figure.name for _, figure in asked}
    for name, drawing in drawings.items():
        if whole and name not in names:
            yield Problem(file, drawing.line, f"no part shows the picture '{name}'.")
        yield from _kept(file, folder, drawing)
        yield from _drawable(file, drawing)
    if whole and not (painted and painted.wrong):
        for path in sorted(folder.glob("pictures/*.json")):
            if path.stem not in drawings:
                yield Problem(path.relative_to(root).as_posix(), 0, "no function of pictures.py returns this picture.")


def write_pictures(folder: Path, painted: Painted) -> Iterator[Path]:
    """Writes the pictures that are not kept as they were computed; yields the files that were changed."""
    for drawing in painted.drawings:
        path = picture_path(folder, drawing.picture.name)
        data = _data(drawing.picture)
        if data is not None and (not path.is_file() or path.read_bytes() != data):
            yield write_bytes(path, data)


def _data(picture: Picture) -> bytes | None:
    try:
        return encode_picture(picture)
    except ValueError:
        return None


def _kept(file: str, folder: Path, drawing: Drawing) -> Iterator[Problem]:
    """The file of a picture holds what is computed."""
    path = picture_path(folder, drawing.picture.name)
    data = _data(drawing.picture)
    if data is None:
        yield Problem(file, drawing.line, f"the picture '{drawing.picture.name}' has a number that is not finite.")
    elif not path.is_file():
        yield Problem(file, drawing.line, f"there is no {shown(path)}; grade check --update lesson writes it.")
    elif path.read_bytes() != data:
        what = f"{shown(path)} is not what is computed; grade check --update lesson writes it."
        yield Problem(file, drawing.line, what)


def _drawable(file: str, drawing: Drawing) -> Iterator[Problem]:
    """A picture can be drawn, as text and as SVG, and fits a terminal."""
    from grader.show.characters import drawn
    from grader.show.graphics import NoMatplotlib, svg

    picture = drawing.picture
    if _data(picture) is None:
        return
    try:
        lines = [click.unstyle(line) for line in drawn(picture, unicode=False)]
        svg(picture)
    except NoMatplotlib:
        raise
    except Exception as error:  # whatever the data make of it, the author is told
        what = f"the picture '{picture.name}' cannot be drawn: {type(error).__name__}: {error}."
        yield Problem(file, drawing.line, what)
        return
    if (widest := max(map(len, lines))) > COLUMNS:
        what = f"the picture '{picture.name}' takes {widest} columns of a terminal; {COLUMNS} are to be had."
        yield Problem(file, drawing.line, what)
