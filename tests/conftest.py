"""What several test modules share: a small course, and a judge that grades submissions of its one exercise."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from grader.clean import clean
from grader.course import Exercise, load_course
from grader.judge.materials import materials
from grader.judge.messages import Job
from grader.report.terminal import View, render
from grader.result import Outcome, Result
from grader.warm.client import Judges

if TYPE_CHECKING:
    import torch

COURSE = Path(__file__).parent / "course"
LONGEST = 60  # seconds; a submission that takes longer hangs the judge
SECRET = "the-password-of-the-teacher"


def pytest_configure() -> None:
    """Commands that the tests start can be interrupted, also where the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass
class Grader:
    """Grades submissions of the exercise `toolbox`, one after the other, in one judge.

    After each it makes sure that the submission left nothing behind: no process, no changed file of the course, and a
    judge that still gives the reference full marks.
    """

    judges: Judges
    exercise: Exercise
    root: Path  # of the course: a copy of its own, which submissions may try to change
    reference: str
    jobs: int = 0

    def __call__(self, code: str, *, seconds: float = 5.0, whole: bool = False) -> Result:
        """The result of the reference with `code` after it, whose definitions win; of `code` alone if `whole`.

        `seconds` is the limit of one test.
        """
        before = _contents(self.root)
        result = self.run(code if whole else f"{self.reference}\n\n{code}", seconds)
        assert _contents(self.root) == before
        assert self.workers() == []
        assert self.run(self.reference, 5.0).passed
        assert unsafe(msgspec.to_builtins(result)) == []
        self.assert_rendered(result)
        return result

    @staticmethod
    def failed(result: Result) -> dict[str, str]:
        """The tests that did not pass, and how each ended. What they were worth is missing from the score."""
        failed = {t.id.removeprefix("test_"): t for t in result.tests if t.outcome is not Outcome.PASSED}
        if result.tests:
            assert result.score == 31 - sum(test.max_points for test in failed.values())
        else:
            assert result.score == 0
        return {name: test.outcome.value for name, test in failed.items()}

    def run(self, source: str, seconds: float) -> Result:
        """The result of `source`, without a look at what it left behind."""
        self.jobs += 1
        job = Job(self.jobs, "toolbox", "toolbox.py", source, "0" * 64, seed=0, seconds=seconds)
        with _not_longer_than(LONGEST):
            ((_, result),) = self.judges.grade([job])
        return msgspec.json.decode(msgspec.json.encode(result), type=Result)

    def workers(self) -> list[int]:
        """The processes below the warm one, but for the judge."""
        (warm,) = self.judges._processes
        return [pid for pid in _children(warm.pid) if pid not in self._judge]

    def __post_init__(self) -> None:
        self.run(self.reference, 5.0)  # the judge has come up
        (warm,) = self.judges._processes
        self._judge = _children(warm.pid)

    def assert_rendered(self, result: Result) -> None:
        """A screen can be made of the result, and nothing on it moves the cursor or exceeds the width."""
        for full in (False, True):
            text = render(result, self.exercise, View(), full=full, width=80, unicode=False, color=False)
            assert text.isascii()
            assert all(line.isprintable() and len(line) <= 80 for line in text.split("\n"))


@pytest.fixture(scope="session")
def grade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """Grades submissions of a small exercise."""
    root = tmp_path_factory.mktemp("grade") / "course"
    shutil.copytree(COURSE, root, ignore=shutil.ignore_patterns("__pycache__", "conftest.py"))
    exercise = load_course(root).exercise("toolbox")
    os.environ["TEACHER"] = SECRET
    try:
        with Judges() as judges:
            judges.prepare([materials(load_course(root), exercise)], forbidden=[root])
            yield Grader(judges, exercise, root, exercise.reference.read_text())
    finally:
        del os.environ["TEACHER"]


@pytest.fixture
def generator() -> "torch.Generator":
    """Random numbers that are the same in every run."""
    import torch

    return torch.Generator().manual_seed(0)


def unsafe(value: Any) -> list[str]:
    """The strings anywhere in a value that hold a character which a terminal would obey or hide."""
    if isinstance(value, str):
        return [] if clean(value) == value else [value]
    if isinstance(value, dict):
        return [bad for pair in value.items() for part in pair for bad in unsafe(part)]
    return [bad for part in value for bad in unsafe(part)] if isinstance(value, list | tuple) else []


def _contents(root: Path) -> dict[str, tuple[bytes | None, int, int]]:
    """Every file and folder: what is in it, its mode, when it was changed."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        found[str(path)] = path.read_bytes() if path.is_file() else None, status.st_mode, status.st_mtime_ns
    return found


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


@contextmanager
def _not_longer_than(seconds: int) -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"the judge did not answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
