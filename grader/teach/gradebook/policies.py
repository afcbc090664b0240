"""The policies in the gradebook: read from their files once, kept, and applied whenever grades are read."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from grader.teach.gradebook import book
from grader.teach.gradebook.database import Database, storable
from grader.teach.gradebook.late import LatePolicy, read_late_policy
from grader.teach.gradebook.policy import Policy
from grader.teach.gradebook.tables import Adjustment, Extension, Names, read_adjustments, read_extensions

_KEEP = "INSERT OR REPLACE INTO policies (name, file, content, given) VALUES (?, ?, ?, ?)"


def keep(
    database: Database, late: Path | None, extensions: Path | None, adjustments: Path | None, known: Iterable[str]
) -> None:
    """Reads these files and keeps what they say, in place of what was given before; None leaves that as it is.

    `known` are items that the files may name although nothing was handed in for them yet. UsageError with file and
    line for what is wrong, and nothing is changed then.
    """
    handed_in = [id_ for (id_,) in database.rows("SELECT DISTINCT id FROM run_items ORDER BY id")]
    items = list(dict.fromkeys([*handed_in, *known]))
    names = Names(book.students(database, None), items)
    given: list[tuple[str, Path, object]] = []
    if late is not None:
        given.append(("late", late, read_late_policy(late, items)))
    if extensions is not None:
        given.append(("extensions", extensions, read_extensions(extensions, names)))
    if adjustments is not None:
        given.append(("adjustments", adjustments, read_adjustments(adjustments, names)))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with database.transaction():
        for name, path, content in given:
            database.change(_KEEP, (name, storable(path.name), msgspec.json.encode(content).decode(), now))


def policy(database: Database) -> Policy:
    """What is in force."""
    content: dict[str, str] = dict(database.rows("SELECT name, content FROM policies"))
    return Policy(
        late=msgspec.json.decode(content.get("late", "null"), type=LatePolicy | None),
        extensions=msgspec.json.decode(content.get("extensions", "[]"), type=list[Extension]),
        adjustments=msgspec.json.decode(content.get("adjustments", "[]"), type=list[Adjustment]),
    )


def files(database: Database) -> dict[str, str]:
    """The names of the files that it was read from: `{"late": "late.yaml"}`."""
    return dict(database.rows("SELECT name, file FROM policies ORDER BY name"))
