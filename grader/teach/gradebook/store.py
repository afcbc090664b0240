"""A gradebook in a folder: what a batch writes into it, and the views of it."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NamedTuple

import msgspec

from grader.base.result import Outcome
from grader.quiz.result import QuizResult
from grader.teach.gradebook import book, policies
from grader.teach.gradebook.book import StoredBook
from grader.teach.gradebook.database import Database, Value, storable
from grader.teach.gradebook.entries import Entry, pack, pack_text
from grader.teach.gradebook.lock import lock
from grader.teach.gradebook.model import Handed, Item, Measured, Run
from grader.teach.handins.handin import Ignored, Student

_STUDENT = """
INSERT INTO students (id, name, email, login) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = coalesce(excluded.name, name), email = coalesce(excluded.email, email),
                               login = coalesce(excluded.login, login)
"""
_RUN = "INSERT INTO runs (started, command, engine, course, course_hash, layout) VALUES (?, ?, ?, ?, ?, ?)"
_RUN_STUDENT = "INSERT OR IGNORE INTO run_students (run, student) VALUES (?, ?)"
_JOIN_RUNS = """
INSERT OR IGNORE INTO run_students (run, student) SELECT run, ? FROM run_students WHERE student = ?
"""
_RUN_ITEM = """
INSERT OR IGNORE INTO run_items (run, id, position, kind, title, lesson, max_score) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_IGNORED = "INSERT INTO ignored (run, place, student, file, why, kind) VALUES (?, ?, ?, ?, ?, ?)"
_LAST_RUN = "SELECT id, command, engine, course_hash, ended FROM runs ORDER BY id DESC LIMIT 1"
_DONE = """
SELECT 1 FROM entries
WHERE run = ? AND student = ? AND item = ? AND version = ? AND versions = ? AND sha256 = ? AND error IS NULL
"""
_NEWEST = "SELECT id FROM results WHERE key = ? ORDER BY id DESC LIMIT 1"
_RESULT = """
INSERT INTO results (run, key, key_parts, kind, outcome, score, max_score, graded_at, payload)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ENTRY = """
INSERT OR REPLACE INTO entries
(run, student, item, version, versions, file, sha256, time, late, result, reused, error)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_FORMER = """
SELECT result FROM entries
WHERE student = ? AND item = ? AND version <= ? AND (run < ? OR run = ? AND version = ?) AND result IS NOT NULL
ORDER BY run DESC, version DESC LIMIT 1
"""
_TWICE = """
DELETE FROM entries WHERE student = ? AND EXISTS
    (SELECT 1 FROM entries AS other WHERE other.run = entries.run AND other.item = entries.item AND other.student = ?)
"""


class Begun(NamedTuple):
    """A run that can be recorded into."""

    run: int
    resumed: bool  # it had been interrupted, and is gone on with


