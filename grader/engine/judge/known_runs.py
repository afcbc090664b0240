"""Runs of tests, kept so that most tests need not run again.

What a test does depends only on its seed, on the names that it looks up in the submission and on the answers that it
gets. If another submission has these names and gives the same answers, byte for byte, the test ends as it did before.
In a class, most right submissions give the same answers, and so do many wrong ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from grader.base.result import Failure, Outcome
from grader.engine.judge.diagnosis.evidence import RecordedTest
from grader.engine.judge.session import LogEntry, Run

MAX_RUNS = 16  # of one test: right solutions round differently
MAX_SIZE = 1 << 20  # bytes of a run that is kept
MAX_IN_ALL = 16 << 20  # bytes of all runs of a judge


@dataclass(frozen=True)
class KnownRun(Run):
    """A run that has ended, and its result."""

    record: RecordedTest
    outcome: Outcome
    failure: Failure | None


class KnownRuns:
    """Runs by the seed of the test, which no other test has."""

    def __init__(self) -> None:
        self._runs: dict[int, list[KnownRun]] = {}
        self._size = 0  # bytes

    def of_test(self, seed: int) -> Sequence[KnownRun]:
        """Return the runs of a test."""
        return self._runs.get(seed, ())

    def add(self, run: KnownRun) -> None:
        """Keep a run, unless it is too large or enough runs of the test are kept."""
        seed = run.record.seed
        size = sum(map(_size, run.log))
        enough = len(self.of_test(seed)) == MAX_RUNS
        if enough or size > MAX_SIZE or not run.log or not all(map(_is_complete, run.log)):
            return
        if self._size + size > MAX_IN_ALL:
            self._runs.clear()
            self._size = 0
        self._runs.setdefault(seed, []).append(run)
        self._size += size


def _size(entry: LogEntry) -> int:
    return len(entry.blob or b"") + entry.weight


def _is_complete(entry: LogEntry) -> bool:
    return entry.is_whole and entry.reply is not None
