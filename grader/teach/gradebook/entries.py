"""The entries of a gradebook: the hand-ins of one run, or the latest ones, with their stored results."""

import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath
from typing import Literal

import msgspec

from grader.base.result import Outcome, Result
from grader.quiz.result import QuizResult
from grader.teach.gradebook.database import Database, Row
from grader.teach.gradebook.model import AnyResult, GradedFile

_COLUMNS = """
SELECT e.student, e.item, e.version, e.versions, e.file, e.sha256, e.time, e.late, e.error,
       r.id, r.key, r.key_parts, r.kind, r.outcome, r.score, r.max_score, r.payload
FROM entries AS e LEFT JOIN results AS r ON r.id = e.result
"""
_IS_WHOLE = """
{0}.versions = (SELECT count(*) FROM entries WHERE run = {0}.run AND student = {0}.student AND item = {0}.item)
"""
_OF_RUN = f"{_COLUMNS} WHERE e.run = ? AND {_IS_WHOLE.format('e')} ORDER BY e.student, e.item, e.version"
_IS_LATEST = f"""
e.run = (
    SELECT max(run) FROM entries AS o WHERE student = e.student AND item = e.item AND {_IS_WHOLE.format("o")}
)
"""
_LATEST = f"{_COLUMNS} WHERE {_IS_LATEST} ORDER BY e.student, e.item, e.version"
_LATEST_OF_STUDENT = f"{_COLUMNS} WHERE e.student = ? AND {_IS_LATEST} ORDER BY e.item, e.version"

_exercise: msgspec.json.Decoder[Result] = msgspec.json.Decoder(Result)
_quiz: msgspec.json.Decoder[QuizResult] = msgspec.json.Decoder(QuizResult)
_parts: msgspec.json.Decoder[dict[str, str]] = msgspec.json.Decoder(dict[str, str])


class StoredResult(msgspec.Struct, frozen=True, kw_only=True):
    """A result as stored: the commonly used fields, and the whole result compressed."""

    id: int
    key: str
    parts: str  # the key's parts as JSON
    kind: Literal["exercise", "quiz"]
    outcome: Outcome
    score: float
    max_score: float
    payload: bytes

    @property
    def key_parts(self) -> dict[str, str]:
        """The parts of the key by name: the hash of the exercise, the engine, torch, ..."""
        return _parts.decode(self.parts)

    def load(self, file: str) -> AnyResult:
        """Return the whole result with the name of `file`: equal files of several students may have different names."""
        data = zlib.decompress(self.payload)
        if self.kind == "quiz":
            return _quiz.decode(data)
        return msgspec.structs.replace(_exercise.decode(data), file=PurePath(file).name)


class GradebookEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a student's work on an item in one run, and its result."""

    student: str  # id
    item: str
    handed: GradedFile
    error: str | None
    result: StoredResult | None


def pack_result(result: AnyResult) -> bytes:
    """Return a result as bytes to store."""
    return zlib.compress(msgspec.json.encode(result), 1)


def pack_text(text: str) -> bytes:
    """Return code as bytes to store."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6)


def unpack_text(data: bytes) -> str:
    """Return the code that `pack_text` stored."""
    return zlib.decompress(data).decode("utf-8", "surrogatepass")


def entries(database: Database, run: int | None, student: str | None = None) -> Iterator[GradebookEntry]:
    """Yield the entries of a run, by student, item and version; without `run` the latest ones.

    With `student`, yield only that student's latest entries. An item's versions are skipped as long as one of them has
    no grade yet.
    """
    if run is not None:
        rows = database.rows(_OF_RUN, (run,))
    elif student is not None:
        rows = database.rows(_LATEST_OF_STUDENT, (student,))
    else:
        rows = database.rows(_LATEST)
    return map(_entry, rows)


def _entry(row: Row) -> GradebookEntry:
    student, item, version, versions, file, sha256, time, late, error, *result = row
    return GradebookEntry(
        student=student,
        item=item,
        handed=GradedFile(
            file=file,
            sha256=sha256,
            time=None if time is None else datetime.fromisoformat(time),
            late=None if late is None else bool(late),
            version=version,
            versions=versions,
        ),
        error=error,
        result=None if result[0] is None else _stored_result(*result),
    )


def _stored_result(
    id_: int, key: str, parts: str, kind: str, outcome: str, score: float, max_score: float, payload: bytes
) -> StoredResult:
    return StoredResult(
        id=id_,
        key=key,
        parts=parts,
        kind="quiz" if kind == "quiz" else "exercise",
        outcome=Outcome(outcome),
        score=score,
        max_score=max_score,
        payload=payload,
    )
