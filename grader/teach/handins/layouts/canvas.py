"""The layout of Canvas' submissions.zip: `lovelaceada_LATE_12345_67890_moe_router.py`, all in one folder."""

import re

from grader.teach.handins.file_names import NameParser, is_code
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.layouts.layout import Layout, OwnedFile, OwnedFiles, student_id
from grader.teach.handins.tree import Tree

_NAME = r"(?P<name>(?!LATE_)[\w\x80-\U0010ffff]+?)"  # Canvas is in Ruby, whose \w includes combining accents
_HEAD = rf"(?:{_NAME}_)?(?:(?P<late>LATE)_)?(?P<user>\d+|anon_[A-Za-z0-9]+)_"
_FILE = re.compile(rf"{_HEAD}(?P<attachment>\d+)_(?P<file>.+)")
_TYPED = re.compile(rf"{_HEAD}(?P<kind>text|link)\.html")


def is_canvas(name: str) -> bool:
    """Return whether a file is named the way Canvas names submissions."""
    return bool(_FILE.fullmatch(name) or _TYPED.fullmatch(name))


def _detect(tree: Tree, parser: NameParser) -> str | None:
    for entry in tree.entries:
        if len(entry.path) == 1 and (match := _FILE.fullmatch(entry.name)):
            if parser.is_candidate(match["file"]) or is_code(match["file"]):
                return entry.file
        elif len(entry.path) == 1 and _TYPED.fullmatch(entry.name):
            return entry.file
    return None


def _files(tree: Tree, parser: NameParser) -> OwnedFiles:
    for entry in tree.entries:
        match = _FILE.fullmatch(entry.name) if len(entry.path) == 1 else None
        typed = _TYPED.fullmatch(entry.name)
        if match is not None:
            yield OwnedFile((_student(match),), entry, match["file"], late=match["late"] is not None)
        elif typed is not None:
            yield Ignored(file=entry.file, why="typed into Canvas, not a file", student=_student(typed))
        else:
            yield Ignored(file=entry.file, why="not named the way Canvas names submissions")


def _student(match: re.Match[str]) -> Student:
    return Student(id=match["user"], name=student_id(match["name"]) if match["name"] else None)


LAYOUT = Layout("canvas", _detect, _files)
