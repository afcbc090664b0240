"""Moodle's zip of an assignment: `Ada Lovelace_657693_assignsubmission_file_/moe_router.py`, or flat: no `/`."""

import re

from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.items import Known
from grader.teach.handins.layouts.piece import Layout, Piece, Pieces, student_id
from grader.teach.handins.tree import Tree

_PART = re.compile(r"(?:(?P<name>.*)_)?(?P<id>\d+)_assignsubmission_(?P<plugin>[a-z]+)_(?P<file>.*)", re.ASCII)
_BLIND = "Participant"


def _claims(tree: Tree, known: Known) -> str | None:
    return next((entry.file for entry in tree.entries if _PART.fullmatch(entry.path[0])), None)


def _pieces(tree: Tree, known: Known) -> Pieces:
    for entry in tree.entries:
        match = _PART.fullmatch(entry.path[0])
        if match is None:
            yield Ignored(file=entry.file, why="not named as Moodle names submissions")
            continue
        name = " ".join((match["name"] or "").replace("_", " ").split())
        student = Student(id=match["id"], name=student_id(name) if name and name != _BLIND else None)
        if match["plugin"] == "onlinetext":
            yield Ignored(file=entry.file, why="typed into Moodle, not a file", student=student)
        elif match["plugin"] != "file":
            yield Ignored(file=entry.file, why="not a file of a submission")
        else:
            yield Piece((student,), entry, entry.name if len(entry.path) > 1 else match["file"])


LAYOUT = Layout("moodle", _claims, _pieces)