class Gradebook:
    """What a class handed in, run by run, and what came of it.

    Each method that writes does so in one transaction: killed at any moment, the file holds all of it or nothing. All
    of them raise UsageError where the file cannot be read or written, and StorageFull where there is no room.
    """

    def __init__(self, folder: Path, *, create: bool = False):
        """Opens the gradebook in `folder`, which is made with it if `create`. UsageError where there is none."""
        self.folder = folder
        self._database = Database(folder, create=create)
        self._lock: int | None = None

    def __enter__(self) -> "Gradebook":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file and frees the lock."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def lock(self) -> None:
        """Keeps every other batch out until this is closed or the process ends. UsageError where one is in already."""
        self._lock = lock(self.folder)

    # ------------------------------------------------------------ what a batch writes

    def begin_run(
        self,
        command: Sequence[str],
        *,
        engine: str,
        course: str,
        course_hash: str,
        layout: str,
        items: Sequence[Item],
        students: Iterable[Student],
        ignored: Iterable[Ignored] = (),
        given: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> Begun:
        """Begins a run of these items and students; those who handed nothing in belong to it.

        `ignored` is what is not graded, each file of one of these students or of nobody known. `given` is the code of
        each exercise that everybody may have: its stub, its reference.

        Where the last run did not end and had the same command, engine and course, it is gone on with.
        """
        words = msgspec.json.encode([storable(word) for word in command]).decode()
        known = list(students)
        with self._database.transaction():
            last = self._database.row(_LAST_RUN)
            resumed = last is not None and last[1:] == (words, engine, course_hash, None)
            if last is not None and resumed:
                run = int(last[0])
            else:
                run = self._database.change(_RUN, (_now(), words, engine, course, course_hash, layout))
            self._database.change_all(
                _STUDENT, ([_stored(each) for each in (s.id, s.name, s.email, s.login)] for s in known)
            )
            self._database.change_all(_RUN_STUDENT, ((run, storable(each.id)) for each in known))
            self._database.change_all(
                _RUN_ITEM,
                (
                    (run, item.id, place, item.kind, item.title, item.lesson, item.max_score)
                    for place, item in enumerate(items)
                ),
            )
            self._database.change("DELETE FROM ignored WHERE run = ?", (run,))
            for item, texts in given.items():
                self._database.change("DELETE FROM given WHERE item = ?", (item,))
                rows = ((item, place, pack_text(text)) for place, text in enumerate(texts))
                self._database.change_all("INSERT INTO given VALUES (?, ?, ?)", rows)
            self._database.change_all(_IGNORED, (_ignored(run, place, each) for place, each in enumerate(ignored)))
        return Begun(run, resumed)

    def done(self, run: int, student: str, item: str, handed: Handed) -> bool:
        """Whether this run has a grade for that content already. A fault of the grader is none."""
        values = (run, storable(student), item, handed.version, handed.versions, handed.sha256)
        return self._database.row(_DONE, values) is not None

    def find(self, key: str) -> int | None:
        """The id of the newest result with that key."""
        row = self._database.row(_NEWEST, (key,))
        return None if row is None else int(row[0])

    def record(
        self,
        run: int,
        student: Student,
        item: str,
        handed: Handed,
        key: str,
        key_parts: dict[str, str],
        measured: Measured,
        outcome: Outcome,
    ) -> int:
        """Keeps a result, and that it is this student's. Returns its id."""
        values = (
            run,
            key,
            msgspec.json.encode(key_parts).decode(),
            "quiz" if isinstance(measured, QuizResult) else "exercise",
            outcome.value,
            measured.score,
            measured.max_score,
            _now(),
            pack(measured),
        )
        with self._database.transaction():
            result = self._database.change(_RESULT, values)
            self._enter(run, student, item, handed, result)
        return result

    def reuse(self, run: int, student: Student, item: str, handed: Handed, result: int) -> None:
        """Keeps that a result which is there already is this student's too."""
        with self._database.transaction():
            self._enter(run, student, item, handed, result, reused=True)

    def fail(self, run: int, student: Student, item: str, handed: Handed, error: str) -> None:
        """Keeps a fault of the grader, as a sentence. The student keeps the former result, if there is one."""
        with self._database.transaction():
            version = handed.version
            former = self._database.row(_FORMER, (storable(student.id), item, version, run, run, version))
            result = None if former is None else int(former[0])
            self._enter(run, student, item, handed, result, error=storable(error))

    def drop_later(self, run: int, versions: Mapping[tuple[str, str], int]) -> None:
        """Remove the versions after these counts by student and item: they went while the run was interrupted."""
        with self._database.transaction():
            self._database.change_all(
                "DELETE FROM entries WHERE run = ? AND student = ? AND item = ? AND version > ?",
                ((run, storable(student), item, count) for (student, item), count in versions.items()),
            )

    def keep_work(self, sha256: str, text: str) -> None:
        """Keeps the code of a file, which reports show."""
        if self._database.row("SELECT 1 FROM works WHERE sha256 = ?", (sha256,)) is None:
            with self._database.transaction():
                self._database.change("INSERT OR IGNORE INTO works VALUES (?, ?)", (sha256, pack_text(text)))

    def end_run(self, run: int) -> None:
        """Says that a run is complete."""
        with self._database.transaction():
            self._database.change("UPDATE runs SET ended = ? WHERE id = ?", (_now(), run))

    def _enter(
        self,
        run: int,
        student: Student,
        item: str,
        handed: Handed,
        result: int | None,
        *,
        reused: bool = False,
        error: str | None = None,
    ) -> None:
        time = None if handed.time is None else handed.time.isoformat()
        file = storable(handed.file)
        key = (run, storable(student.id), item, handed.version, handed.versions)
        self._database.change(_ENTRY, (*key, file, handed.sha256, time, handed.late, result, reused, error))

    # ------------------------------------------------------------ who is in it

    def forget(self, student: str) -> None:
        """Takes a student out of all runs, with the code. What was measured stays, for who hands in the same again."""
        with self._database.transaction():
            self._forget(storable(student))

    def merge(self, student: str, into: str) -> None:
        """Makes two students one, with the id `into`; where both have a grade of one run and item, that of `into`."""
        old, new = storable(student), storable(into)
        with self._database.transaction():
            self._database.change(_JOIN_RUNS, (new, old))
            self._database.change(_TWICE, (old, new))
            for table in ("entries", "ignored"):
                self._database.change(f"UPDATE {table} SET student = ? WHERE student = ?", (new, old))
            self._forget(old)

    def _forget(self, student: str) -> None:
        for table in ("entries", "ignored", "run_students"):
            self._database.change(f"DELETE FROM {table} WHERE student = ?", (student,))
        self._database.change("DELETE FROM students WHERE id = ?", (student,))
        self._database.change("DELETE FROM works WHERE sha256 NOT IN (SELECT sha256 FROM entries)")

    # ------------------------------------------------------------ policies

    def set_policies(
        self,
        *,
        late: Path | None = None,
        extensions: Path | None = None,
        adjustments: Path | None = None,
        known: Iterable[str] = (),
    ) -> None:
        """Reads these files and keeps what they say, in place of what was given before; None leaves that as it is.

        `known` are items that the files may name although nothing was handed in for them yet. UsageError with file and
        line for what is wrong, and nothing is changed then.
        """
        policies.keep(self._database, late, extensions, adjustments, known)

    def policy_files(self) -> dict[str, str]:
        """The names of the files that the policies in force were read from: `{"late": "late.yaml"}`."""
        return policies.files(self._database)

    # ------------------------------------------------------------ views

    def runs(self) -> list[Run]:
        """All runs, the first one first."""
        return book.runs(self._database)

    def run(self, run: int | None = None) -> Run:
        """The run of that number, or the last one. UsageError where there is none."""
        return book.find_run(self._database, run)

    def book(self, run: int | None = None) -> StoredBook:
        """The latest grades of everybody, or those of one run, policies applied. UsageError where there is none."""
        return StoredBook(self._database, run, policies.policy(self._database))

    def entries(self, run: int) -> Iterator[Entry]:
        """Yield what counts of a run, by student and item, as it was measured."""
        return self.book(run).entries()


def _stored(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _ignored(run: int, place: int, ignored: Ignored) -> tuple[Value, ...]:
    student = storable(ignored.student.id) if ignored.student else None
    return run, place, student, storable(ignored.file), storable(ignored.why), ignored.kind.value


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
