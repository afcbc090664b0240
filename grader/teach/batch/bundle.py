"""A course as judges need it, on this machine or another: tests, references and mistakes, and hashes of them."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

import grader
from grader import __version__
from grader.base.files import read_text
from grader.engine.judge.messages import Materials

_SCORING = (  # the parts of the engine that a score depends on
    *("course/*.py", "engine/judge/*.py", "engine/sandbox/*.py", "engine/submission/*.py", "quiz/*.py"),
    *("base/outline.py", "base/result.py", "base/seeds.py", "testing.py"),
)
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class CourseBundle(msgspec.Struct, frozen=True):
    """The materials of exercises, with the texts of their test files."""

    materials: tuple[Materials, ...]  # their paths are keys of `files`
    files: dict[str, str]

    @property
    def hash(self) -> str:
        """A hash of the contents."""
        return hashlib.sha256(_encode(self)).hexdigest()

    def exercise_hashes(self) -> dict[str, str]:
        """Return a hash of everything that an exercise's scores depend on, by exercise."""
        return {each.id: self._hash_of(each) for each in self.materials}

    def tests_hashes(self) -> dict[str, str]:
        """Return a hash of everything that decides whether a submission passes, by exercise."""
        return {each.id: self._hash_of(msgspec.structs.replace(each, mistakes=None)) for each in self.materials}

    def _hash_of(self, materials: Materials) -> str:
        return hashlib.sha256(_encode([materials, [self.files[path] for path in materials.tests]])).hexdigest()


def bundle_course(materials: Sequence[Materials]) -> CourseBundle:
    """Bundle materials with the texts of their test files. Raise UsageError if one cannot be read."""
    bundled: list[Materials] = []
    files: dict[str, str] = {}
    for local in materials:
        sides = zip(local.tests, ("exercises", "solutions"), strict=False)  # so that errors name the course's folders
        names = {path: f"{side}/{local.id}/{Path(path).name}" for path, side in sides}
        files |= {name: read_text(Path(path)) for path, name in names.items()}
        tests, hidden = tuple(names.values()), names[local.hidden] if local.hidden else None
        bundled.append(msgspec.structs.replace(local, tests=tests, hidden=hidden))
    return CourseBundle(tuple(bundled), files)


def unpack_bundle(bundle: CourseBundle, folder: Path) -> list[Materials]:
    """Write the test files into an empty folder, and return the materials with paths in that folder."""
    for name, text in bundle.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return [
        msgspec.structs.replace(
            each,
            tests=tuple(str(folder / name) for name in each.tests),
            hidden=str(folder / each.hidden) if each.hidden else None,
        )
        for each in bundle.materials
    ]


@cache
def engine_version() -> str:
    """Return the version of archgrade, and a hash of the part of its code that scores depend on."""
    root = Path(grader.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _SCORING for path in root.glob(pattern)):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return f"{__version__}+{digest.hexdigest()[:12]}"
