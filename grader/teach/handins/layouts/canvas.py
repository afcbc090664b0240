"""Canvas' submissions.zip: `lovelaceada_LATE_12345_67890_moe_router.py`, all in one folder."""

import re

from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.items import Known, is_code
from grader.teach.handins.layouts.piece import Layout, Piece, Pieces, student_id
from grader.teach.handins.tree import Tree

_NAME = r"(?P<name>(?!LATE_)[\w\x80-\U0010ffff]+?)"  # Ruby's word characters have more accents than Python's
_HEAD = rf"(?:{_NAME}_)?(?:(?P<late>LATE)_)?(?P<user>\d+|anon_[A-Za-z0-9]+)_"
_FILE = re.compile(rf"{_HEAD}(?P<attachment>\d+)_(?P<file>.+)")
_TYPED = re.compile(rf"{_HEAD}(?P<kind>text|link)\.html")


def is_canvas(name: str) -> bool:
    """Whether a file is named as Canvas names it."""
    return bool(_FILE.fullmatch(name) or _TYPED.fullmatch(name))


def _claims(tree: Tree, known: Known) -> str | None:
    for entry in tree.entries:
        if len(entry.path) == 1 and (match := _FILE.fullmatch(entry.name)):
            if known.wanted(match["file"]) or is_code(match["file"]):
                return entry.file
        elif len(entry.path) == 1 and _TYPED.fullmatch(entry.name):
            return entry.file
    return None


def _pieces(tree: Tree, known: Known) -> Pieces:
    for entry in tree.entries:
        match = _FILE.fullmatch(entry.name) if len(entry.path) == 1 else None
        typed = _TYPED.fullmatch(entry.name)
        if match is not None:
            yield Piece((_student(match),), entry, match["file"], late=match["late"] is not None)
        elif typed is not None:
            yield Ignored(file=entry.file, why="typed into Canvas, not a file", student=_student(typed))
        else:
            yield Ignored(file=entry.file, why="not named as Canvas names submissions")


def _student(match: re.Match[str]) -> Student:
    return Student(id=match["user"], name=student_id(match["name"]) if match["name"] else None)


LAYOUT = Layout("canvas", _claims, _pieces)
