"""One student's own folder or archive, named for them: `moe_router.py`, `exercises/moe_router/moe_router.py`."""

from grader.teach.handins.handin import Student
from grader.teach.handins.items import Known
from grader.teach.handins.layouts.folder import is_courses_own
from grader.teach.handins.layouts.piece import Layout, Piece, Pieces, student_id
from grader.teach.handins.tree import Tree


def _claims(tree: Tree, known: Known) -> str | None:
    if not tree.stem:
        return None
    for entry in tree.entries:
        at_top = len(entry.path) == 1 or is_courses_own(entry.path[0], known)
        item = known.item(entry.name)
        if at_top and item is not None and item.id and not item.number:  # rope-17.py may be that of a student 17
            return entry.file
    return None


def _pieces(tree: Tree, known: Known) -> Pieces:
    student = Student(id=student_id(tree.stem))
    for entry in tree.entries:
        yield Piece((student,), entry, entry.name)


LAYOUT = Layout("student", _claims, _pieces)
