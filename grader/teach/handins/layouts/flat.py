"""The layout with all files in one folder: `ada_moe_router.py`, `moe_router-ada.py`, `ada_quiz-moe.yaml`."""

from dataclasses import replace

from grader.teach.handins.file_names import ItemRef, NameParser, is_code, split_number
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.layouts import canvas
from grader.teach.handins.layouts.layout import Layout, OwnedFile, OwnedFiles, student_id
from grader.teach.handins.tree import Tree, unreadable_file


def _detect(tree: Tree, parser: NameParser) -> str | None:
    for entry in tree.entries:
        if len(entry.path) == 1 and not canvas.is_canvas(entry.name) and _readings(entry.name, parser):
            return entry.file
    return None


def _files(tree: Tree, parser: NameParser) -> OwnedFiles:
    stems = {_stem(entry.name) for entry in tree.entries}
    for entry in tree.entries:
        if len(entry.path) > 1:
            yield Ignored(file=entry.file, why="in a folder beside the students' files")
            continue
        readings = _readings(entry.name, parser)
        if not readings:
            yield Ignored(file=entry.file, why="its name contains no student or no exercise")
            continue
        if len(readings) > 1:
            either = " or ".join(f"{student_id(student)}'s {item.id}" for student, item in readings)
            yield unreadable_file(entry.file, f"may be {either}; put it into a folder named after the student")
            continue
        ((student, item),) = readings
        student, item = _split_number(student, item, _stem(entry.name), stems)
        yield OwnedFile((Student(id=student_id(student)),), entry, entry.name, item=item)


def _readings(name: str, parser: NameParser) -> list[tuple[str, ItemRef]]:
    found = parser.student_and_item(name)
    if not found and parser.only_exercise is not None and is_code(name) and parser.item(name) is None:
        return [(_stem(name), ItemRef("exercise", parser.only_exercise))]
    return found


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _split_number(student: str, item: ItemRef, stem: str, stems: set[str]) -> tuple[str, ItemRef]:
    """Split a resubmission number off the student.

    `rope-ada-1` is ada's second submission if there is a `rope-ada`, and otherwise from a student `ada-1`.
    """
    if item.number or not stem.endswith(student):
        return student, item
    shorter, number, in_brackets = split_number(student)
    if number and (in_brackets or stem.removesuffix(student) + shorter in stems):
        return shorter, replace(item, number=number)
    return student, item


LAYOUT = Layout("flat", _detect, _files)
