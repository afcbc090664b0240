"""A folder or an archive for each student: `ada/moe_router.py`, `bob/exercises/moe_router/moe_router.py`, `eve.zip`."""

import re

from grader.teach.handins.archive import is_archive, is_other_archive, stem_of
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.items import Known
from grader.teach.handins.layouts import canvas
from grader.teach.handins.layouts.piece import OUTSIDE, Layout, Piece, Pieces, student_id
from grader.teach.handins.tree import Entry, Tree

_BRANCH = re.compile("-(main|master)$")
EXERCISES = "exercises"  # the folder of a course that holds them


def student_of(entry: Entry, known: Known) -> str | None:
    """The name of the student's folder, or the student's archive; None for a file outside of them."""
    first = entry.path[0]
    if len(entry.path) == 1:
        return stem_of(first) if is_archive(first) or is_other_archive(first) else None
    return None if is_courses_own(first, known) else first


def is_courses_own(folder: str, known: Known) -> bool:
    """Whether a folder has its name from the course, and not from a student."""
    return folder.lower() == EXERCISES or folder.lower() in known.exercises


def _claims(tree: Tree, known: Known) -> str | None:
    for entry in tree.entries:
        if known.wanted(entry.name) and student_of(entry, known) is not None and not canvas.is_canvas(entry.path[0]):
            return entry.file
    return None


def _pieces(tree: Tree, known: Known) -> Pieces:
    for entry in tree.entries:
        student = student_of(entry, known)
        if student is None:
            yield Ignored(file=entry.file, why=OUTSIDE)
        else:
            yield Piece((Student(id=student_id(_login(student, entry, known))),), entry, entry.name)


def _login(name: str, entry: Entry, known: Known) -> str:
    """The student's own part of the name; GitHub's archive of the repository `week-3-ada` is week-3-ada-main.zip."""
    if not known.prefix or not name.startswith(known.prefix):
        return name
    return _BRANCH.sub("", name[len(known.prefix) :]) if len(entry.path) == 1 else name[len(known.prefix) :]


LAYOUT = Layout("folder", _claims, _pieces)
