"""What all layouts yield, and the small things that several of them need."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grader.engine.submission.files import visible
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.items import Item, Known
from grader.teach.handins.tree import Entry, Tree

OUTSIDE = "lies outside the students' folders"

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?\s*(\S.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of one student, or of a group."""

    students: tuple[Student, ...]
    entry: Entry
    name: str  # the file's, as the student gave it
    time: datetime | None = None
    late: bool | None = None
    item: Item | None = None  # where the layout knows it: else it is read off the name
    mapped: bool = False  # the instructor says what it is for
    archive: "Piece | None" = None  # that it lies in, which the student handed in


Pieces = Iterator[Piece | Ignored]


@dataclass(frozen=True)
class Layout:
    """One way to lay submissions out."""

    name: str
    claims: Callable[[Tree, Known], str | None]  # a file by which a tree is seen to be laid out so
    pieces: Callable[[Tree, Known], Pieces]


def student_id(name: str) -> str:
    """The name of a folder, or a part of a file's name, as a student's id: valid, and the same from any system."""
    return visible(unicodedata.normalize("NFC", name).strip())


def moment_of(text: str) -> datetime | None:
    """A time as programs write it: `2015-02-02 14:58:23.948203 America/Los_Angeles`, `... Z`, `... +01:00`.

    Without a zone it is taken as UTC. None where it is no time, or of a zone that is not known.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    day, time, fraction, zone = match.groups()
    try:
        naive = f"{day}T{time}.{(fraction or '').ljust(6, '0')}"
        if zone is None or zone in ("Z", "UTC"):
            return datetime.fromisoformat(naive).replace(tzinfo=UTC)
        if zone[0] in "+-":
            return datetime.fromisoformat(naive + zone)
        return datetime.fromisoformat(naive).replace(tzinfo=ZoneInfo(zone))
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None
