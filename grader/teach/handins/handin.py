"""What a class handed in: one file of one student, or of a group, for one exercise or quiz."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Literal

import msgspec


class Student(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who handed something in, or whom the roster lists."""

    id: str  # distinct within a class: the learning platform's number, else the name of the folder
    name: str | None = None
    email: str | None = None
    login: str | None = None  # the university's user name


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tells which of a student's files for one item counts, beside the times of the learning platform."""

    mapped: bool = False  # the instructor says that it is for this item
    archive: tuple[str, int] = ("", 0)  # the archive around it, and how often that was handed in again: `work-1.zip`
    tree: str = ""  # the folder or archive of the class that it lies in
    in_place: bool = False  # where the course has the file: exercises/ID/ID.py
    depth: int = 0  # how many folders and archives lie around it
    number: int = 0  # how often the file was handed in again: `moe_router-1.py`
    changed: datetime | None = None  # when the file was last changed, where that says something


@dataclass(frozen=True)
class Handin:
    """One file. Its bytes are read when they are needed: a class may be larger than memory."""

    students: tuple[Student, ...]  # several: handed in as a group
    item: str  # an exercise's id, or a lesson's slug
    kind: Literal["exercise", "quiz"]
    file: str  # as it was found, for people: "submissions.zip/ada/moe_router.py"
    read: Callable[[], bytes]  # UsageError if it cannot be read: too large, a link, a broken archive
    time: datetime | None = None  # when it was handed in, with a time zone; None where nothing says so
    late: bool | None = None  # what the learning platform says; None where it says nothing
    evidence: Evidence = Evidence()
    version: int = 1  # its place among the versions of these students for the item, in the order of their times
    superseded: bool = False  # there is a later version

    @property
    def plain_name(self) -> str:
        """The name of the file in a result, the same for all: those who handed in the same share it."""
        return f"{self.item}{PurePath(self.file).suffix.lower()}"


class Kind(StrEnum):
    """What sort of file is not graded; what an instructor should look at first comes first."""

    UNREAD = "unread"  # a broken archive, a link, a form that is none
    COPY = "copy"  # another file of the student's for the same item, which differs, is graded
    UNRECOGNISED = "unrecognised"  # named for nothing that is graded
    UNASKED = "unasked"  # for another exercise than was asked for
    EARLIER = "earlier"  # an old version, an untouched stub beside another file, or the same as what is graded
    NOISE = "noise"  # left behind by a program, or handed out with the course


class Ignored(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not graded, and why, in a few words. What a group handed in is there once for each member."""

    file: str  # as it was found
    why: str
    kind: Kind = Kind.UNRECOGNISED
    student: Student | None = None  # None: nothing tells whose it is


@dataclass(frozen=True)
class Found:
    """What a folder or an archive of submissions was taken for, and what was found in it."""

    layout: str  # "canvas", "moodle", ...
    handins: list[Handin]  # every version that may count
    ignored: list[Ignored] = field(default_factory=list)
    others: list[Handin] = field(default_factory=list)  # for exercises that were not asked for; it may be imported
    unmatched: list[Student] = field(default_factory=list)  # who handed in, and is not on the roster
    missing: list[Student] = field(default_factory=list)  # who is on the roster, and handed nothing in
    not_found: list[str] = field(default_factory=list)  # files that the instructor's map names

    def students(self) -> list[Student]:
        """All who handed something in, those of whom nothing is graded included, each once."""
        graded = {each.id: each for handin in self.handins for each in handin.students}
        others = {each.student.id: each.student for each in self.ignored if each.student}
        return list((others | graded).values())
