"""Pictures of lessons as SVG, and the scripts that move them."""

from html import escape
from importlib.resources import files
from pathlib import Path

import msgspec

from grader.course.document import shown
from grader.course.model import did_you_mean
from grader.errors import UsageError
from grader.picture import Picture


def draw(path: Path) -> str:
    """The picture in this file, as inline SVG. UsageError where there is none, or it is no picture."""
    try:
        picture: Picture = msgspec.json.decode(path.read_bytes(), type=Picture)
    except FileNotFoundError:
        raise UsageError(f"{shown(path)}: there is no such picture; grade check --update makes it.") from None
    except msgspec.DecodeError as error:
        raise UsageError(f"{shown(path)}: no picture: {error}.") from None
    return svg(picture)


def svg(picture: Picture) -> str:
    """A stand-in: the picture's title in a frame."""
    return (
        f'<svg viewBox="0 0 640 120" role="img" aria-label="{escape(picture.title)}">'
        '<rect x="1" y="1" width="638" height="118" fill="none" stroke="currentColor" stroke-opacity=".3"/>'
        f'<text x="320" y="66" text-anchor="middle" font-size="16">{escape(picture.title)}</text></svg>'
    )


def moving() -> tuple[str, ...]:
    """The names of the scripts that move pictures."""
    folder = files("grader.site") / "assets" / "moving"
    return tuple(sorted(each.name.removesuffix(".js") for each in folder.iterdir() if each.name.endswith(".js")))


def require_moving(name: str, where: str) -> None:
    """UsageError, at a place in a file, where no script has this name."""
    if name not in moving():
        hint = did_you_mean(name, moving()) or f" There are {', '.join(moving())}."
        raise UsageError(f"{where}: no picture moves by '{name}'.{hint}")
