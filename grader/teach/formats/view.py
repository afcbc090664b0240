"""A book by student: the students beside their grades, sums, and one item alone."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from grader.base.errors import UsageError
from grader.base.text import clean_line, did_you_mean
from grader.teach.formats.table import number, signed
from grader.teach.gradebook.model import Book, Grade, Handed, Item, Run
from grader.teach.handins.handin import Ignored, Student


def by_student(book: Book) -> Iterator[tuple[Student, list[Grade]]]:
    """Every student with the grades that there are, one student at a time."""
    groups = groupby(book.grades(), key=lambda grade: grade.student.id)
    waiting = next(groups, None)
    for student in book.students:
        if waiting is not None and waiting[0] == student.id:
            yield student, list(waiting[1])
            waiting = next(groups, None)
        else:
            yield student, []


def total(grades: Sequence[Grade]) -> float | None:
    """The sum of the final points. None if one of the grades is not known: the grader's fault is not the student's."""
    points = [grade.points.final for grade in grades if grade.points]
    return sum(points) if len(points) == len(grades) else None


def final_points(grades: Sequence[Grade], items: Sequence[Item]) -> list[str]:
    """The final points in the items' order, as cells of a table. What is not known, or not handed in, is empty."""
    known = {grade.item.id: grade.points.final for grade in grades if grade.points}
    return [number(known.get(item.id)) for item in items]


def account(grade: Grade) -> list[str]:
    """What a student has for an item and why, as sentences of one line each; the first has the item's title."""
    title = clean_line(grade.item.title)
    if grade.points is None:
        return [f"{title} could not be graded. {' '.join(reasons(grade))}"]
    return [f"{title}: {number(grade.points.final)} of {number(grade.points.max)} points.", *reasons(grade)]


def reasons(grade: Grade) -> list[str]:
    """How the points of a grade came about, as sentences of one line each; none where they are as measured."""
    points = grade.points
    if points is None:
        return ["This is a fault of the grader or the course, not of your code."]
    sentences = []
    if points.late or points.adjustment:
        changes = {"for lateness": points.late, "by the instructor": points.adjustment}
        told = "".join(f", {signed(amount)} {why}" for why, amount in changes.items() if amount)
        sentences.append(f"Measured {number(points.measured)}{told}.")
    sentences += map(clean_line, points.reasons)
    if grade.error is not None:
        sentences.append("The last run could not grade it, which is not your fault; these are the points from before.")
    return sentences


def only(book: Book, item_id: str) -> Book:
    """The book with one of its items. UsageError if it has no such item."""
    ids = [item.id for item in book.items]
    if item_id not in ids:
        hint = did_you_mean(item_id, ids) or f" There are {', '.join(ids) or 'none'}."
        raise UsageError(f"The gradebook has no exercise or quiz '{item_id}'.{hint}")
    return _OneItem(book, book.items[ids.index(item_id)])


@dataclass(frozen=True)
class _OneItem:
    book: Book
    item: Item

    @property
    def course(self) -> str:
        return self.book.course

    @property
    def run(self) -> Run:
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

    def work(self, handed: Handed) -> str | None:
        return self.book.work(handed)

    def given(self, item: str) -> Sequence[str]:
        return self.book.given(item)

    def grades(self) -> Iterator[Grade]:
        return (grade for grade in self.book.grades() if grade.item.id == self.item.id)
