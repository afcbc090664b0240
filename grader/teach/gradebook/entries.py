"""The rows of one run, or the latest ones, as typed values, read one at a time."""

import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath
from typing import Literal

import msgspec

from grader.base.result import Outcome, Result
from grader.quiz.result import QuizResult
from grader.teach.gradebook.database import Database, Row
from grader.teach.gradebook.model import Handed, Measured

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


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """A result as it is stored: what is asked for often as it is, the rest compressed."""

    id: int
    key: str
    parts: str  # JSON: what the key was made of
    kind: Literal["exercise", "quiz"]
    outcome: Outcome
    score: float
    max_score: float
    payload: bytes

    @property
    def key_parts(self) -> dict[str, str]:
        """What the key was made of, by name: the hash of the exercise, the engine, torch, ..."""
        return _parts.decode(self.parts)

    def measured(self, file: str) -> Measured:
        """The whole result, with the name of `file`: another who handed in the same may have named it otherwise."""
        data = zlib.decompress(self.payload)
        if self.kind == "quiz":
            return _quiz.decode(data)
        return msgspec.structs.replace(_exercise.decode(data), file=PurePath(file).name)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found of one student for one item, or one version of it."""

    student: str  # id
    item: str
    handed: Handed
    error: str | None
    scored: Scored | None


def pack(measured: Measured) -> bytes:
    """A result as it is stored."""
    return zlib.compress(msgspec.json.encode(measured), 1)


def pack_text(text: str) -> bytes:
    """Code as it is stored."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6)


def unpack_text(data: bytes) -> str:
    """The code again."""
    return zlib.decompress(data).decode("utf-8", "surrogatepass")


def entries(database: Database, run: int | None, student: str | None = None) -> Iterator[Entry]:
    """Return the entries of a run, by student, item and version; without `run` the latest ones.

    With `student` they are those of one student. Of what a student handed in for an item there are all versions, or,
    as long as one of them is not graded, none.
    """
    if run is not None:
        rows = database.rows(_OF_RUN, (run,))
    elif student is not None:
        rows = database.rows(_LATEST_OF_STUDENT, (student,))
    else:
        rows = database.rows(_LATEST)
    return map(_entry, rows)


def _entry(row: Row) -> Entry:
    student, item, version, versions, file, sha256, time, late, error, *result = row
    return Entry(
        student=student,
        item=item,
        handed=Handed(
            file=file,
            sha256=sha256,
            time=None if time is None else datetime.fromisoformat(time),
            late=None if late is None else bool(late),
            version=version,
            versions=versions,
        ),
        error=error,
        scored=None if result[0] is None else _scored(*result),
    )


def _scored(
    id_: int, key: str, parts: str, kind: str, outcome: str, score: float, max_score: float, payload: bytes
) -> Scored:
    return Scored(
        id=id_,
        key=key,
        parts=parts,
        kind="quiz" if kind == "quiz" else "exercise",
        outcome=Outcome(outcome),
        score=score,
        max_score=max_score,
        payload=payload,
    )
