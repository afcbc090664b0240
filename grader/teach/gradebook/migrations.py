"""The gradebook's tables, as the list of changes that led to them. A list only grows: what was released stays."""

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
    ended TEXT,  -- NULL: interrupted, and can go on
    command TEXT NOT NULL,  -- JSON
    engine TEXT NOT NULL,
    course TEXT NOT NULL,
    course_hash TEXT NOT NULL,
    layout TEXT NOT NULL
);

CREATE TABLE run_items (  -- what a run graded, as it was then
    run INTEGER NOT NULL REFERENCES runs,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    lesson INTEGER NOT NULL,
    max_score REAL NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE TABLE run_students (  -- whom a run knew of, those who handed nothing in included
    run INTEGER NOT NULL REFERENCES runs,
    student TEXT NOT NULL REFERENCES students,
    PRIMARY KEY (run, student)
) WITHOUT ROWID;

CREATE TABLE results (  -- what was measured; never changed
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,  -- that measured it
    key TEXT NOT NULL,  -- the same for the same submission, exercise and engine
    key_parts TEXT NOT NULL,  -- JSON: what the key was made of
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    score REAL NOT NULL,
    max_score REAL NOT NULL,
    graded_at TEXT NOT NULL,
    payload BLOB NOT NULL  -- the whole result: JSON, compressed with zlib
);
CREATE INDEX results_by_key ON results (key);

CREATE TABLE entries (  -- what a student handed in for an item, as a run found it, and what came of it
    run INTEGER NOT NULL,
    student TEXT NOT NULL,
    item TEXT NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    time TEXT,  -- when it was handed in
    late INTEGER,  -- what the learning platform says
    result INTEGER REFERENCES results,
    reused INTEGER NOT NULL,  -- the result was there already: nothing had changed, or another handed in the same
    error TEXT,  -- a fault of the grader; the result is then the former one, if there is one
    PRIMARY KEY (run, student, item),
    FOREIGN KEY (run, student) REFERENCES run_students,
    FOREIGN KEY (run, item) REFERENCES run_items
) WITHOUT ROWID;
CREATE INDEX entries_by_student ON entries (student, item, run);

CREATE TABLE policies (  -- what is done to scores after they were measured
    name TEXT PRIMARY KEY,  -- late, extensions, adjustments
    file TEXT NOT NULL,  -- the name of the file that it was read from
    content TEXT NOT NULL,  -- JSON: what the file said
    given TEXT NOT NULL
) WITHOUT ROWID;
"""

SECOND = """
CREATE TABLE ignored (  -- what a run found and did not grade; of a group, a row for each member
    run INTEGER NOT NULL REFERENCES runs,
    place INTEGER NOT NULL,
    student TEXT,  -- NULL: nothing tells whose it is
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
    versions INTEGER NOT NULL,  -- how many there are: as long as fewer are recorded, none of them counts
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
    """Brings a gradebook to the newest version, or makes it in an empty file; all changes or none.

    `name` is the file's, for the UsageError where it is of a newer version, or is a database of something else.
    """
    if _version(connection, name) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, name)  # another process may have been quicker
        if version > len(migrations):
            raise UsageError(
                f"{name} is of version {version}, and this archgrade knows versions up to {len(migrations)}; "
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
        raise UsageError(f"{name} is a database of something else; name another folder.")
    return int(version)


def _statements(script: str) -> list[str]:
    """The statements of a script. (`executescript` would commit the transaction around it.)"""
    statements, text = [], ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return statements
