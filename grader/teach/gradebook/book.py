"""A gradebook as the reports see it: the `Book` of grader.teach.gradebook.model, read from the file."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import TypeAlias

import msgspec

from grader.base.errors import UsageError
from grader.base.result import Outcome
from grader.teach.gradebook.counting import counting
from grader.teach.gradebook.database import Database, Row
from grader.teach.gradebook.entries import Entry, entries, unpack_text
from grader.teach.gradebook.model import Grade, Handed, Item, Points, Run
from grader.teach.gradebook.policy import Policy
from grader.teach.handins.handin import Ignored, Kind, Student

_RUNS = """
SELECT id, started, ended, engine, course, layout,
       (SELECT count(*) FROM entries WHERE run = runs.id AND error IS NULL AND NOT reused),
       (SELECT count(*) FROM entries WHERE run = runs.id AND error IS NULL AND reused),
       (SELECT count(*) FROM entries WHERE run = runs.id AND error IS NOT NULL)
FROM runs
"""
_ITEMS = """
SELECT i.id, i.kind, i.title, i.lesson, i.max_score,
       (SELECT max(position) FROM run_items WHERE id = i.id) AS place
FROM run_items AS i
"""
_NEWEST = "WHERE i.run = (SELECT max(run) FROM run_items WHERE id = i.id)"
_STUDENTS = "SELECT id, name, email, login FROM students"
_IGNORED = """
SELECT i.file, i.why, i.kind, s.id, s.name, s.email, s.login
FROM ignored AS i LEFT JOIN students AS s ON s.id = i.student WHERE i.run = ? ORDER BY i.place
"""


_Counting: TypeAlias = tuple[Entry, str | None]


class StoredBook:
    """The latest grades of all students, or those of one run; policies are applied as they are read."""

    def __init__(self, database: Database, run: int | None, policy: Policy):
        self._database = database
        self._of_run = run
        self.policy = policy
        self.run = find_run(database, run)
        self.course = self.run.course
        self.items = _items(database, run)
        self.students = students(database, run)
        self.graded = _graded(database, self.run.id)
        self.ignored = _ignored(database, self.run.id)
        self._places = {item.id: place for place, item in enumerate(self.items)}
        self._known = {student.id: student for student in self.students}

    def grades(self) -> Iterator[Grade]:
        """All grades, by student and then by item, one at a time."""
        return itertools.starmap(self._grade, self._in_order(entries(self._database, self._of_run)))

    def of_student(self, student: str) -> list[Grade]:
        """The latest grades of one student, given by id."""
        return [self._grade(*each) for each in self._in_order(entries(self._database, None, student))]

    def entries(self) -> Iterator[Entry]:
        """Return what counts of each student for each item, by the ids of both, as it was measured."""
        return (entry for entry, _ in self._counting(entries(self._database, self._of_run)))

    def work(self, handed: Handed) -> str | None:
        """The code that was graded; None of a quiz, and where it was not kept."""
        row = self._database.row("SELECT text FROM works WHERE sha256 = ?", (handed.sha256,))
        return None if row is None else unpack_text(row[0])

    def given(self, item: str) -> list[str]:
        """The code of an exercise that everybody may have: its stub, its reference."""
        rows = self._database.rows("SELECT text FROM given WHERE item = ? ORDER BY place", (item,))
        return [unpack_text(text) for (text,) in rows]

    def scores(self) -> Iterator[tuple[Entry, Points | None]]:
        """As `grades`, without the results, which take longer to read than all else."""
        in_order = self._in_order(entries(self._database, self._of_run))
        return ((entry, self._points(entry, why)) for entry, why in in_order)

    def _counting(self, rows: Iterator[Entry]) -> Iterator[_Counting]:
        """Yield the version that counts of each student for each item, and why."""
        for _, versions in itertools.groupby(rows, key=lambda entry: (entry.student, entry.item)):
            yield counting(self.policy, list(versions))

    def _in_order(self, rows: Iterator[Entry]) -> Iterator[_Counting]:
        """Yield what counts by student, and then in the order of the items."""
        for _, group in itertools.groupby(self._counting(rows), key=lambda each: each[0].student):
            yield from sorted(group, key=lambda each: self._places[each[0].item])

    def _points(self, entry: Entry, why: str | None) -> Points | None:
        scored = entry.scored
        if scored is None:
            return None
        points = self.policy.points(entry.student, entry.item, entry.handed, scored.score, scored.max_score)
        return msgspec.structs.replace(points, reasons=(why, *points.reasons)) if why else points

    def _in_zone(self, entry: Entry) -> Handed:
        """What was handed in, its time in the zone of the due date."""
        due, time = self.policy.due(entry.student, entry.item), entry.handed.time
        if due is None or time is None:
            return entry.handed
        return msgspec.structs.replace(entry.handed, time=time.astimezone(due.tzinfo))

    def _grade(self, entry: Entry, why: str | None) -> Grade:
        return Grade(
            student=self._known[entry.student],
            item=self.items[self._places[entry.item]],
            handed=self._in_zone(entry),
            outcome=entry.scored.outcome if entry.scored else Outcome.ERROR,
            points=self._points(entry, why),
            result=entry.scored.measured(entry.handed.file) if entry.scored else None,
            error=entry.error,
            tests=entry.scored.key_parts.get("exercise") if entry.scored else None,
        )


def find_run(database: Database, run: int | None) -> Run:
    """The run of that number, or the last one. UsageError where there is none."""
    if run is None:
        row = database.row(f"{_RUNS} ORDER BY id DESC LIMIT 1")
        if row is None:
            raise UsageError("Nothing has been graded yet; grade batch SUBMISSIONS --out DIR does it.")
    else:
        row = database.row(f"{_RUNS} WHERE id = ?", (run,))
        if row is None:
            raise UsageError(f"There is no run {run}; grade gradebook DIR --runs lists them.")
    return _run(row)


def runs(database: Database) -> list[Run]:
    """All runs, the first one first."""
    return [_run(row) for row in database.rows(f"{_RUNS} ORDER BY id")]


def _run(row: Row) -> Run:
    id_, started, ended, engine, course, layout, graded, reused, errors = row
    return Run(
        id=id_,
        started=datetime.fromisoformat(started),
        ended=None if ended is None else datetime.fromisoformat(ended),
        engine=engine,
        course=course,
        layout=layout,
        graded=graded,
        reused=reused,
        errors=errors,
    )


def _items(database: Database, run: int | None) -> list[Item]:
    """The items in the course's order, which a run of few items tells less of than a run of many."""
    if run is None:
        rows = database.rows(f"{_ITEMS} {_NEWEST} ORDER BY i.lesson, place, i.id")
    else:
        rows = database.rows(f"{_ITEMS} WHERE i.run = ? ORDER BY i.lesson, place, i.id", (run,))
    return [
        Item(id=id_, kind=kind, title=title, lesson=lesson, max_score=max_score)
        for id_, kind, title, lesson, max_score, _ in rows
    ]


def students(database: Database, run: int | None) -> list[Student]:
    if run is None:
        rows = database.rows(f"{_STUDENTS} ORDER BY id")
    else:
        rows = database.rows(
            f"{_STUDENTS} WHERE id IN (SELECT student FROM run_students WHERE run = ?) ORDER BY id", (run,)
        )
    return [Student(id=id_, name=name, email=email, login=login) for id_, name, email, login in rows]


def _graded(database: Database, run: int) -> frozenset[str]:
    return frozenset(student for (student,) in database.rows("SELECT student FROM entries WHERE run = ?", (run,)))


def _ignored(database: Database, run: int) -> list[Ignored]:
    return [
        Ignored(
            file=file,
            why=why,
            kind=Kind(kind),
            student=None if id_ is None else Student(id=id_, name=name, email=email, login=login),
        )
        for file, why, kind, id_, name, email, login in database.rows(_IGNORED, (run,))
    ]
