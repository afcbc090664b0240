"""What a score depends on, as a key: where it is unchanged, so is the score."""

import hashlib
import platform
from importlib.metadata import version

import msgspec

from grader.engine.submission.imports import Imports
from grader.teach.batch.quizzes import Quizzes
from grader.teach.batch.shipment import Shipment, engine

_encode = msgspec.json.Encoder(order="deterministic").encode


class Key(msgspec.Struct, frozen=True):
    """The parts, by name, and a hash of them all."""

    parts: dict[str, str]

    @property
    def hash(self) -> str:
        return _hash(_encode(self.parts))


class Keys:
    """Makes the keys of one run."""

    def __init__(self, shipment: Shipment, quizzes: Quizzes, *, confined: bool):
        self._exercises = shipment.exercise_hashes()
        self._tests = shipment.tests_hashes()
        self._quizzes = quizzes
        self._engine = {"engine": engine(), "python": platform.python_version(), "seed": "0"}
        self._run = {"torch": version("torch"), "isolation": "confined" if confined else "process"}

    def exercise(self, exercise: str, submission: str, imports: Imports) -> Key:
        """Of a submission with this hash, and what it imports of the student's own files."""
        needs = {"needs": _hash(_encode((imports.texts, imports.absent)))} if imports.texts or imports.absent else {}
        tests = [self._exercises[exercise], *(self._tests[each] for each in sorted(imports.texts))]
        parts = {"submission": submission, "exercise": _hash(_encode(tests))}
        return Key({"item": exercise, **parts, **needs, **self._engine, **self._run})

    def quiz(self, quiz: str, form: str) -> Key:
        """Of a form with this hash."""
        return Key({"item": quiz, "submission": form, "exercise": self._quizzes.hash(quiz), **self._engine})

    def unreadable(self, exercise: str, why: str) -> Key:
        """Of a file that could not be read."""
        return Key({"item": exercise, "unreadable": why, **self._engine})


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
