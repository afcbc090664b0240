"""Where a warm process that stays is found: at a Unix socket, in a folder that is its user's alone.

The socket's name is the likeness of the process behind it, so whoever would start another one does not find it.
Whatever is not as it should be (another user's folder, a socket that nobody listens at, a full disk, no answer) ends in
None, and the caller does without.
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

from grader.engine.pool.messages import MAX_REQUEST, About, Look, decode_tell, encode

IDLE = 15 * 60.0  # seconds without a command line after which a warm process that stays ends
PATIENCE = 2.0  # seconds for an answer that takes a warm process no time
_SUFFIX = ".warm"
_OFF = ("", "0", "false", "no", "off")
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


def refused() -> str | None:
    """The environment variable by which no warm process may stay: CI is set where nobody comes back."""
    if os.environ.get("ARCHGRADE_WARM", "1").lower() in _OFF:
        return "ARCHGRADE_WARM"
    return "CI" if os.environ.get("CI", "").lower() not in _OFF else None


def socket_of(likeness: str) -> Path:
    """Where the warm process of this likeness is found, if there is one."""
    return _own_folder() / (likeness + _SUFFIX)


def connect(path: Path) -> tuple[socket.socket, About] | None:
    """A connection to the warm process at this socket, which has answered."""
    try:
        with _opened(path.parent) as folder:
            connection = _reach(folder, path.name)
    except OSError:
        return None
    about = asked(connection)
    if about is None:
        connection.close()
        return None
    return connection, about


def running() -> Iterator[socket.socket]:
    """A connection to each warm process of this user that stays, whatever it is like."""
    with suppress(OSError), _opened(_own_folder()) as folder:
        for file in sorted(os.listdir(folder)):
            if file.endswith(_SUFFIX):
                with suppress(OSError), _reach(folder, file) as connection:
                    yield connection


def asked(connection: socket.socket) -> About | None:
    """What a warm process says of itself."""
    connection.settimeout(PATIENCE)
    try:
        connection.send(encode(Look()))
        told = decode_tell.decode(connection.recv(MAX_REQUEST))
    except (OSError, msgspec.MsgspecError):
        return None
    connection.settimeout(None)
    return told if isinstance(told, About) else None


class Place:
    """The socket at which a warm process that stays is found."""

    def __init__(self, listener: socket.socket, path: Path):
        self.listener = listener
        self.path = path
        self._made = _made(path)

    @classmethod
    def take(cls, path: Path) -> "Place | None":
        """Listens there, unless another process does already."""
        try:
            with suppress(FileExistsError):
                path.parent.mkdir(mode=0o700)
            with _opened(path.parent) as folder:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # who finds it locked leaves it to the other one
                listener = _listen(folder, path.name)
                return None if listener is None else cls(listener, path)
        except OSError:
            return None

    def is_own(self) -> bool:
        """Whether who looks there finds this socket."""
        with suppress(OSError):
            return _made(self.path) == self._made
        return False

    def leave(self) -> None:
        """Is not found any more. As long as somebody listens, nobody takes the place."""
        if self.is_own():
            with suppress(OSError):
                self.path.unlink()
        self.listener.close()


def _made(path: Path) -> tuple[int, int]:
    """What tells a file from another one of its name: its number alone may be given anew."""
    status = path.lstat()
    return status.st_ino, status.st_ctime_ns


def peer(connection: socket.socket) -> tuple[int, int]:
    """The process at the other end of a connection, and its user."""
    size = _CREDENTIALS.size
    pid, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return pid, uid


def _own_folder() -> Path:
    """The folder of the sockets of this user."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    with suppress(OSError):
        if runtime and os.stat(runtime).st_uid == os.geteuid():  # not so for who has become root
            return Path(runtime, "archgrade")
    return Path(os.environ.get("TMPDIR") or "/tmp", f"archgrade-{os.geteuid()}")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A descriptor of a folder. OSError if it is not there, or not this user's alone."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise PermissionError(f"{path} is not this user's alone")
        yield folder
    finally:
        os.close(folder)


def _listen(folder: int, file: str) -> socket.socket | None:
    """A socket that listens under this name; None if one does already."""
    with suppress(ConnectionRefusedError, FileNotFoundError), _reach(folder, file):
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


def _reach(folder: int, file: str) -> socket.socket:
    """A connection to the socket of this name. OSError, also where it is another user's."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(_address(folder, file))
        if peer(connection)[1] != os.geteuid():
            raise PermissionError(f"{file} is another user's")
    except OSError:
        connection.close()
        raise
    return connection


def _address(folder: int, file: str) -> str:
    """A path that is short enough for a socket, however deep the folder lies, and leads nowhere else."""
    return f"/proc/self/fd/{folder}/{file}"
