"""nbgrader's exchange: `submitted/ada/ps1/moe_router.ipynb` beside a `timestamp.txt`."""

from datetime import datetime

from grader.base.errors import UsageError
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.items import Known
from grader.teach.handins.layouts.piece import Layout, Piece, Pieces, moment_of, student_id
from grader.teach.handins.tree import Entry, Parts, Tree, unread

SUBMITTED = "submitted"
TIMESTAMP = "timestamp.txt"
_TIME_LIMIT = 1000  # bytes of a timestamp.txt


def _below(entry: Entry) -> Parts:
    """The path from the folder of the students."""
    return entry.path[1:] if entry.path[0] == SUBMITTED else entry.path


def _claims(tree: Tree, known: Known) -> str | None:
    for entry in tree.entries:
        if len(_below(entry)) == 3 and (entry.name == TIMESTAMP or (len(entry.path) == 4 and known.item(entry.name))):
            return entry.file
    return None


def _pieces(tree: Tree, known: Known) -> Pieces:
    submitted = any(entry.path[0] == SUBMITTED for entry in tree.entries)
    times = {}
    for entry in tree.entries:
        if entry.name == TIMESTAMP and len(_below(entry)) == 3:
            times[entry.path[:-1]] = _time(entry)
            if times[entry.path[:-1]] is None:
                student = Student(id=student_id(_below(entry)[0]))
                yield unread(entry.file, "no time, or of a zone that is not known", student)
    for entry in tree.entries:
        below = _below(entry)
        if len(below) < 3 or (submitted and entry.path[0] != SUBMITTED):
            yield Ignored(file=entry.file, why=f"lies outside {SUBMITTED}/STUDENT/ASSIGNMENT/")
        elif not (entry.name == TIMESTAMP and len(below) == 3):
            folder = entry.path[: len(entry.path) - len(below) + 2]
            yield Piece((Student(id=student_id(below[0])),), entry, entry.name, times.get(folder))


def _time(timestamp: Entry) -> datetime | None:
    """The time in a timestamp.txt; None where there is none, and where a student put something else in its place."""
    try:
        return moment_of(timestamp.read(_TIME_LIMIT).decode("utf-8", "replace"))
    except UsageError:
        return None


LAYOUT = Layout("nbgrader", _claims, _pieces)
