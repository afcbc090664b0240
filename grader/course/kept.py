"""Keep a course as it was last loaded, so that a command that only looks at it need not parse YAML again.

The file is a cache: it may be deleted, and whatever the course was loaded from is looked at before it is believed.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from grader.base.files import Folder
from grader.course.model import Course
from grader.course.workspace.progress_folder import FOLDER  # nothing is kept where the grader has not written yet

_FILE = "course.msgpack"
_SETTLED = 2_000_000_000  # ns: a file that changed later than that could change once more and look the same

Stamps = tuple[tuple[str, int, int], ...]  # path, time of the last change in ns (0: there is none), size


class _Kept(msgspec.Struct, frozen=True):
    """The content of the file."""

    stamps: Stamps
    course: Course


def stamps_of(paths: Iterator[str]) -> Stamps:
    """Return what changes when a file, or the list of files in a folder, does."""
    return tuple(map(_stamp, paths))


def kept_course(root: Path, stamps: Stamps) -> Course | None:
    """Return the course as it was loaded from files with these stamps; None if it is not kept."""
    with suppress(OSError, msgspec.DecodeError):  # it was never kept, or by another version: it is loaded anew
        kept = _DECODER.decode((root / FOLDER / _FILE).read_bytes())
        if kept.stamps == stamps:
            return kept.course
    return None


def keep_course(course: Course, stamps: Stamps) -> None:
    """Keep a course that was loaded from files with these stamps, if its folder can be written to."""
    newest = max(changed for _, changed, _ in stamps)
    if newest + _SETTLED < time.time_ns() and (course.root / FOLDER).is_dir():
        with suppress(OSError), Folder(course.root) as folder:  # the next command is slower, no more
            folder.write(f"{FOLDER}/{_FILE}", _ENCODER.encode(_Kept(stamps, course)))


def _stamp(path: str) -> tuple[str, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_size


def _encode(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError


def _decode(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode)
_DECODER = msgspec.msgpack.Decoder(_Kept, dec_hook=_decode)
