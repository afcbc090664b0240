"""The gradebook's tables, as a list of migrations. Released migrations never change; new ones are appended."""

import sqlite3
from collections.abc import Sequence

from grader.base.errors import UsageError

APPLICATION = 0x41524347  # "ARCG": marks an SQLite file as a gradebook

FIRST = """
CREATE TABLE students (
    id TEXT PRIMARY KEY,
    name TEXT,
    email TEXT,
    login TEXT
) WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    ended TEXT,  -- NULL: interrupted; it can be resumed
    command TEXT NOT NULL,  -- JSON
    engine TEXT NOT NULL,
    course TEXT NOT NULL,
    course_hash TEXT NOT NULL,
    layout TEXT NOT NULL
);

CREATE TABLE run_items (  -- the items of a run, as they were then
    run INTEGER NOT NULL REFERENCES runs,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    lesson INTEGER NOT NULL,
    max_score REAL NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE TABLE run_students (  -- the students of a run, including those who handed in nothing
    run INTEGER NOT NULL REFERENCES runs,
    student TEXT NOT NULL REFERENCES students,
    PRIMARY KEY (run, student)
) WITHOUT ROWID;

CREATE TABLE results (  -- never changed
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,  -- that computed it
    key TEXT NOT NULL,  -- the same for the same submission, exercise and engine
    key_parts TEXT NOT NULL,  -- JSON
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    score REAL NOT NULL,
    max_score REAL NOT NULL,
    graded_at TEXT NOT NULL,
    payload BLOB NOT NULL  -- the whole result: JSON, compressed with zlib
);
CREATE INDEX results_by_key ON results (key);

CREATE TABLE entries (  -- the file that a student handed in for an item in a run, and its result
    run INTEGER NOT NULL,
    student TEXT NOT NULL,
    item TEXT NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    time TEXT,  -- when it was handed in
    late INTEGER,  -- what the learning platform says
    result INTEGER REFERENCES results,
    reused INTEGER NOT NULL,  -- the result existed already
    error TEXT,  -- a fault of the grader; the result is then from an earlier run, if there is one
    PRIMARY KEY (run, student, item),
    FOREIGN KEY (run, student) REFERENCES run_students,
    FOREIGN KEY (run, item) REFERENCES run_items
) WITHOUT ROWID;
CREATE INDEX entries_by_student ON entries (student, item, run);

CREATE TABLE policies (  -- penalties and adjustments
    name TEXT PRIMARY KEY,  -- late, extensions, adjustments
    file TEXT NOT NULL,  -- the name of the file that it was read from
    content TEXT NOT NULL,  -- of the file, as JSON
    given TEXT NOT NULL
) WITHOUT ROWID;
"""

SECOND = """
CREATE TABLE ignored (  -- files that a run did not grade; for a group, a row for each member
    run INTEGER NOT NULL REFERENCES runs,
    place INTEGER NOT NULL,
    student TEXT,  -- NULL: the owner is unknown
    file TEXT NOT NULL,
    why TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (run, place),
    FOREIGN KEY (run, student) REFERENCES run_students
) WITHOUT ROWID;
"""

THIRD = """
CREATE TABLE works (  -- the code that was graded
    sha256 TEXT PRIMARY KEY,  -- of the file
    text BLOB NOT NULL  -- of a notebook the code of its cells; UTF-8, compressed with zlib
) WITHOUT ROWID;

CREATE TABLE given (  -- the code of an exercise that everybody may have: its stub, its reference
    item TEXT NOT NULL,
    place INTEGER NOT NULL,
    text BLOB NOT NULL,  -- as above
    PRIMARY KEY (item, place)
) WITHOUT ROWID;
"""

FOURTH = """
CREATE TABLE entries_of_versions (  -- as `entries`, with all versions that a student handed in
    run INTEGER NOT NULL,
    student TEXT NOT NULL,
    item TEXT NOT NULL,
    version INTEGER NOT NULL,  -- from 1, in the order in which they were handed in
    versions INTEGER NOT NULL,  -- number of versions; none counts until all are recorded
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    time TEXT,
    late INTEGER,
    result INTEGER REFERENCES results,
    reused INTEGER NOT NULL,
    error TEXT,
    PRIMARY KEY (run, student, item, version),
    FOREIGN KEY (run, student) REFERENCES run_students,
    FOREIGN KEY (run, item) REFERENCES run_items
) WITHOUT ROWID;
INSERT INTO entries_of_versions
SELECT run, student, item, 1, 1, file, sha256, time, late, result, reused, error FROM entries;
DROP TABLE entries;
ALTER TABLE entries_of_versions RENAME TO entries;
CREATE INDEX entries_by_student ON entries (student, item, run);
"""

MIGRATIONS = (FIRST, SECOND, THIRD, FOURTH)


def migrate(connection: sqlite3.Connection, name: str, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Migrate a gradebook to the newest version, or create it in an empty file, in one transaction.

    Raise UsageError with the file's `name` if it has a newer version or is not a gradebook.
    """
    if _version(connection, name) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, name)  # another process may have migrated it meanwhile
        if version > len(migrations):
            raise UsageError(
                f"{name} has version {version}, but this archgrade supports versions up to {len(migrations)}; "
                "install a newer archgrade."
            )
        for number, script in enumerate(migrations[version:], start=version + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, name: str) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (tables or version):
        raise UsageError(f"{name} is a database of another program; name another folder.")
    return int(version)


def _statements(script: str) -> list[str]:
    """Return the statements of a script, for `execute`: `executescript` would commit the transaction around it."""
    statements, text = [], ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return statements
