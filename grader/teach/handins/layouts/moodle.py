"""The layout of Moodle's zip: `Ada Lovelace_657693_assignsubmission_file_/moe_router.py`, or flat, without the `/`."""

import re

from grader.teach.handins.file_names import NameParser
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.layouts.layout import Layout, OwnedFile, OwnedFiles, student_id
from grader.teach.handins.tree import Tree

_PART = re.compile(r"(?:(?P<name>.*)_)?(?P<id>\d+)_assignsubmission_(?P<plugin>[a-z]+)_(?P<file>.*)", re.ASCII)
_BLIND = "Participant"


def _detect(tree: Tree, parser: NameParser) -> str | None:
    return next((entry.file for entry in tree.entries if _PART.fullmatch(entry.path[0])), None)


def _files(tree: Tree, parser: NameParser) -> OwnedFiles:
    for entry in tree.entries:
        match = _PART.fullmatch(entry.path[0])
        if match is None:
            yield Ignored(file=entry.file, why="not named the way Moodle names submissions")
            continue
        name = " ".join((match["name"] or "").replace("_", " ").split())
        student = Student(id=match["id"], name=student_id(name) if name and name != _BLIND else None)
        if match["plugin"] == "onlinetext":
            yield Ignored(file=entry.file, why="typed into Moodle, not a file", student=student)
        elif match["plugin"] != "file":
            yield Ignored(file=entry.file, why="not a submitted file")
        else:
            yield OwnedFile((student,), entry, entry.name if len(entry.path) > 1 else match["file"])


LAYOUT = Layout("moodle", _detect, _files)
