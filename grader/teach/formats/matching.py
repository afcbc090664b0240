"""Matching of the students of a gradebook with the rows of a learning platform's file."""

from collections import defaultdict
from collections.abc import Iterable

from grader.base.errors import UsageError
from grader.base.text import clean_line
from grader.teach.formats.files import join_names, print_note
from grader.teach.handins.handin import Student


def identifiers(*words: str | None) -> frozenset[str]:
    """Return the identifiers of a student, such as id, login and e-mail address, in lower case."""
    return frozenset(word.strip().casefold() for word in words if word and word.strip())


class RowMatcher:
    """An index of the rows of a file by the identifiers of their students."""

    def __init__(self, file: str, rows: Iterable[tuple[int, frozenset[str]]]):
        """Index `rows`, each a line number and its student's identifiers. `file` is the name in messages."""
        self.file = file
        self._rows: dict[str, set[int]] = defaultdict(set)
        self._taken: dict[int, Student] = {}
        self._missing: list[str] = []
        for line, ids in rows:
            for each in ids:
                self._rows[each].add(line)

    def find(self, student: Student, ids: frozenset[str]) -> int | None:
        """Return the line number of a student's row, or None if there is none.

        Raises UsageError if several rows match, or if the row was already found for another student: a grade must not
        go to the wrong person.
        """
        lines = sorted({line for each in ids for line in self._rows.get(each, ())})
        name = clean_line(student.name or student.id)
        if not lines:
            self._missing.append(name)
            return None
        if len(lines) > 1:
            numbers = " and ".join(map(str, lines))
            raise UsageError(
                f"{self.file}: lines {numbers} match the same student, {name}; tell them apart with --roster."
            )
        other = self._taken.setdefault(lines[0], student)
        if other is not student:
            other_name = clean_line(other.name or other.id)
            raise UsageError(
                f"{self.file}:{lines[0]}: matches both {other_name} and {name}; tell them apart with --roster."
            )
        return lines[0]

    def note_missing(self) -> None:
        """Print a note with the students who are not in the file."""
        if self._missing:
            count = len(self._missing)
            students = "1 student of the gradebook is" if count == 1 else f"{count} students of the gradebook are"
            print_note(f"{students} not in {self.file}: {join_names(self._missing)}.")
