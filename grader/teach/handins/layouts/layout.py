"""The types and helpers that all layouts share."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grader.engine.submission.files import visible
from grader.teach.handins.file_names import ItemRef, NameParser
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.tree import Tree, TreeEntry

OUTSIDE = "outside the students' folders"

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?\s*(\S.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class OwnedFile:
    """A file of one student, or of a group."""

    students: tuple[Student, ...]
    entry: TreeEntry
    name: str  # as the student named it
    time: datetime | None = None
    late: bool | None = None
    item: ItemRef | None = None  # None: to be parsed from the name
    mapped: bool = False  # the item is from the file map
    archive: "OwnedFile | None" = None  # the student's archive that contains it


OwnedFiles = Iterator[OwnedFile | Ignored]


@dataclass(frozen=True)
class Layout:
    """One way to lay out submissions."""

    name: str
    detect: Callable[[Tree, NameParser], str | None]  # returns a file that shows this layout
    files: Callable[[Tree, NameParser], OwnedFiles]


def student_id(name: str) -> str:
    """Return a folder's name, or part of a file's name, as a student's id: printable, and the same on any system."""
    return visible(unicodedata.normalize("NFC", name).strip())


def parse_time(text: str) -> datetime | None:
    """Parse a time such as `2015-02-02 14:58:23.948203 America/Los_Angeles`, `... Z` or `... +01:00`.

    Without a zone it is in UTC. Return None if the text is not a time or the zone is unknown.
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
