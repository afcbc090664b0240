"""What a class handed in: one file of one student, or of a group, for one exercise or quiz."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec


class Student(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who handed something in, or whom the roster lists."""

    id: str  # distinct within a class: the learning platform's number, else the name of the folder
    name: str | None = None
    email: str | None = None
    login: str | None = None  # the university's user name


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


class Kind(StrEnum):
    """What sort of file is not graded; what an instructor should look at first comes first."""

    UNREAD = "unread"  # a broken archive, a link, a form that is none
    UNRECOGNISED = "unrecognised"  # named for nothing that is graded
    UNASKED = "unasked"  # for another exercise than was asked for
    EARLIER = "earlier"  # another version of it is graded
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
    handins: list[Handin]
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
