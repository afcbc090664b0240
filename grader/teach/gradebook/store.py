"""A gradebook in a folder: records the grades of a batch, and provides views for reports."""

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
from grader.teach.gradebook.entries import GradebookEntry, pack_result, pack_text
from grader.teach.gradebook.lock import lock
from grader.teach.gradebook.model import AnyResult, BatchRun, GradedFile, Item
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
_EARLIER = """
SELECT result FROM entries
WHERE student = ? AND item = ? AND version <= ? AND (run < ? OR run = ? AND version = ?) AND result IS NOT NULL
ORDER BY run DESC, version DESC LIMIT 1
"""
_DUPLICATES = """
DELETE FROM entries WHERE student = ? AND EXISTS
    (SELECT 1 FROM entries AS other WHERE other.run = entries.run AND other.item = entries.item AND other.student = ?)
"""


class StartedRun(NamedTuple):
    """A run that grades can be recorded in."""

    run: int
    resumed: bool  # after an interruption


class Gradebook:
    """The hand-ins and grades of a class, run by run.

    Each method that writes uses one transaction, so the file is consistent even if the process is killed. All methods
    raise UsageError if the file cannot be read or written, and StorageFull if the disk is full.
    """

    def __init__(self, folder: Path, *, create: bool = False):
        """Open the gradebook in `folder`, or create both if `create`. Raise UsageError if there is none."""
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
        """Close the file and release the lock."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def lock(self) -> None:
        """Lock the gradebook against other batches until it is closed. Raise UsageError if it is locked."""
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
    ) -> StartedRun:
        """Begin a run, or resume the last one if it was interrupted and had the same command, engine and course.

        Args:
            command: Identifies the command and its options.
            engine: The version of the engine.
            course: The course's title.
            course_hash: A hash of the tests of all exercises.
            layout: The layout of the submissions.
            items: The items to grade.
            students: All students, including those who handed in nothing.
            ignored: The files that are not graded, each from one of these students or without an owner.
            given: The code of each exercise that everybody may have: its stub, its reference.
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
        return StartedRun(run, resumed)

    def has_grade(self, run: int, student: str, item: str, handed: GradedFile) -> bool:
        """Return whether this run has a grade for this version of a file. A fault of the grader does not count."""
        values = (run, storable(student), item, handed.version, handed.versions, handed.sha256)
        return self._database.row(_DONE, values) is not None

    def find_result(self, key: str) -> int | None:
        """Return the id of the newest result with a key, or None."""
        row = self._database.row(_NEWEST, (key,))
        return None if row is None else int(row[0])

    def record(
        self,
        run: int,
        student: Student,
        item: str,
        handed: GradedFile,
        key: str,
        key_parts: dict[str, str],
        measured: AnyResult,
        outcome: Outcome,
    ) -> int:
        """Record a result for a student, and return the result's id."""
        values = (
            run,
            key,
            msgspec.json.encode(key_parts).decode(),
            "quiz" if isinstance(measured, QuizResult) else "exercise",
            outcome.value,
            measured.score,
            measured.max_score,
            _now(),
            pack_result(measured),
        )
        with self._database.transaction():
            result = self._database.change(_RESULT, values)
            self._enter(run, student, item, handed, result)
        return result

    def reuse(self, run: int, student: Student, item: str, handed: GradedFile, result: int) -> None:
        """Record an existing result for a student."""
        with self._database.transaction():
            self._enter(run, student, item, handed, result, reused=True)

    def fail(self, run: int, student: Student, item: str, handed: GradedFile, error: str) -> None:
        """Record a fault of the grader for a student, who keeps the result of an earlier run, if there is one."""
        with self._database.transaction():
            version = handed.version
            earlier = self._database.row(_EARLIER, (storable(student.id), item, version, run, run, version))
            result = None if earlier is None else int(earlier[0])
            self._enter(run, student, item, handed, result, error=storable(error))

    def drop_later(self, run: int, versions: Mapping[tuple[str, str], int]) -> None:
        """Delete versions above these counts by student and item: they were removed during an interruption."""
        with self._database.transaction():
            self._database.change_all(
                "DELETE FROM entries WHERE run = ? AND student = ? AND item = ? AND version > ?",
                ((run, storable(student), item, count) for (student, item), count in versions.items()),
            )

    def store_code(self, sha256: str, text: str) -> None:
        """Store the code of a file for reports."""
        if self._database.row("SELECT 1 FROM works WHERE sha256 = ?", (sha256,)) is None:
            with self._database.transaction():
                self._database.change("INSERT OR IGNORE INTO works VALUES (?, ?)", (sha256, pack_text(text)))

    def end_run(self, run: int) -> None:
        """Mark a run as complete."""
        with self._database.transaction():
            self._database.change("UPDATE runs SET ended = ? WHERE id = ?", (_now(), run))

    def _enter(
        self,
        run: int,
        student: Student,
        item: str,
        handed: GradedFile,
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
        """Delete a student and their code from all runs. Results remain, to be reused for the same file."""
        with self._database.transaction():
            self._forget(storable(student))

    def merge(self, student: str, into: str) -> None:
        """Merge a student into the one with the id `into`, whose grade stays if both have one for a run and item."""
        old, new = storable(student), storable(into)
        with self._database.transaction():
            self._database.change(_JOIN_RUNS, (new, old))
            self._database.change(_DUPLICATES, (old, new))
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
        """Read these files, and replace the stored policies; None leaves a policy as it is.

        The files may name the `known` items even if nothing was handed in for them yet. If anything is wrong in a
        file, raise UsageError with file and line, and change nothing.
        """
        policies.store_policies(self._database, late, extensions, adjustments, known)

    def policy_files(self) -> dict[str, str]:
        """Return the names of the files that the policies were read from: `{"late": "late.yaml"}`."""
        return policies.policy_files(self._database)

    # ------------------------------------------------------------ views

    def runs(self) -> list[BatchRun]:
        """Return all runs, oldest first."""
        return book.runs(self._database)

    def run(self, run: int | None = None) -> BatchRun:
        """Return the run with a number, or the last one. Raise UsageError if there is none."""
        return book.find_run(self._database, run)

    def book(self, run: int | None = None) -> StoredBook:
        """Return a view of the latest grades, or of one run, with policies applied.

        Raise UsageError if there is no such run.
        """
        return StoredBook(self._database, run, policies.load_policy(self._database))

    def entries(self, run: int) -> Iterator[GradebookEntry]:
        """Yield the versions that count in a run, by student and item, without penalties and adjustments."""
        return self.book(run).entries()


def _stored(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _ignored(run: int, place: int, ignored: Ignored) -> tuple[Value, ...]:
    student = storable(ignored.student.id) if ignored.student else None
    return run, place, student, storable(ignored.file), storable(ignored.why), ignored.kind.value


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
