"""The folder of a site: it is ours or empty, what is written is there whole, and what an earlier one had more goes."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.files import require_writable, shown, write_bytes

LIST = "site.json"  # by which a folder is known as a site


class _Site(msgspec.Struct, frozen=True):
    """The list of what was written."""

    made_by: str
    files: tuple[str, ...]


_MADE_BY = "grade site"


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Writes the files of a site, by their paths from its folder.

    UsageError if the folder holds something else than a site, or if it cannot be written.
    """
    before = _before(out)
    require_writable(out)
    for path, data in files.items():
        write_bytes(out / path, data)
    write_bytes(out / LIST, msgspec.json.format(msgspec.json.encode(_Site(_MADE_BY, tuple(sorted(files))))) + b"\n")
    for path in sorted(set(before) - set(files)):
        if (out / path).resolve().is_relative_to(out.resolve()):
            (out / path).unlink(missing_ok=True)


def _before(out: Path) -> tuple[str, ...]:
    """What an earlier site has in this folder."""
    try:
        site = msgspec.json.decode((out / LIST).read_bytes(), type=_Site)
        if site.made_by == _MADE_BY:
            return site.files
    except (OSError, msgspec.DecodeError):
        pass
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return ()
    raise UsageError(f"{shown(out)} is not empty and no site of grade site; name another folder.")
