"""Compare the pictures that a lesson's functions return with its text and with the stored files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from grader.base.files import shown, write_bytes
from grader.course.lesson.model import Figure, Part, flatten
from grader.course.lesson.pictures import encode_picture, picture_path, pictures_path
from grader.course.lesson.problem import Problem
from grader.engine.judge.messages import DrawnPicture, PicturesDrawn
from grader.pictures import Picture

COLUMNS = 76  # the width of a picture in a terminal


def picture_problems(
    root: Path, folder: Path, parts: Sequence[Part], painted: PicturesDrawn | None, *, complete: bool
) -> Iterator[Problem]:
    """Yield the problems of the pictures of the lesson in `folder`.

    `painted` is what its functions returned, or None if it has no pictures.py. Pictures that no part shows are
    reported only if `complete`, that is, if all parts could be read.
    """
    file = pictures_path(folder).relative_to(root).as_posix()
    drawings: dict[str, DrawnPicture] = {}
    for drawing in painted.pictures if painted else ():
        name = drawing.picture.name
        if name in drawings:
            yield Problem(file, drawing.line, f"line {drawings[name].line} already returns a picture '{name}'.")
        drawings.setdefault(name, drawing)
    for stopped in painted.failures if painted else ():
        yield Problem(file, stopped.line, stopped.what)
    figures = [(part, block) for part in parts for block in flatten(part.blocks) if isinstance(block, Figure)]
    for part, figure in figures:
        if figure.name not in drawings:
            yield Problem(part.path, figure.line, f"no function of pictures.py returns a picture '{figure.name}'.")
    names = {figure.name for _, figure in figures}
    for name, drawing in drawings.items():
        if complete and name not in names:
            yield Problem(file, drawing.line, f"no part shows the picture '{name}'.")
        yield from _file_problems(file, folder, drawing)
        yield from _rendering_problems(file, drawing)
    if complete and not (painted and painted.failures):
        for path in sorted(folder.glob("pictures/*.json")):
            if path.stem not in drawings:
                yield Problem(path.relative_to(root).as_posix(), 0, "no function of pictures.py returns this picture.")


def write_pictures(folder: Path, painted: PicturesDrawn) -> Iterator[Path]:
    """Write the pictures whose stored file is missing or stale, and yield the files that changed."""
    for drawing in painted.pictures:
        path = picture_path(folder, drawing.picture.name)
        data = _encoded(drawing.picture)
        if data is not None and (not path.is_file() or path.read_bytes() != data):
            yield write_bytes(path, data)


def _encoded(picture: Picture) -> bytes | None:
    """Return the bytes of a picture's file, or None if it contains a number that is not finite."""
    try:
        return encode_picture(picture)
    except ValueError:
        return None


def _file_problems(file: str, folder: Path, drawing: DrawnPicture) -> Iterator[Problem]:
    """Yield a problem if the stored file is missing or differs from the computed picture."""
    path = picture_path(folder, drawing.picture.name)
    data = _encoded(drawing.picture)
    if data is None:
        yield Problem(file, drawing.line, f"the picture '{drawing.picture.name}' has a number that is not finite.")
    elif not path.is_file():
        yield Problem(file, drawing.line, f"there is no {shown(path)}; grade check --update lesson writes it.")
    elif path.read_bytes() != data:
        what = f"{shown(path)} differs from the computed picture; grade check --update lesson writes it."
        yield Problem(file, drawing.line, what)


def _rendering_problems(file: str, drawing: DrawnPicture) -> Iterator[Problem]:
    """Yield a problem if a picture cannot be drawn as text and as SVG, or does not fit a terminal."""
    from grader.show.pictures.characters import draw_picture
    from grader.show.pictures.graphics import svg

    picture = drawing.picture
    if _encoded(picture) is None:
        return
    try:
        lines = [click.unstyle(line) for line in draw_picture(picture, unicode=False)]
        svg(picture)
    except Exception as error:  # any error is due to the author's data
        what = f"the picture '{picture.name}' cannot be drawn: {type(error).__name__}: {error}."
        yield Problem(file, drawing.line, what)
        return
    if (widest := max(map(len, lines))) > COLUMNS:
        what = f"the picture '{picture.name}' takes {widest} columns of a terminal; at most {COLUMNS} fit."
        yield Problem(file, drawing.line, what)
