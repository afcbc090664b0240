"""The layout with a folder or an archive for each student: `ada/rope.py`, `bob/exercises/rope/rope.py`, `eve.zip`."""

import re

from grader.teach.handins.archive import archive_stem, is_archive, is_unsupported_archive
from grader.teach.handins.file_names import NameParser
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.layouts import canvas
from grader.teach.handins.layouts.layout import OUTSIDE, Layout, OwnedFile, OwnedFiles, student_id
from grader.teach.handins.tree import Tree, TreeEntry

_BRANCH = re.compile("-(main|master)$")
EXERCISES = "exercises"  # the course's folder of exercises


def student_of(entry: TreeEntry, parser: NameParser) -> str | None:
    """Return the name of the student's folder or archive; None for a file outside of them."""
    first = entry.path[0]
    if len(entry.path) == 1:
        return archive_stem(first) if is_archive(first) or is_unsupported_archive(first) else None
    return None if is_course_folder(first, parser) else first


def is_course_folder(folder: str, parser: NameParser) -> bool:
    """Return whether a folder's name is from the course: `exercises`, or the id of an exercise."""
    return folder.lower() == EXERCISES or folder.lower() in parser.exercises


def _detect(tree: Tree, parser: NameParser) -> str | None:
    for entry in tree.entries:
        if (
            parser.is_candidate(entry.name)
            and student_of(entry, parser) is not None
            and not canvas.is_canvas(entry.path[0])
        ):
            return entry.file
    return None


def _files(tree: Tree, parser: NameParser) -> OwnedFiles:
    for entry in tree.entries:
        student = student_of(entry, parser)
        if student is None:
            yield Ignored(file=entry.file, why=OUTSIDE)
        else:
            yield OwnedFile((Student(id=student_id(_login(student, entry, parser))),), entry, entry.name)


def _login(name: str, entry: TreeEntry, parser: NameParser) -> str:
    """Return the student's login in a name; GitHub's archive of the repository `week-3-ada` is week-3-ada-main.zip."""
    if not parser.prefix or not name.startswith(parser.prefix):
        return name
    return _BRANCH.sub("", name[len(parser.prefix) :]) if len(entry.path) == 1 else name[len(parser.prefix) :]


LAYOUT = Layout("folder", _detect, _files)
