"""The pictures of a lesson as files: deterministic JSON, with as many digits as a drawing can show."""

import math
from pathlib import Path
from typing import Any

import msgspec

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.pictures import Picture

DIGITS = 6  # significant ones, that are kept of a number


def pictures_path(folder: Path) -> Path:
    """The file with the functions that compute the pictures of the lesson in this folder."""
    return folder / "pictures.py"


def picture_path(folder: Path, name: str) -> Path:
    """Where the picture of this name is kept."""
    return folder / "pictures" / f"{name}.json"


def encode_picture(picture: Picture) -> bytes:
    """What stands in the file of a picture. ValueError where a number of it is not finite."""
    return msgspec.json.format(msgspec.json.encode(_rounded(msgspec.to_builtins(picture))), indent=1) + b"\n"


def load_picture(folder: Path, name: str) -> Picture:
    """The picture of that name, `folder` being the lesson's. UsageError where there is none, or its file is spoilt."""
    path = picture_path(folder, name)
    try:
        picture: Picture = msgspec.json.decode(path.read_bytes(), type=Picture)
    except OSError as error:
        why = "there is no such picture" if isinstance(error, FileNotFoundError) else error.strerror
        raise UsageError(f"{shown(path)}: {why}; grade check --update makes the pictures of lessons.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{shown(path)}: this is no picture: {error}. grade check --update makes it anew.") from None
    return picture


def _rounded(value: Any) -> Any:
    match value:
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list() | tuple():
            return [_rounded(each) for each in value]
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} is no number that can be drawn")
            return float(f"{value:.{DIGITS}g}")
    return value
