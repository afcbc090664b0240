"""The layout of nbgrader's exchange: `submitted/ada/ps1/moe_router.ipynb` beside a `timestamp.txt`."""

from datetime import datetime

from grader.base.errors import UsageError
from grader.teach.handins.file_names import NameParser
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.layouts.layout import Layout, OwnedFile, OwnedFiles, parse_time, student_id
from grader.teach.handins.tree import Parts, Tree, TreeEntry, unreadable_file

SUBMITTED = "submitted"
TIMESTAMP = "timestamp.txt"
_TIME_LIMIT = 1000  # bytes of a timestamp.txt


def _below(entry: TreeEntry) -> Parts:
    """Return the path below the folder of all students."""
    return entry.path[1:] if entry.path[0] == SUBMITTED else entry.path


def _detect(tree: Tree, parser: NameParser) -> str | None:
    for entry in tree.entries:
        if len(_below(entry)) == 3 and (entry.name == TIMESTAMP or (len(entry.path) == 4 and parser.item(entry.name))):
            return entry.file
    return None


def _files(tree: Tree, parser: NameParser) -> OwnedFiles:
    submitted = any(entry.path[0] == SUBMITTED for entry in tree.entries)
    times = {}
    for entry in tree.entries:
        if entry.name == TIMESTAMP and len(_below(entry)) == 3:
            times[entry.path[:-1]] = _time(entry)
            if times[entry.path[:-1]] is None:
                student = Student(id=student_id(_below(entry)[0]))
                yield unreadable_file(entry.file, "not a time, or in an unknown time zone", student)
    for entry in tree.entries:
        below = _below(entry)
        if len(below) < 3 or (submitted and entry.path[0] != SUBMITTED):
            yield Ignored(file=entry.file, why=f"outside {SUBMITTED}/STUDENT/ASSIGNMENT/")
        elif not (entry.name == TIMESTAMP and len(below) == 3):
            folder = entry.path[: len(entry.path) - len(below) + 2]
            yield OwnedFile((Student(id=student_id(below[0])),), entry, entry.name, times.get(folder))


def _time(timestamp: TreeEntry) -> datetime | None:
    """Return the time in a timestamp.txt, or None: students may replace the file."""
    try:
        return parse_time(timestamp.read(_TIME_LIMIT).decode("utf-8", "replace"))
    except UsageError:
        return None


LAYOUT = Layout("nbgrader", _detect, _files)
