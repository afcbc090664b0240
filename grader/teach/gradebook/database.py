"""The SQLite file: opened, changed in transactions, and its errors as sentences."""

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
PATIENCE = 10  # seconds that a writer waits for another one

Value: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = tuple[Any, ...]

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",  # what was recorded outlives this process; a power cut may cost the last moments
    "PRAGMA foreign_keys = ON",
)


class StorageFull(UsageError):
    """There is no room for another result. What was recorded before is whole."""

    exit_code = 4


def storable(text: str) -> str:
    """The text, with an escape for each byte of a file's name that is no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Database:
    """The file of one gradebook. UsageError, where it cannot be read or written, says so in a sentence."""

    def __init__(self, folder: Path, *, create: bool, migrations: Sequence[str] = MIGRATIONS):
        """Opens the file in `folder` and brings it to the newest version; makes it where there is none, if `create`."""
        self.folder = folder
        path = folder / FILE
        with told(folder):
            if create:
                folder.mkdir(parents=True, exist_ok=True)
            elif not path.is_file():
                raise UsageError(
                    f"{shown(folder)}: there is no gradebook here; grade batch SUBMISSIONS --out DIR makes one."
                )
            if path.is_file() and not path.stat().st_size:
                raise UsageError(
                    f"{shown(path)} is empty, as after a copy that broke off; put the whole file there, or remove it "
                    "to begin a new gradebook."
                )
            try:
                self._connection = _opened(path, migrations)
            except sqlite3.OperationalError as error:
                if create or not _unwritable(error) or _unfinished(path):
                    raise
                self._connection = _opened(path, migrations, immutable=True)

    def close(self) -> None:
        with told(self.folder):
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of a change or nothing of it."""
        with told(self.folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Carries out a statement within a transaction; the id of the row that it inserted."""
        return self._connection.execute(sql, values).lastrowid or 0

    def change_all(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Carries out a statement for each of `rows`, within a transaction."""
        self._connection.executemany(sql, rows)

    def row(self, sql: str, values: Sequence[Value] = ()) -> Row | None:
        """The first row that a query finds, if any."""
        return next(self.rows(sql, values), None)

    def rows(self, sql: str, values: Sequence[Value] = ()) -> Iterator[Row]:
        """The rows that a query finds, one at a time, all as they were when the first was read."""
        with told(self.folder), closing(self._connection.execute(sql, values)) as cursor:
            yield from cursor


def _opened(path: Path, migrations: Sequence[str], *, immutable: bool = False) -> sqlite3.Connection:
    """A connection to a gradebook of the newest version. `immutable`: to one that nobody can write, as it is."""
    name = f"{path.absolute().as_uri()}?mode=ro&immutable=1" if immutable else path
    connection = sqlite3.connect(name, timeout=PATIENCE, isolation_level=None, uri=immutable)
    try:
        for setting in () if immutable else _SETTINGS:
            connection.execute(setting)
        migrate(connection, shown(path), migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _unwritable(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


def _unfinished(path: Path) -> bool:
    """Whether recent results lie beside the file, where nobody who cannot write may look for them."""
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Turns what goes wrong with the file into a sentence. What can only be a fault of ours passes through."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(folder) from None
        raise UsageError(f"{shown(folder)} cannot be used: {error.strerror}; name another folder.") from None
    except sqlite3.DatabaseError as error:
        sentence = _sentence(error, folder)
        if sentence is None:
            raise
        raise sentence from None


def _sentence(error: sqlite3.DatabaseError, folder: Path) -> UsageError | None:
    path = shown(folder / FILE)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest tells more exactly where it arose
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _no_room(folder)):
        return _full(folder)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return UsageError(f"{path} is in use by another program; try again when that has ended.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return UsageError(f"{path} cannot be written, nor its folder; make them writable, or name another folder.")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return UsageError(f"{path} is no gradebook, or is damaged: {error}; name another folder, or move it away.")
    if code == sqlite3.SQLITE_IOERR:
        return UsageError(f"{path} cannot be read or written: {error}; is the disk in order?")
    return None


def _full(folder: Path) -> StorageFull:
    return StorageFull(
        f"There is no room left in {shown(folder)}. What was recorded is kept; make room, and give the same command."
    )


def _no_room(folder: Path) -> bool:
    """Whether not even a page of SQLite's files would fit."""
    if not hasattr(os, "statvfs"):
        return False
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize < 2**16
