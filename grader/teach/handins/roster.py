"""The class roster: reads it, and matches the students of hand-ins with it."""

import csv
import io
import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from grader.base.errors import UsageError
from grader.base.files import reading
from grader.engine.submission.files import visible
from grader.teach.handins.handin import Found, Handin, Ignored, Student
from grader.teach.handins.versions import choose_versions

_COLUMNS = {  # of the rosters and gradebooks that learning platforms export, in lower case
    "id": "id",
    "identifier": "id",
    "student_id": "id",
    "student id": "id",
    "sid": "sid",
    "sis user id": "sid",
    "login": "login",
    "sis login id": "login",
    "username": "login",
    "github_username": "login",
    "email": "email",
    "email address": "email",
    "name": "name",
    "full name": "name",
    "student": "name",
    "first name": "first",
    "first_name": "first",
    "last name": "last",
    "last_name": "last",
    "surname": "last",
    "section": "section",
}
# Rows of Canvas' gradebook that are no students: its second line, and the student of the teacher's test view
_NOBODY = ("Points Possible", "Student, Test")
# Moodle's "Participant 657693" in any language, such as "Teilnehmer/in657693"; not a user name such as "student17"
_PARTICIPANT = re.compile(r"(?=\D*(?:[ /]|[^\x00-\x7f]))\D+(\d+)")
_MOST_WORDS = 5  # in a name whose words are tried in all orders


@dataclass(frozen=True)
class RosterEntry:
    """A row of the roster."""

    student: Student
    ids: tuple[str, ...]  # all numbers of the student


Roster = tuple[RosterEntry, ...]


def read_roster(path: Path) -> Roster:
    """Read a roster from a CSV file. Raise UsageError with file and line for anything wrong in it."""
    name = visible(path)
    text = _text(path)
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    roster: list[RosterEntry] = []
    lines: dict[str, int] = {}
    try:
        columns = [_COLUMNS.get(cell.strip().lower()) for cell in next(reader, [])]
        if not {"id", "sid", "login", "email", "name", "last"} & set(columns):
            wanted = "id, name, email, login, sid, Student, SIS User ID, SIS Login ID, Full name, Email address"
            raise UsageError(f"{name}:1: no known column in the header; add at least one of {wanted}.")
        for row in reader:
            listed = _listed(columns, row)
            if listed is None:
                continue
            line = reader.line_num
            if listed.student.id in lines:
                first = lines[listed.student.id]
                raise UsageError(f"{name}:{line}: '{listed.student.id}' is already in line {first}; remove one.")
            lines[listed.student.id] = line
            roster.append(listed)
    except csv.Error as error:
        raise UsageError(f"{name}:{reader.line_num}: not valid CSV: {error}.") from None
    if not roster:
        raise UsageError(f"{name}:1: no students are listed.")
    return tuple(roster)


def logins_of(roster: Roster) -> set[str]:
    """Return the logins and ids of all students."""
    return {name for each in roster for name in (each.student.login, each.student.id) if name}


def match_roster(found: Found, roster: Roster) -> Found:
    """Replace each student by the matching one on the roster, and fill in `unmatched` and `missing`.

    Students match by id, else by login, email or exact name, else by the name ignoring case, accents, spaces and word
    order, provided that only one student has it. Raise UsageError if an unmatched student has the id of another one.
    """
    index = _Index(roster)
    known: dict[str, Student] = {}
    unmatched: dict[str, Student] = {}
    seen: set[str] = set()
    for student in found.students():
        if student.id in known:
            continue
        listed = index.find(student)
        if listed is None:
            known[student.id] = unmatched[student.id] = student
        else:
            seen.add(listed.student.id)
            known[student.id] = _filled(listed.student, student)
    if strangers := [each for each in unmatched.values() if each.id in index.own_ids]:
        first = strangers[0]
        raise UsageError(
            f"The id '{first.id}' is of one student on the roster and of {first.name or 'another'} in the "
            "submissions; add a column with the ids of the learning platform to the roster."
        )

    def rename(handin: Handin) -> Handin:
        students = (known.get(each.id, each) for each in handin.students)
        return replace(handin, students=tuple({each.id: each for each in students}.values()))

    def rename_ignored(ignored: Ignored) -> Ignored:
        student = ignored.student
        return ignored if student is None else structs.replace(ignored, student=known.get(student.id, student))

    # one student may have handed in under two ids
    handins, left_out = choose_versions(map(rename, found.handins))
    missing = [each.student for each in roster if each.student.id not in seen]
    return replace(
        found,
        handins=handins,
        ignored=[*map(rename_ignored, found.ignored), *left_out],
        unrequested=choose_versions(map(rename, found.unrequested))[0],
        unmatched=list(unmatched.values()),
        missing=missing,
    )


