"""A course as judges need it, on this machine or on another: tests, references and mistakes, and hashes of them."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

import grader
from grader import __version__
from grader.base.files import read_text
from grader.engine.judge.messages import Materials

_MEASURES = (  # what of the engine a score depends on
    *("course/*.py", "engine/judge/*.py", "engine/sandbox/*.py", "engine/submission/*.py", "quiz/*.py"),
    *("base/outline.py", "base/result.py", "base/seeds.py", "testing.py"),
)
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Shipment(msgspec.Struct, frozen=True):
    """Exercises, and the texts of their test files. The paths in `materials` are keys of `files`."""

    materials: tuple[Materials, ...]
    files: dict[str, str]

    @property
    def hash(self) -> str:
        return hashlib.sha256(_encode(self)).hexdigest()

    def exercise_hashes(self) -> dict[str, str]:
        """For each exercise, a hash of all in it that its scores depend on."""
        return {each.id: self._hash_of(each) for each in self.materials}

    def tests_hashes(self) -> dict[str, str]:
        """For each exercise, a hash of all in it on which it depends whether a submission passes."""
        return {each.id: self._hash_of(msgspec.structs.replace(each, mistakes=())) for each in self.materials}

    def _hash_of(self, materials: Materials) -> str:
        return hashlib.sha256(_encode([materials, [self.files[path] for path in materials.tests]])).hexdigest()


def ship(materials: Sequence[Materials]) -> Shipment:
    """The same, with the texts of the test files. UsageError where one cannot be read."""
    shipped: list[Materials] = []
    files: dict[str, str] = {}
    for local in materials:
        sides = zip(local.tests, ("exercises", "solutions"), strict=False)  # errors name files as they do on this disk
        names = {path: f"{side}/{local.id}/{Path(path).name}" for path, side in sides}
        files |= {name: read_text(Path(path)) for path, name in names.items()}
        tests, hidden = tuple(names.values()), names[local.hidden] if local.hidden else None
        shipped.append(msgspec.structs.replace(local, tests=tests, hidden=hidden))
    return Shipment(tuple(shipped), files)


def unpack(shipment: Shipment, folder: Path) -> list[Materials]:
    """Writes the test files into an empty folder; the materials then name them there."""
    for name, text in shipment.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return [
        msgspec.structs.replace(
            each,
            tests=tuple(str(folder / name) for name in each.tests),
            hidden=str(folder / each.hidden) if each.hidden else None,
        )
        for each in shipment.materials
    ]


@cache
def engine() -> str:
    """The version of archgrade, and a hash of that part of its code on which scores depend."""
    root = Path(grader.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _MEASURES for path in root.glob(pattern)):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return f"{__version__}+{digest.hexdigest()[:12]}"
