"""The students of a gradebook and the rows of a file that a learning platform gave."""

from collections import defaultdict
from collections.abc import Iterable

from grader.base.errors import UsageError
from grader.base.text import clean_line
from grader.teach.formats.files import remark, several
from grader.teach.handins.handin import Student


def keys(*words: str | None) -> frozenset[str]:
    """What a student is known by: ids, user name, e-mail address. Capitals do not matter."""
    return frozenset(word.strip().casefold() for word in words if word and word.strip())


class Roll:
    """The rows of a file by what their students are known by."""

    def __init__(self, file: str, rows: Iterable[tuple[int, frozenset[str]]]):
        """`file` as it is named to a user; each row is the number of its line and its student's keys."""
        self.file = file
        self._rows: dict[str, set[int]] = defaultdict(set)
        self._taken: dict[int, Student] = {}
        self._missing: list[str] = []
        for line, known_by in rows:
            for key in known_by:
                self._rows[key].add(line)

    def find(self, student: Student, known_by: frozenset[str]) -> int | None:
        """The line of a student's row, None if there is none.

        UsageError if there are two, or if the row is another student's: a grade must not go to the wrong person.
        """
        lines = sorted({line for key in known_by for line in self._rows.get(key, ())})
        who = clean_line(student.name or student.id)
        if not lines:
            self._missing.append(who)
            return None
        if len(lines) > 1:
            both = " and ".join(map(str, lines))
            raise UsageError(f"{self.file}: lines {both} could both be {who}; tell them apart with --roster.")
        other = self._taken.setdefault(lines[0], student)
        if other is not student:
            whom = clean_line(other.name or other.id)
            raise UsageError(f"{self.file}:{lines[0]}: could be {whom} or {who}; tell them apart with --roster.")
        return lines[0]

    def remark_missing(self) -> None:
        """Says whom the file does not list."""
        if self._missing:
            count = len(self._missing)
            students = f"{count} student{'' if count == 1 else 's'}"
            remark(f"{students} of the gradebook not in {self.file}: {several(self._missing)}.")
