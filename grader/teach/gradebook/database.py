"""The SQLite file of a gradebook: opens it, runs transactions, and turns its errors into messages."""

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.teach.gradebook.migrations import MIGRATIONS, migrate

FILE = "gradebook.sqlite"
TIMEOUT = 10  # seconds that a writer waits for another one

Value: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = tuple[Any, ...]

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",  # durable if the process is killed; a power failure may lose the last transactions
    "PRAGMA foreign_keys = ON",
)


class StorageFull(UsageError):
    """The disk is full. Everything recorded so far is intact."""

    exit_code = 4


def storable(text: str) -> str:
    """Return the text with escapes for the bytes of file names that are not UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Database:
    """The file of one gradebook. All methods raise UsageError if it cannot be read or written."""

    def __init__(self, folder: Path, *, create: bool, migrations: Sequence[str] = MIGRATIONS):
        """Open the file in `folder`, and migrate it to the newest version. Create it if it is missing and `create`."""
        self.folder = folder
        path = folder / FILE
        with storage_errors(folder):
            if create:
                folder.mkdir(parents=True, exist_ok=True)
            elif not path.is_file():
                raise UsageError(
                    f"{shown(folder)}: there is no gradebook here; grade batch SUBMISSIONS --out DIR creates one."
                )
            if path.is_file() and not path.stat().st_size:
                raise UsageError(
                    f"{shown(path)} is empty, as after an interrupted copy; restore the file, or remove it to begin a "
                    "new gradebook."
                )
            try:
                self._connection = _connect(path, migrations)
            except sqlite3.OperationalError as error:
                if create or not _is_read_only(error) or _has_log(path):
                    raise
                self._connection = _connect(path, migrations, immutable=True)

    def close(self) -> None:
        """Close the file."""
        with storage_errors(self.folder):
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the body as a transaction: commit at its end, roll back on an exception."""
        with storage_errors(self.folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Execute a statement within a transaction, and return the id of the row that it inserted."""
        return self._connection.execute(sql, values).lastrowid or 0

    def change_all(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Execute a statement for each of `rows` within a transaction."""
        self._connection.executemany(sql, rows)

    def row(self, sql: str, values: Sequence[Value] = ()) -> Row | None:
        """Return the first row of a query, or None."""
        return next(self.rows(sql, values), None)

    def rows(self, sql: str, values: Sequence[Value] = ()) -> Iterator[Row]:
        """Yield the rows of a query, all as they were when the first was read."""
        with storage_errors(self.folder), closing(self._connection.execute(sql, values)) as cursor:
            yield from cursor


def _connect(path: Path, migrations: Sequence[str], *, immutable: bool = False) -> sqlite3.Connection:
    """Connect to a gradebook and migrate it. `immutable` is for a file on a read-only disk."""
    name = f"{path.absolute().as_uri()}?mode=ro&immutable=1" if immutable else path
    connection = sqlite3.connect(name, timeout=TIMEOUT, isolation_level=None, uri=immutable)
    try:
        for setting in () if immutable else _SETTINGS:
            connection.execute(setting)
        migrate(connection, shown(path), migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_read_only(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


def _has_log(path: Path) -> bool:
    """Return whether recent results are still in the write-ahead log, which cannot be read on a read-only disk."""
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the file into UsageError. Errors that only a bug can cause are raised as they are."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(folder) from None
        raise UsageError(f"{shown(folder)} cannot be used: {error.strerror}; name another folder.") from None
    except sqlite3.DatabaseError as error:
        usage_error = _usage_error(error, folder)
        if usage_error is None:
            raise
        raise usage_error from None


def _usage_error(error: sqlite3.DatabaseError, folder: Path) -> UsageError | None:
    path = shown(folder / FILE)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code, without the extended one
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_disk_full(folder)):
        return _full(folder)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return UsageError(f"{path} is in use by another program; try again when it has ended.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return UsageError(f"{path} or its folder cannot be written; make both writable, or name another folder.")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return UsageError(f"{path} is not a gradebook, or is damaged: {error}; name another folder, or move it away.")
    if code == sqlite3.SQLITE_IOERR:
        return UsageError(f"{path} cannot be read or written: {error}; check the disk.")
    return None


def _full(folder: Path) -> StorageFull:
    return StorageFull(
        f"The disk of {shown(folder)} is full. Grades so far are kept; make room, and run the same command again."
    )


def _is_disk_full(folder: Path) -> bool:
    """Return whether not even a page of SQLite's files fits on the disk."""
    if not hasattr(os, "statvfs"):
        return False
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize < 2**16
