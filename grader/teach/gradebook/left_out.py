"""What was handed in and is not graded: whose it is, and why, what matters most first."""

from collections.abc import Container, Iterable
from dataclasses import dataclass

from grader.base.text import clean_line
from grader.teach.gradebook.model import Book
from grader.teach.handins.handin import Ignored, Kind, Student
from grader.teach.handins.items import is_code

NAMED = 5  # students in a sentence

_ORDER = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True)
class LeftOut:
    """The files, without those that need no look."""

    students: dict[Student, list[Ignored]]  # of whom nothing is graded, each with all that they handed in
    files: list[Ignored]  # of everybody else

    @property
    def of_student(self) -> dict[str, list[Ignored]]:
        """The files of those of whom nothing is graded, by their ids."""
        return {student.id: files for student, files in self.students.items()}

    @property
    def overlooked(self) -> list[Ignored]:
        """The files of those of whom nothing is graded."""
        return [each for files in self.students.values() for each in files]

    @property
    def unread(self) -> list[Ignored]:
        """The files of everybody else that cannot be read."""
        return [each for each in self.files if each.kind is Kind.UNREAD]

    @property
    def copies(self) -> list[Ignored]:
        """Return the files that differ from another one of the student's for the same item, which is graded."""
        return [each for each in self.files if each.kind is Kind.COPY]

    @property
    def rest(self) -> list[Ignored]:
        """Return the other files of everybody else."""
        return [each for each in self.files if each.kind not in (Kind.UNREAD, Kind.COPY)]

    def files_of(self, kind: str) -> int:
        """How many files of this kind there are, those of a group once."""
        return len({each.file for each in (*self.overlooked, *self.files) if each.kind == kind})

    @property
    def sentence(self) -> str | None:
        """What an instructor has to know, on one line; None where there is nothing to look at."""
        parts = []
        if self.students:
            names = [clean_line(student.name or student.id) for student in self.students]
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            people = "1 student who" if len(names) == 1 else f"{len(names)} students who"
            parts.append(f"nothing is graded of {people} handed something in: {', '.join(names[:NAMED])}{more}")
        if unread := len({each.file for each in self.unread}):
            what = "1 file" if unread == 1 else f"{unread} files"
            parts.append(f"{what} of others cannot be read" if self.students else f"{what} cannot be read")
        return "; ".join(parts) or None


def left_out(ignored: Iterable[Ignored], graded: Container[str]) -> LeftOut:
    """Sorts what is not graded. `graded`: the ids of the students of whom something is."""
    students: dict[Student, list[Ignored]] = {}
    files = []
    for each in sorted(ignored, key=_weight):
        if each.kind in (Kind.EARLIER, Kind.NOISE):
            continue
        if each.student is None or each.student.id in graded:
            files.append(each)
        else:
            students.setdefault(each.student, []).append(each)
    return LeftOut({student: students[student] for student in sorted(students, key=lambda each: each.id)}, files)


def of_book(book: Book) -> LeftOut:
    """What the run of a book did not grade."""
    return left_out(book.ignored, book.graded)


def _weight(ignored: Ignored) -> tuple[int, bool, str]:
    return _ORDER[ignored.kind], not is_code(ignored.file), ignored.file
