"""A student's progress taken from one machine to another, as a file.

It is the progress as it is kept, one JSON line for each event, after a line with what the quizzes are drawn by.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from grader.base.errors import UsageError
from grader.base.files import reading, write_bytes, writing
from grader.course.progress import SALT_FILE, Event, Progress


class Salt(msgspec.Struct, frozen=True, tag_field="event", tag="salt"):
    """The first line: what makes one student's quizzes differ from another's."""

    salt: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,64}\Z")]


def export_to(out: Path, progress: Progress) -> None:
    """Writes the progress to a new file. UsageError where there is none, or the file cannot be written."""
    if not progress.events:
        raise UsageError("There is no progress here yet, and nothing to export.")
    salt = _salt(progress)
    head = [msgspec.json.encode(Salt(salt))] if salt else []
    with writing(out):
        try:
            with out.open("xb") as file:
                file.write(b"\n".join([*head, *_lines(progress.file), b""]))
        except FileExistsError:
            raise UsageError(f"{out} is there already, and nothing is overwritten; name another file.") from None


def import_from(source: Path, progress: Progress) -> int:
    """Adds the events of such a file that are not here yet, and returns how many.

    UsageError where the file is none, and where both went on without the other: their quizzes would be mixed up.
    """
    salt, events = _decoded(_lines(source))
    if not events:
        raise UsageError(f"{source} holds no progress; it is made by grade progress --export FILE.")
    mine = set(_decoded(_lines(progress.file))[1])
    new = [line for line in events if line not in mine]
    if new and not mine <= set(events):
        raise UsageError(
            f"{source} and the progress here have both gone on, and cannot be one; to have only that of the file, "
            f"first move {progress.file} away."
        )
    with writing(progress.file):
        if salt and not mine:
            write_bytes(progress.file.parent / SALT_FILE, f"{salt}\n".encode("ascii"))
        if new:
            progress.append(b"\n".join(new) + b"\n")
    return len(new)


def _decoded(lines: list[bytes]) -> tuple[str | None, list[bytes]]:
    """The salt, and the lines of events. Those of another version are passed over."""
    decoder = msgspec.json.Decoder(Event | Salt)
    salt, events = None, []
    for line in lines:
        try:
            found = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(found, Salt):
            salt = found.salt
        else:
            events.append(line)
    return salt, events


def _lines(path: Path) -> list[bytes]:
    """The lines of a file; none where there is none."""
    with reading(path):
        try:
            return [line for line in path.read_bytes().split(b"\n") if line]
        except FileNotFoundError:
            return []


def _salt(progress: Progress) -> str:
    path = progress.file.parent / SALT_FILE
    return path.read_text("ascii", "replace").strip() if path.is_file() else ""
