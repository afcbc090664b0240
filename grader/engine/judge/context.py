"""The data that explaining a failure needs."""

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.engine.judge.replay import Answer
from grader.engine.judge.session import LogEntry


@dataclass(frozen=True)
class FailureContext:
    """The submission, the reference, and the log of the failed test."""

    source: str
    module: str  # the submission's module name, which names its file in tracebacks
    file: str  # the submission's file, as the user named it
    reference: types.ModuleType | None
    expected: Callable[[], Sequence[Answer]] | None  # the reference's answers to the log; None: do not ask for them
    sizes: dict[int, str]  # the test's names of sizes
    log: Sequence[LogEntry]
    seed: int
