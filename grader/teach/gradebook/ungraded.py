"""The files that were handed in but not graded, most important first."""

from collections.abc import Container, Iterable
from dataclasses import dataclass

from grader.base.text import clean_line
from grader.teach.gradebook.model import Book
from grader.teach.handins.file_names import is_code
from grader.teach.handins.handin import Ignored, IgnoredKind, Student

NAMED = 5  # students named in a sentence

_ORDER = {kind: place for place, kind in enumerate(IgnoredKind)}


@dataclass(frozen=True)
class UngradedFiles:
    """The files that are not graded, without earlier versions and noise."""

    students: dict[Student, list[Ignored]]  # students with nothing graded, and their files
    files: list[Ignored]  # of all other students

    @property
    def of_student(self) -> dict[str, list[Ignored]]:
        """The files of the students with nothing graded, by student id."""
        return {student.id: files for student, files in self.students.items()}

    @property
    def overlooked(self) -> list[Ignored]:
        """The files of the students with nothing graded."""
        return [each for files in self.students.values() for each in files]

    @property
    def unread(self) -> list[Ignored]:
        """The files of other students that cannot be read."""
        return [each for each in self.files if each.kind is IgnoredKind.UNREAD]

    @property
    def copies(self) -> list[Ignored]:
        """The files that differ from the one of the same student and item that is graded."""
        return [each for each in self.files if each.kind is IgnoredKind.COPY]

    @property
    def rest(self) -> list[Ignored]:
        """The files of other students that are neither unread nor copies."""
        return [each for each in self.files if each.kind not in (IgnoredKind.UNREAD, IgnoredKind.COPY)]

    def files_of(self, kind: str) -> int:
        """Return the number of files of this kind; a group's file counts once."""
        return len({each.file for each in (*self.overlooked, *self.files) if each.kind == kind})

    @property
    def sentence(self) -> str | None:
        """A summary for the instructor on one line; None if no student or file needs attention."""
        parts = []
        if self.students:
            names = [clean_line(student.name or student.id) for student in self.students]
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            people = "1 student who" if len(names) == 1 else f"{len(names)} students who"
            parts.append(f"nothing is graded for {people} handed something in: {', '.join(names[:NAMED])}{more}")
        if unread := len({each.file for each in self.unread}):
            what = "1 file" if unread == 1 else f"{unread} files"
            parts.append(f"{what} of others cannot be read" if self.students else f"{what} cannot be read")
        return "; ".join(parts) or None


def ungraded_files(ignored: Iterable[Ignored], graded: Container[str]) -> UngradedFiles:
    """Sort the ignored files. `graded` contains the ids of the students with graded work."""
    students: dict[Student, list[Ignored]] = {}
    files = []
    for each in sorted(ignored, key=_sort_key):
        if each.kind in (IgnoredKind.EARLIER, IgnoredKind.NOISE):
            continue
        if each.student is None or each.student.id in graded:
            files.append(each)
        else:
            students.setdefault(each.student, []).append(each)
    return UngradedFiles({student: students[student] for student in sorted(students, key=lambda each: each.id)}, files)


def ungraded_in(book: Book) -> UngradedFiles:
    """Return the files that the run of a book did not grade."""
    return ungraded_files(book.ignored, book.graded)


def _sort_key(ignored: Ignored) -> tuple[int, bool, str]:
    return _ORDER[ignored.kind], not is_code(ignored.file), ignored.file
