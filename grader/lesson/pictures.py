"""The pictures of a lesson: data that `grade check` computed, in files of their own."""

from pathlib import Path

import msgspec

from grader.course.document import shown
from grader.errors import UsageError
from grader.picture import Picture


def load_picture(folder: Path, name: str) -> Picture:
    """The picture of that name, `folder` being the lesson's. UsageError where there is none, or its file is spoilt."""
    path = folder / "pictures" / f"{name}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Picture)  # type: ignore[no-any-return]
    except OSError as error:
        why = "there is no such picture" if isinstance(error, FileNotFoundError) else error.strerror
        raise UsageError(f"{shown(path)}: {why}; grade check --update makes the pictures of lessons.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{shown(path)}: this is no picture: {error}. grade check --update makes it anew.") from None
