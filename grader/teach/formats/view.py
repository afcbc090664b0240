"""Views of a gradebook: grades by student, totals, explanations of points, and a single item."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from grader.base.errors import UsageError
from grader.base.text import clean_line, did_you_mean
from grader.show.numbers import format_change, format_points
from grader.teach.formats.table import points_cell
from grader.teach.gradebook.model import BatchRun, Book, Grade, GradedFile, Item
from grader.teach.handins.handin import Ignored, Student


def grades_by_student(book: Book) -> Iterator[tuple[Student, list[Grade]]]:
    """Yield every student with the student's grades, one student at a time."""
    groups = groupby(book.grades(), key=lambda grade: grade.student.id)
    pending = next(groups, None)
    for student in book.students:
        if pending is not None and pending[0] == student.id:
            yield student, list(pending[1])
            pending = next(groups, None)
        else:
            yield student, []


def total_points(grades: Sequence[Grade]) -> float | None:
    """Return the sum of the final points, or None if a grade has no points because of a fault of the grader."""
    points = [grade.points.final for grade in grades if grade.points]
    return sum(points) if len(points) == len(grades) else None


def final_points(grades: Sequence[Grade], items: Sequence[Item]) -> list[str]:
    """Return the final points as cells, in the order of the items. Unknown or missing grades are empty."""
    known = {grade.item.id: grade.points.final for grade in grades if grade.points}
    return [points_cell(known.get(item.id)) for item in items]


def describe_grade(grade: Grade) -> list[str]:
    """Return sentences, one line each, with the title of the item, the points, and how they were calculated."""
    title = clean_line(grade.item.title)
    if grade.points is None:
        return [f"{title} could not be graded. {' '.join(explain_points(grade))}"]
    return [
        f"{title}: {format_points(grade.points.final)} of {format_points(grade.points.max)} points.",
        *explain_points(grade),
    ]


def explain_points(grade: Grade) -> list[str]:
    """Return sentences, one line each, that explain how the points differ from the measured ones."""
    points = grade.points
    if points is None:
        return ["This is a fault of the grader or the course, not of your code."]
    sentences = []
    if points.late or points.adjustment:
        changes = {"for lateness": points.late, "by the instructor": points.adjustment}
        parts = "".join(f", {format_change(amount)} {why}" for why, amount in changes.items() if amount)
        sentences.append(f"Measured {format_points(points.measured)}{parts}.")
    sentences += map(clean_line, points.reasons)
    if grade.error is not None:
        sentences.append(
            "The last run could not grade it, which is not your fault; these points are from an earlier run."
        )
    return sentences


def restrict_to_item(book: Book, item_id: str) -> Book:
    """Return the gradebook with only one of its items. Raises UsageError if it has no such item."""
    ids = [item.id for item in book.items]
    if item_id not in ids:
        hint = did_you_mean(item_id, ids) or f" There are {', '.join(ids) or 'none'}."
        raise UsageError(f"The gradebook has no exercise or quiz '{item_id}'.{hint}")
    return _SingleItemBook(book, book.items[ids.index(item_id)])


@dataclass(frozen=True)
class _SingleItemBook:
    book: Book
    item: Item

    @property
    def course(self) -> str:
        return self.book.course

    @property
    def run(self) -> BatchRun:
        return self.book.run

    @property
    def items(self) -> Sequence[Item]:
        return (self.item,)

    @property
    def students(self) -> Sequence[Student]:
        return self.book.students

    @property
    def graded(self) -> Set[str]:
        return self.book.graded

    @property
    def ignored(self) -> Sequence[Ignored]:
        return self.book.ignored

    def work(self, handed: GradedFile) -> str | None:
        return self.book.work(handed)

    def given(self, item: str) -> Sequence[str]:
        return self.book.given(item)

    def grades(self) -> Iterator[Grade]:
        return (grade for grade in self.book.grades() if grade.item.id == self.item.id)
