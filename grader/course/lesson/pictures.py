"""The files of a lesson's pictures: deterministic JSON, with as many digits as a drawing can show."""

import math
from pathlib import Path
from typing import Any

import msgspec

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.pictures import Picture

DIGITS = 6  # significant digits of a number


def pictures_path(folder: Path) -> Path:
    """Return the path of the script that computes the pictures of the lesson in a folder."""
    return folder / "pictures.py"


def picture_path(folder: Path, name: str) -> Path:
    """Return the path of a picture of the lesson in a folder."""
    return folder / "pictures" / f"{name}.json"


def encode_picture(picture: Picture) -> bytes:
    """Return the content of the file of a picture. Raise ValueError if a number is not finite."""
    return msgspec.json.format(msgspec.json.encode(_rounded(msgspec.to_builtins(picture))), indent=1) + b"\n"


def load_picture(folder: Path, name: str) -> Picture:
    """Return a picture of the lesson in a folder. Raise UsageError if it is missing or malformed."""
    path = picture_path(folder, name)
    try:
        picture: Picture = msgspec.json.decode(path.read_bytes(), type=Picture)
    except OSError as error:
        why = "there is no such picture" if isinstance(error, FileNotFoundError) else error.strerror
        raise UsageError(f"{shown(path)}: {why}; grade check --update makes the pictures of lessons.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{shown(path)}: this is not a picture: {error}. grade check --update makes it again."
        ) from None
    return picture


def _rounded(value: Any) -> Any:
    match value:
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list() | tuple():
            return [_rounded(each) for each in value]
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} cannot be drawn")
            return float(f"{value:.{DIGITS}g}")
    return value
