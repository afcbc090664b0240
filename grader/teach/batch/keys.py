"""Keys of results: everything that a score depends on. Results with the same key have the same score."""

import hashlib
import platform
from importlib.metadata import version

import msgspec

from grader.engine.submission.imports import Imports
from grader.teach.batch.bundle import CourseBundle, engine_version
from grader.teach.batch.quizzes import Quizzes

_encode = msgspec.json.Encoder(order="deterministic").encode


class ResultKey(msgspec.Struct, frozen=True):
    """The key of a result."""

    parts: dict[str, str]  # by name

    @property
    def hash(self) -> str:
        """A hash of all parts."""
        return _hash(_encode(self.parts))


class ResultKeys:
    """A factory for the keys of one run."""

    def __init__(self, bundle: CourseBundle, quizzes: Quizzes, *, confined: bool):
        self._exercises = bundle.exercise_hashes()
        self._tests = bundle.tests_hashes()
        self._quizzes = quizzes
        self._engine = {"engine": engine_version(), "python": platform.python_version(), "seed": "0"}
        self._run = {"torch": version("torch"), "isolation": "confined" if confined else "process"}

    def exercise(self, exercise: str, submission: str, imports: Imports) -> ResultKey:
        """Return the key of a submission with this hash, and of what it imports from the student's other exercises."""
        needs = {"needs": _hash(_encode((imports.texts, imports.absent)))} if imports.texts or imports.absent else {}
        tests = [self._exercises[exercise], *(self._tests[each] for each in sorted(imports.texts))]
        parts = {"submission": submission, "exercise": _hash(_encode(tests))}
        return ResultKey({"item": exercise, **parts, **needs, **self._engine, **self._run})

    def quiz(self, quiz: str, form: str) -> ResultKey:
        """Return the key of a quiz form with this hash."""
        return ResultKey({"item": quiz, "submission": form, "exercise": self._quizzes.hash(quiz), **self._engine})

    def unreadable(self, exercise: str, why: str) -> ResultKey:
        """Return the key of a file that cannot be read."""
        return ResultKey({"item": exercise, "unreadable": why, **self._engine})


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
