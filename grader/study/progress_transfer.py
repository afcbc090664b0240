"""Exports and imports a student's progress as a file, to move it to another machine.

The file has a line with the salt of the quizzes, then one JSON line for each event, as the progress itself.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from grader.base.errors import UsageError
from grader.base.files import reading, write_bytes, writing
from grader.course.progress import SALT_FILE, Event, Progress


class SaltLine(msgspec.Struct, frozen=True, tag_field="event", tag="salt"):
    """The first line of the file: the salt from which quizzes are drawn."""

    salt: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,64}\Z")]


def export_progress(out: Path, progress: Progress) -> None:
    """Write the progress to a new file. Raise UsageError if there is no progress, or the file exists."""
    if not progress.events:
        raise UsageError("There is no progress here yet, so there is nothing to export.")
    salt = _salt(progress)
    head = [msgspec.json.encode(SaltLine(salt))] if salt else []
    with writing(out):
        try:
            with out.open("xb") as file:
                file.write(b"\n".join([*head, *_lines(progress.file), b""]))
        except FileExistsError:
            raise UsageError(f"{out} exists already and is not overwritten; name another file.") from None


def import_progress(source: Path, progress: Progress) -> int:
    """Append the missing events of an exported file, and return their number.

    Raises UsageError if the file is not an export, or if both histories have diverged: their quizzes would be mixed up.
    """
    salt, events = _decode(_lines(source))
    if not events:
        raise UsageError(f"{source} contains no progress; create such a file with grade progress --export FILE.")
    known = set(_decode(_lines(progress.file))[1])
    new = [line for line in events if line not in known]
    if new and not known <= set(events):
        raise UsageError(
            f"{source} and the progress here have diverged and cannot be merged; to use the file instead, "
            f"first move {progress.file} away."
        )
    with writing(progress.file):
        if salt and not known:
            write_bytes(progress.file.parent / SALT_FILE, f"{salt}\n".encode("ascii"))
        if new:
            progress.append(b"\n".join(new) + b"\n")
    return len(new)


def _decode(lines: list[bytes]) -> tuple[str | None, list[bytes]]:
    """Return the salt and the lines of events. Skip malformed lines, and events of other versions."""
    decoder = msgspec.json.Decoder(Event | SaltLine)
    salt, events = None, []
    for line in lines:
        try:
            found = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(found, SaltLine):
            salt = found.salt
        else:
            events.append(line)
    return salt, events


def _lines(path: Path) -> list[bytes]:
    """Return the lines of a file, none if it is missing."""
    if not path.exists():
        return []
    with reading(path):
        return [line for line in path.read_bytes().split(b"\n") if line]


def _salt(progress: Progress) -> str:
    path = progress.file.parent / SALT_FILE
    return path.read_text("ascii", "replace").strip() if path.is_file() else ""
