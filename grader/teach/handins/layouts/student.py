"""The layout of one student's folder or archive, named after them: `moe_router.py`, `exercises/rope/rope.py`."""

from grader.teach.handins.file_names import NameParser
from grader.teach.handins.handin import Student
from grader.teach.handins.layouts.folder import is_course_folder
from grader.teach.handins.layouts.layout import Layout, OwnedFile, OwnedFiles, student_id
from grader.teach.handins.tree import Tree


def _detect(tree: Tree, parser: NameParser) -> str | None:
    if not tree.stem:
        return None
    for entry in tree.entries:
        at_top = len(entry.path) == 1 or is_course_folder(entry.path[0], parser)
        item = parser.item(entry.name)
        if at_top and item is not None and item.id and not item.number:  # rope-17.py may belong to a student 17
            return entry.file
    return None


def _files(tree: Tree, parser: NameParser) -> OwnedFiles:
    student = Student(id=student_id(tree.stem))
    for entry in tree.entries:
        yield OwnedFile((student,), entry, entry.name)


LAYOUT = Layout("student", _detect, _files)
