"""The Unix socket of a resident warm process, in a folder that only its user can enter.

The socket is named by the identity hash of its process, so a command finds only a process like the one that it would
start. Whatever goes wrong (another user's folder, a stale socket, a full disk, no response) is reported as None, and
the caller does without a resident process.
"""

import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from grader.engine.pool.messages import MAX_DATAGRAM, GetStatus, Status, encode, response_decoder

IDLE_TIMEOUT = 15 * 60.0  # seconds without a client after which a resident process ends
RESPONSE_TIMEOUT = 2.0  # seconds for a response that needs no work
_SUFFIX = ".warm"
_FALSE_VALUES = ("", "0", "false", "no", "off")
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


def disabled_by() -> str | None:
    """Return the environment variable that forbids a resident process. CI is one, since no later command follows."""
    if os.environ.get("ARCHGRADE_WARM", "1").lower() in _FALSE_VALUES:
        return "ARCHGRADE_WARM"
    return "CI" if os.environ.get("CI", "").lower() not in _FALSE_VALUES else None


def socket_path(identity: str) -> Path:
    """Return where the resident process with this identity hash listens, if there is one."""
    return _user_folder() / (identity + _SUFFIX)


def connect(path: Path) -> tuple[socket.socket, Status] | None:
    """Connect to the resident process at `path`. Return None unless it responds."""
    try:
        with _open_private_folder(path.parent) as folder:
            connection = _connect(folder, path.name)
    except OSError:
        return None
    status = get_status(connection)
    if status is None:
        connection.close()
        return None
    return connection, status


def connect_to_all() -> Iterator[socket.socket]:
    """Yield a connection to each resident process of this user, whatever its identity."""
    with suppress(OSError), _open_private_folder(_user_folder()) as folder:
        for file in sorted(os.listdir(folder)):
            if file.endswith(_SUFFIX):
                with suppress(OSError), _connect(folder, file) as connection:
                    yield connection


def get_status(connection: socket.socket) -> Status | None:
    """Return the status of the warm process at the other end. Return None unless it responds in time."""
    connection.settimeout(RESPONSE_TIMEOUT)
    try:
        connection.send(encode(GetStatus()))
        response = response_decoder.decode(connection.recv(MAX_DATAGRAM))
    except (OSError, msgspec.MsgspecError):
        return None
    connection.settimeout(None)
    return response if isinstance(response, Status) else None


class ResidentSocket:
    """The socket at which a resident process listens."""

    def __init__(self, listener: socket.socket, path: Path):
        self.listener = listener
        self.path = path
        self._file_id = _file_id(path)

    @classmethod
    def listen(cls, path: Path) -> "ResidentSocket | None":
        """Listen at `path`. Return None if another process does, or if that is not possible."""
        try:
            with suppress(FileExistsError):
                path.parent.mkdir(mode=0o700)
            with _open_private_folder(path.parent) as folder:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if another process is about to listen
                listener = _listen(folder, path.name)
                return None if listener is None else cls(listener, path)
        except OSError:
            return None

    def is_in_place(self) -> bool:
        """Return whether clients that connect to the path reach this socket."""
        with suppress(OSError):
            return _file_id(self.path) == self._file_id
        return False

    def close(self) -> None:
        """Remove the file if it is this socket's, then stop listening.

        In this order, since no other process replaces a socket at which one still listens.
        """
        if self.is_in_place():
            with suppress(OSError):
                self.path.unlink()
        self.listener.close()


def _file_id(path: Path) -> tuple[int, int]:
    """Return what distinguishes a file from a later one of the same name, which may get the same inode."""
    status = path.lstat()
    return status.st_ino, status.st_ctime_ns


def peer_credentials(connection: socket.socket) -> tuple[int, int]:
    """Return the process id and the user id of the process at the other end."""
    size = _CREDENTIALS.size
    pid, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return pid, uid


def _user_folder() -> Path:
    """Return the folder of this user's sockets."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    with suppress(OSError):
        if runtime and os.stat(runtime).st_uid == os.geteuid():  # false after sudo, which may keep the variable
            return Path(runtime, "archgrade")
    return Path(os.environ.get("TMPDIR") or "/tmp", f"archgrade-{os.geteuid()}")


@contextmanager
def _open_private_folder(path: Path) -> Iterator[int]:
    """Open a folder and yield its descriptor. Raise OSError unless it exists and only this user can enter it."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise PermissionError(f"{path} is accessible to other users")
        yield folder
    finally:
        os.close(folder)


def _listen(folder: int, file: str) -> socket.socket | None:
    """Listen at a file of an open folder, and replace a stale socket. Return None if a process listens there."""
    with suppress(ConnectionRefusedError, FileNotFoundError), _connect(folder, file):
        return None
    with suppress(FileNotFoundError):
        os.unlink(file, dir_fd=folder)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mask = os.umask(0o177)
    try:
        listener.bind(_address(folder, file))
        listener.listen()
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener


def _connect(folder: int, file: str) -> socket.socket:
    """Connect to a socket in an open folder. Raise OSError, also if another user's process listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(RESPONSE_TIMEOUT)
    try:
        connection.connect(_address(folder, file))
        if peer_credentials(connection)[1] != os.geteuid():
            raise PermissionError(f"{file} belongs to another user")
    except OSError:
        connection.close()
        raise
    return connection


def _address(folder: int, file: str) -> str:
    """Return a path that is short enough for a socket address, and that no replaced folder can redirect."""
    return f"/proc/self/fd/{folder}/{file}"
