"""The policies in the gradebook: read from their files once, stored, and applied whenever grades are read."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from grader.teach.gradebook import book
from grader.teach.gradebook.database import Database, storable
from grader.teach.gradebook.late import LatePolicy, read_late_policy
from grader.teach.gradebook.policy import GradingPolicy
from grader.teach.gradebook.tables import Adjustment, Extension, NameLookup, read_adjustments, read_extensions

_STORE = "INSERT OR REPLACE INTO policies (name, file, content, given) VALUES (?, ?, ?, ?)"


def store_policies(
    database: Database, late: Path | None, extensions: Path | None, adjustments: Path | None, known: Iterable[str]
) -> None:
    """Read these files, and replace the stored policies; None leaves a policy as it is.

    The files may name the `known` items even if nothing was handed in for them yet. If anything is wrong in a file,
    raise UsageError with file and line, and change nothing.
    """
    handed_in = [id_ for (id_,) in database.rows("SELECT DISTINCT id FROM run_items ORDER BY id")]
    items = list(dict.fromkeys([*handed_in, *known]))
    names = NameLookup(book.students(database, None), items)
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
            database.change(_STORE, (name, storable(path.name), msgspec.json.encode(content).decode(), now))


def load_policy(database: Database) -> GradingPolicy:
    """Return the stored policies."""
    content: dict[str, str] = dict(database.rows("SELECT name, content FROM policies"))
    return GradingPolicy(
        late=msgspec.json.decode(content.get("late", "null"), type=LatePolicy | None),
        extensions=msgspec.json.decode(content.get("extensions", "[]"), type=list[Extension]),
        adjustments=msgspec.json.decode(content.get("adjustments", "[]"), type=list[Adjustment]),
    )


def policy_files(database: Database) -> dict[str, str]:
    """Return the names of the files that the policies were read from: `{"late": "late.yaml"}`."""
    return dict(database.rows("SELECT name, file FROM policies ORDER BY name"))
