"""All files in one folder, a student in each name: `ada_moe_router.py`, `moe_router-ada.py`, `ada_quiz-moe.yaml`."""

from dataclasses import replace

from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.items import Item, Known, is_code, without_number
from grader.teach.handins.layouts import canvas
from grader.teach.handins.layouts.piece import Layout, Piece, Pieces, student_id
from grader.teach.handins.tree import Tree, unread


def _claims(tree: Tree, known: Known) -> str | None:
    for entry in tree.entries:
        if len(entry.path) == 1 and not canvas.is_canvas(entry.name) and _whose(entry.name, known):
            return entry.file
    return None


def _pieces(tree: Tree, known: Known) -> Pieces:
    ids = {_stem(entry.name) for entry in tree.entries}
    for entry in tree.entries:
        if len(entry.path) > 1:
            yield Ignored(file=entry.file, why="lies in a folder, beside the students' files")
            continue
        whose = _whose(entry.name, known)
        if not whose:
            yield Ignored(file=entry.file, why="its name holds no student, or no exercise")
            continue
        if len(whose) > 1:
            readings = " or ".join(f"{student_id(student)}'s {item.id}" for student, item in whose)
            yield unread(entry.file, f"may be {readings}; put it into a folder named for the student")
            continue
        ((student, item),) = whose
        student, item = _again(student, item, _stem(entry.name), ids)
        yield Piece((Student(id=student_id(student)),), entry, entry.name, item=item)


def _whose(name: str, known: Known) -> list[tuple[str, Item]]:
    found = known.whose(name)
    if not found and known.single is not None and is_code(name) and known.item(name) is None:
        return [(_stem(name), Item("exercise", known.single))]
    return found


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _again(student: str, item: Item, stem: str, stems: set[str]) -> tuple[str, Item]:
    """`rope-ada-1` is ada's second one if there is a `rope-ada`, and otherwise that of a student `ada-1`."""
    if item.number or not stem.endswith(student):
        return student, item
    shorter, number, bracket = without_number(student)
    if number and (bracket or stem.removesuffix(student) + shorter in stems):
        return shorter, replace(item, number=number)
    return student, item


LAYOUT = Layout("flat", _claims, _pieces)
