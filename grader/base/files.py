"""Read and write files: atomically, with errors as one sentence, and below a folder without following links."""

import errno
import io
import os
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self, TextIO

from grader.base.errors import UsageError
from grader.base.text import clean_line

EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every file in a ZIP, so that the same files give the same bytes

_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_LINK = "it is a symbolic link, which grade does not follow; replace it with its target"


def shown(path: Path) -> str:
    """Return the path for a message: relative to the working directory if it is below it, else absolute.

    It is absolute, too, where the working directory is the root, as in a judge.
    """
    path = path.absolute()
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the working directory was deleted
        return str(path)
    is_below = path.is_relative_to(here) and here != Path(here.anchor)
    return str(path.relative_to(here)) if is_below else str(path)


def is_below_folder(name: str) -> bool:
    """Return whether a relative path, with "/" as separator, stays below the folder that it starts in."""
    return all(part not in ("", ".", "..") for part in name.split("/"))


class Folder:
    """An open folder, whose files are read and written without following any symbolic link below it.

    The folder itself may be a link. Each part of a name is opened relative to the one before, so links that are created
    meanwhile are not followed either. All methods raise OSError with the full path in `filename`.
    """

    def __init__(self, root: Path) -> None:
        """Open an existing folder."""
        self._root = root
        self._handle = os.open(root, _FOLDER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def read(self, name: str) -> bytes | None:
        """Return the content of a regular file, or None if it does not exist."""
        try:
            with self._parent(name) as (folder, last):
                # without O_NONBLOCK a pipe would block; Python's open refuses folders
                handle = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
                try:
                    if not stat.S_ISREG(os.fstat(handle).st_mode):
                        raise OSError(errno.EINVAL, "it is no regular file; move it away")
                    with open(handle, "rb", closefd=False) as file:
                        return file.read()
                finally:
                    os.close(handle)
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file atomically. Missing parent folders are created."""
        with self.open_atomic(name) as file:
            file.write(data)

    @contextmanager
    def open_atomic(self, name: str) -> Iterator[BinaryIO]:
        """Open a temporary file that replaces `name` when it is closed. Missing parent folders are created."""
        with self._parent(name, make=True) as (folder, last):
            part = temporary_name()
            handle = os.open(part, _NEW, 0o666, dir_fd=folder)
            try:
                with open(handle, "wb") as file:
                    yield file
                os.replace(part, last, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=folder)
                raise

    def create(self, name: str, data: bytes) -> None:
        """Write a new file. Raise FileExistsError if the name is taken."""
        with self._parent(name) as (folder, last):
            handle = os.open(last, _NEW, 0o666, dir_fd=folder)
            try:
                with open(handle, "wb") as file:
                    file.write(data)
            except BaseException:
                os.unlink(last, dir_fd=folder)
                raise

    def move(self, name: str, to: str) -> None:
        """Rename a file or folder."""
        with self._parent(name) as (folder, last), self._parent(to) as (other, new):
            os.rename(last, new, src_dir_fd=folder, dst_dir_fd=other)

    def remove(self, name: str) -> None:
        """Remove a file, or a link but not its target."""
        with self._parent(name) as (folder, last):
            os.unlink(last, dir_fd=folder)

    def clear(self, name: str) -> None:
        """Remove a folder with its content. Errors are ignored."""
        with self._parent(name) as (folder, last):
            shutil.rmtree(last, ignore_errors=True, dir_fd=folder)

    @contextmanager
    def _parent(self, name: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """Yield a descriptor of the parent folder of a name, and the last part of the name."""
        if not is_below_folder(name):
            raise OSError(errno.EINVAL, "the name leads out of the folder", str(self._root / name))
        *folders, last = name.split("/")
        place, part = self._root, last
        here = os.dup(self._handle)
        try:
            for part in folders:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=here)
                inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here, place = inner, place / part
            part = last
            yield here, last
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(part, here):
                raise OSError(errno.ELOOP, _LINK, str(place / part)) from None
            error.filename = str(place / part)
            raise
        finally:
            os.close(here)


def temporary_name() -> str:
    """Return an unpredictable name for a temporary file, so that no link can be planted under it."""
    return f".{os.urandom(8).hex()}.part"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise UsageError if the block fails to read `path`, or to decode it as UTF-8."""
    try:
        yield
    except FileNotFoundError:
        raise UsageError(f"{_name(path)} does not exist.") from None
    except OSError as error:
        raise UsageError(f"{_name(path)} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{_name(path)}:{line}: not UTF-8; save the file in this encoding.") from None


@contextmanager
def writing(path: Path, inside: bool = False) -> Iterator[None]:
    """Raise UsageError if the block fails to write `path`.

    With `inside`, `path` is a folder, and the message names the file below it that cannot be written.
    """
    try:
        yield
    except OSError as error:
        named = Path(error.filename) if inside and error.filename else path
        raise UsageError(f"{_name(named)} cannot be written: {error.strerror or error}.") from None


def read_bytes(path: Path) -> bytes:
    """Return the content of a file. Raise UsageError if it cannot be read."""
    with reading(path):
        return path.read_bytes()


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file without its byte order mark. Raise UsageError if it cannot be read."""
    with reading(path):
        return path.read_bytes().decode("utf-8-sig")


@contextmanager
def open_atomic(path: Path) -> Iterator[TextIO]:
    """Open a temporary UTF-8 text file that replaces `path` when it is closed. Its folder is created if missing.

    Raise UsageError if it cannot be written; the old file is then unchanged.
    """
    with _open_atomic(path) as file, io.TextIOWrapper(file, "utf-8", "backslashreplace", newline="") as text:
        yield text


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a file atomically, as `open_atomic` does, and return its path."""
    with _open_atomic(path) as file:
        file.write(data)
    return path


def require_writable(folder: Path) -> None:
    """Create a folder if it is missing. Raise UsageError if no file can be written to it."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with Folder(folder) as opened:
            probe = temporary_name()
            opened.create(probe, b"")
            opened.remove(probe)


def zipped(files: Mapping[str, bytes], scripts: Collection[str] = ()) -> bytes:
    """Return a ZIP of the files, keyed by name; `scripts` are executable. Equal files give equal bytes."""
    import zipfile  # takes 2 ms, and most commands do not need it

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            member = zipfile.ZipInfo(name, EPOCH)
            member.create_system = 3  # Unix, whose permissions follow
            member.external_attr = (stat.S_IFREG | (0o755 if name in scripts else 0o644)) << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


@contextmanager
def _open_atomic(path: Path) -> Iterator[BinaryIO]:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with Folder(path.parent) as folder, folder.open_atomic(path.name) as file:
            yield file


def _name(path: Path) -> str:
    return clean_line(shown(path))


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