def _filled(listed: Student, found: Student) -> Student:
    """Return the student on the roster, with missing fields from the submissions."""
    name = listed.name or found.name
    return structs.replace(listed, name=name, email=listed.email or found.email, login=listed.login or found.login)


class _Index:
    """The students of a roster by id, login, email and name."""

    def __init__(self, roster: Roster):
        self.own_ids = {each.student.id for each in roster}
        self._ids = _by(roster, lambda each: each.ids)
        self._logins = _by(roster, lambda each: (each.student.login,))
        self._emails = _by(roster, lambda each: (each.student.email,))
        self._names = _by(roster, lambda each: (each.student.name,))
        self._spellings = _by(roster, lambda each: _spellings(each.student.name or ""))

    def find(self, student: Student) -> RosterEntry | None:
        """Return the matching row; None if there is none, or several."""
        names = [student.name] if student.name else [student.id]
        named = _only(self._names, names) or _only(self._spellings, map(_plain, names))
        by_id = _only(self._ids, [student.id])
        if by_id and not _may_be(by_id.student.name, student.name):
            by_id = None  # ids of the platform and the university may coincide
        return (
            by_id
            or _only(self._logins, [student.login, student.id])
            or _only(self._emails, [student.email, student.id])
            or named
        )


def _by(roster: Roster, keys: Callable[[RosterEntry], Iterable[str | None]]) -> dict[str, list[RosterEntry]]:
    index: dict[str, list[RosterEntry]] = defaultdict(list)
    for each in roster:
        for key in {key.casefold() for key in keys(each) if key}:
            index[key].append(each)
    return dict(index)


def _only(index: dict[str, list[RosterEntry]], keys: Iterable[str | None]) -> RosterEntry | None:
    for key in keys:
        if key and len(found := index.get(key.casefold(), [])) == 1:
            return found[0]
    return None


def _plain(name: str) -> str:
    """Return a name without case, accents, spaces and punctuation."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(char for char in letters if char.isalnum())


def _spellings(name: str) -> Iterator[str]:
    """Yield a name's words joined in all orders; Canvas joins them as `lovelaceada`."""
    words = [plain for word in name.replace(",", " ").split() if (plain := _plain(word))]
    orders = itertools.permutations(words) if len(words) <= _MOST_WORDS else [words, [*words[-1:], *words[:-1]]]
    for order in orders:
        yield "".join(order)


def _may_be(name: str | None, other: str | None) -> bool:
    """Return whether two names may be one person's: they share a word, or one is unknown."""
    if not name or not other:
        return True
    words = [plain for word in name.replace(",", " ").split() if (plain := _plain(word))]
    return any(word in _plain(other) for word in words)


# ------------------------------------------------------------ the file


def _text(path: Path) -> str:
    with reading(path):
        data = path.read_bytes()
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def _listed(columns: list[str | None], row: list[str]) -> RosterEntry | None:
    """Return the student of a row; None for a row without one."""
    cells: dict[str, str] = {}
    for column, cell in zip(columns, row, strict=False):
        if column and cell.strip():
            cells.setdefault(column, visible(unicodedata.normalize("NFC", cell.strip())))
    name = cells.get("name") or " ".join(cells[part] for part in ("first", "last") if part in cells)
    if name in _NOBODY:
        return None
    if name.count(",") == 1:  # Canvas: "Lovelace, Ada"
        name = " ".join(part.strip() for part in reversed(name.split(",")))
    number = cells.get("id", "")
    if participant := _PARTICIPANT.fullmatch(number):
        number = participant[1]
    ids = tuple(filter(None, (number, cells.get("sid"))))
    own = next(filter(None, (*ids, cells.get("login"), cells.get("email"), name)), None)
    if own is None:
        return None
    student = Student(id=own, name=name or None, email=cells.get("email"), login=cells.get("login"))
    return RosterEntry(student, ids or (own,))
