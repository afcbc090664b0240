"""Write a site to its folder, and delete files of an earlier site that this one does not have."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.files import require_writable, shown, write_bytes

MANIFEST = "site.json"  # marks a folder as a site
_MADE_BY = "grade site"


class _Manifest(msgspec.Struct, frozen=True):
    """The list of files that were written."""

    made_by: str
    files: tuple[str, ...]


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a site, given by their paths relative to its folder.

    Raises UsageError if the folder contains something other than a site, or if it cannot be written.
    """
    before = _files_of_earlier_site(out)
    require_writable(out)
    for path, data in files.items():
        write_bytes(out / path, data)
    manifest = _Manifest(_MADE_BY, tuple(sorted(files)))
    write_bytes(out / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    for path in sorted(set(before) - set(files)):
        if (out / path).resolve().is_relative_to(out.resolve()):  # a forged manifest must not delete other files
            (out / path).unlink(missing_ok=True)


def require_site_folder(out: Path) -> None:
    """Raise UsageError if the folder contains something other than a site."""
    _files_of_earlier_site(out)


def _files_of_earlier_site(out: Path) -> tuple[str, ...]:
    try:
        manifest = msgspec.json.decode((out / MANIFEST).read_bytes(), type=_Manifest)
        if manifest.made_by == _MADE_BY:
            return manifest.files
    except (OSError, msgspec.DecodeError):
        pass
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return ()
    raise UsageError(f"{shown(out)} is not empty and was not written by grade site; choose another folder.")
