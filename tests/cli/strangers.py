"""A workspace from an untrusted source, and files beside it that commands must not touch."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.ordinary import Done, run_by

LINK = "it is a symbolic link, which grade does not follow; replace it with its target."
EMPTY = hashlib.sha256(b"").hexdigest()
Snapshot = dict[str, tuple[int, int, int, bytes | None]]


@dataclass
class Scene:
    """A workspace in `mine`, and a home with files beside it, all in one folder that belongs to the user."""

    folder: Path
    user: str

    @property
    def mine(self) -> Path:
        return self.folder / "mine"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def run(self, *words: str) -> Done:
        """Run `grade` as the user."""
        return run_by(self.user, self.folder, words)

    def error(self, *words: str) -> str:
        """Return the one sentence with which a command refuses, having changed nothing anywhere."""
        before = snapshot(self.folder)
        done = self.run(*words)
        assert (done.exit_code, done.stdout) == (2, ""), done
        assert snapshot(self.folder) == before
        assert done.stderr.count("\n") == 1
        return done.stderr.removeprefix("error: ").rstrip("\n")

    def name_in_marker(self, **entries: str) -> None:
        """Have the marker name further files, as given with these hashes."""
        marker = self.mine / ".workspace.json"
        data = msgspec.json.decode(marker.read_bytes())
        data["files"] |= entries
        marker.write_bytes(msgspec.json.encode(data))

    def link_out(self, name: str) -> None:
        """Move a file or folder of the workspace to the home, and leave a link to it."""
        path = self.mine / name
        there = self.home / path.name
        path.rename(there)
        path.symlink_to(os.path.relpath(there, path.parent))


def snapshot(folder: Path) -> Snapshot:
    """Return the type, modification time and content of every file, folder and link below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path.relative_to(folder))] = status.st_mode, status.st_ino, status.st_mtime_ns, content
    return found
