"""The hand-ins of a class: files of students, or of groups, each for one exercise or quiz."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Literal

import msgspec


class Student(msgspec.Struct, frozen=True, kw_only=True):
    """A student who handed something in or is on the roster."""

    id: str
    """The learning platform's number, or the folder's name."""
    name: str | None = None
    email: str | None = None
    login: str | None = None
    """University user name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What decides which of a student's files for one item counts, besides the learning platform's times."""

    mapped: bool = False  # the file map assigns it to this item
    archive: tuple[str, int] = ("", 0)  # name and resubmission number of the archive around it: `work-1.zip`
    tree: str = ""  # the folder or archive of the class that contains it
    in_place: bool = False  # where the course has the file: exercises/ID/ID.py
    depth: int = 0  # number of folders and archives around it
    number: int = 0  # resubmission number in the file's name: `moe_router-1.py`
    changed: datetime | None = None  # modification time, where it is meaningful


@dataclass(frozen=True)
class Handin:
    """A file that was handed in. Its bytes are read on demand: a class may be larger than memory."""

    students: tuple[Student, ...]  # several: handed in as a group
    item: str  # an exercise's id, or a lesson's slug
    kind: Literal["exercise", "quiz"]
    file: str  # as it was found, for display: "submissions.zip/ada/moe_router.py"
    read: Callable[[], bytes]  # raises UsageError if the file is too large, a link, or in a broken archive
    time: datetime | None = None  # when it was handed in, with a time zone; None if unknown
    late: bool | None = None  # what the learning platform says; None if it says nothing
    evidence: Evidence = Evidence()
    version: int = 1  # from 1, in the order in which these students handed in versions for the item
    superseded: bool = False  # there is a later version

    @property
    def plain_name(self) -> str:
        """The file name used in results: it depends on the item only, so equal files have equal results."""
        return f"{self.item}{PurePath(self.file).suffix.lower()}"


class IgnoredKind(StrEnum):
    """The category of a file that is not graded, most important first."""

    UNREAD = "unread"
    """A broken archive, a link, or an invalid form."""
    COPY = "copy"
    """Differs from the file that is graded for the same item."""
    UNRECOGNISED = "unrecognised"
    """Its name matches nothing that is graded."""
    UNASKED = "unasked"
    """For an exercise that the run does not grade."""
    EARLIER = "earlier"
    """An old version, a duplicate, or an untouched stub beside another file."""
    NOISE = "noise"
    """Created by a program, or distributed with the course; not listed."""


class Ignored(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not graded, and the reason. A group's file appears once for each member."""

    file: str  # as it was found
    why: str
    kind: IgnoredKind = IgnoredKind.UNRECOGNISED
    student: Student | None = None  # None: the owner is unknown


@dataclass(frozen=True)
class Found:
    """The result of a search for hand-ins."""

    layout: str  # the detected layouts: "canvas", "moodle", ...
    handins: list[Handin]  # every version that may count
    ignored: list[Ignored] = field(default_factory=list)
    unrequested: list[Handin] = field(default_factory=list)  # for other exercises; hand-ins may import them
    unmatched: list[Student] = field(default_factory=list)  # handed in, but are not on the roster
    missing: list[Student] = field(default_factory=list)  # on the roster, but handed nothing in
    not_found: list[str] = field(default_factory=list)  # rows of the file map that match no file

    def students(self) -> list[Student]:
        """Return everybody who handed something in, including those with nothing to grade, each once."""
        graded = {each.id: each for handin in self.handins for each in handin.students}
        ignored = {each.student.id: each.student for each in self.ignored if each.student}
        return list((ignored | graded).values())
