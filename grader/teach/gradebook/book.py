"""The `Book` of grader.teach.gradebook.model, read from a gradebook's file."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import TypeAlias

import msgspec

from grader.base.errors import UsageError
from grader.base.result import Outcome
from grader.teach.gradebook.counting import counting_version
from grader.teach.gradebook.database import Database, Row
from grader.teach.gradebook.entries import GradebookEntry, entries, unpack_text
from grader.teach.gradebook.model import BatchRun, Grade, GradedFile, Item, Points
from grader.teach.gradebook.policy import GradingPolicy
from grader.teach.handins.handin import Ignored, IgnoredKind, Student

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


_CountingEntry: TypeAlias = tuple[GradebookEntry, str | None]  # and why this version counts


class StoredBook:
    """The latest grades of all students, or those of one run. Policies are applied when reading."""

    def __init__(self, database: Database, run: int | None, policy: GradingPolicy):
        self._database = database
        self._run_id = run
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
        """Yield all grades, by student and then by item."""
        return itertools.starmap(self._grade, self._in_order(entries(self._database, self._run_id)))

    def of_student(self, student: str) -> list[Grade]:
        """Return the latest grades of one student, given by id."""
        return [self._grade(*each) for each in self._in_order(entries(self._database, None, student))]

    def entries(self) -> Iterator[GradebookEntry]:
        """Yield the versions that count, by the ids of students and items, without penalties and adjustments."""
        return (entry for entry, _ in self._counting(entries(self._database, self._run_id)))

    def work(self, handed: GradedFile) -> str | None:
        """Return the code that was graded; None for a quiz, or if the code was not kept."""
        row = self._database.row("SELECT text FROM works WHERE sha256 = ?", (handed.sha256,))
        return None if row is None else unpack_text(row[0])

    def given(self, item: str) -> list[str]:
        """Return the code of an exercise that everybody may have: its stub, its reference."""
        rows = self._database.rows("SELECT text FROM given WHERE item = ? ORDER BY place", (item,))
        return [unpack_text(text) for (text,) in rows]

    def scores(self) -> Iterator[tuple[GradebookEntry, Points | None]]:
        """Yield entries and points in the order of `grades`, without decoding results, which takes longest."""
        in_order = self._in_order(entries(self._database, self._run_id))
        return ((entry, self._points(entry, why)) for entry, why in in_order)

    def _counting(self, rows: Iterator[GradebookEntry]) -> Iterator[_CountingEntry]:
        """Yield the version that counts for each student and item."""
        for _, versions in itertools.groupby(rows, key=lambda entry: (entry.student, entry.item)):
            yield counting_version(self.policy, list(versions))

    def _in_order(self, rows: Iterator[GradebookEntry]) -> Iterator[_CountingEntry]:
        """Yield the versions that count by student, then in the course's order of items."""
        for _, group in itertools.groupby(self._counting(rows), key=lambda each: each[0].student):
            yield from sorted(group, key=lambda each: self._places[each[0].item])

    def _points(self, entry: GradebookEntry, why: str | None) -> Points | None:
        result = entry.result
        if result is None:
            return None
        points = self.policy.points(entry.student, entry.item, entry.handed, result.score, result.max_score)
        return msgspec.structs.replace(points, reasons=(why, *points.reasons)) if why else points

    def _in_zone(self, entry: GradebookEntry) -> GradedFile:
        """Return the file of an entry, with its time in the zone of the due date."""
        due, time = self.policy.due(entry.student, entry.item), entry.handed.time
        if due is None or time is None:
            return entry.handed
        return msgspec.structs.replace(entry.handed, time=time.astimezone(due.tzinfo))

    def _grade(self, entry: GradebookEntry, why: str | None) -> Grade:
        return Grade(
            student=self._known[entry.student],
            item=self.items[self._places[entry.item]],
            handed=self._in_zone(entry),
            outcome=entry.result.outcome if entry.result else Outcome.ERROR,
            points=self._points(entry, why),
            result=entry.result.load(entry.handed.file) if entry.result else None,
            error=entry.error,
            tests=entry.result.key_parts.get("exercise") if entry.result else None,
        )


def find_run(database: Database, run: int | None) -> BatchRun:
    """Return the run with a number, or the last one. Raise UsageError if there is none."""
    if run is None:
        row = database.row(f"{_RUNS} ORDER BY id DESC LIMIT 1")
        if row is None:
            raise UsageError("Nothing has been graded yet; run grade batch SUBMISSIONS --out DIR.")
    else:
        row = database.row(f"{_RUNS} WHERE id = ?", (run,))
        if row is None:
            raise UsageError(f"There is no run {run}; grade gradebook DIR --runs lists them.")
    return _run(row)


def runs(database: Database) -> list[BatchRun]:
    """Return all runs, oldest first."""
    return [_run(row) for row in database.rows(f"{_RUNS} ORDER BY id")]


def _run(row: Row) -> BatchRun:
    id_, started, ended, engine, course, layout, graded, reused, errors = row
    return BatchRun(
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
    """Return the items in the course's order: by lesson, then by the position in the run with most items."""
    if run is None:
        rows = database.rows(f"{_ITEMS} {_NEWEST} ORDER BY i.lesson, place, i.id")
    else:
        rows = database.rows(f"{_ITEMS} WHERE i.run = ? ORDER BY i.lesson, place, i.id", (run,))
    return [
        Item(id=id_, kind=kind, title=title, lesson=lesson, max_score=max_score)
        for id_, kind, title, lesson, max_score, _ in rows
    ]


def students(database: Database, run: int | None) -> list[Student]:
    """Return the students of a run, or of all runs, by id."""
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
            kind=IgnoredKind(kind),
            student=None if id_ is None else Student(id=id_, name=name, email=email, login=login),
        )
        for file, why, kind, id_, name, email, login in database.rows(_IGNORED, (run,))
    ]
