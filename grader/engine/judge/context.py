"""What the explanation of a failure draws on."""

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.engine.judge.replay import Answer
from grader.engine.judge.session import Entry


@dataclass(frozen=True)
class Setting:
    """The submission's text, the reference, the names of the sizes in the test, and the log of its calls."""

    source: str
    module: str  # the submission's module name: tracebacks name its file by it
    file: str  # the submission's file, as the user named it
    reference: types.ModuleType | None
    right: Callable[[], Sequence[Answer]] | None  # what the reference answers to the log; None: not to be asked
    sizes: dict[int, str]
    log: Sequence[Entry]
    seed: int
