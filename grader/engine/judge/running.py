"""A test while it runs on a submission."""

import gc
import time
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.base.result import Outcome
from grader.engine.judge.collect import CollectedTest
from grader.engine.judge.cpu import JUDGE_CPU_FACTOR, cpu_limit
from grader.engine.judge.faults import Fault
from grader.engine.judge.known_runs import KnownRun
from grader.engine.judge.reference_time import reference_seconds
from grader.engine.judge.rng import Rng
from grader.engine.judge.session import Session, SessionLimits
from grader.engine.judge.values import size_names


@dataclass
class RunningTest:
    """A test that runs on a submission: the values of its fixtures, and the exception that it raised."""

    test: CollectedTest
    session: Session
    seed: int
    reference: types.ModuleType | None
    known: KnownRun | None = None  # ended as this test would, so that it did not run
    error: BaseException | None = None
    seconds: float = 0.0  # without time spent waiting for a CPU

    def fixture(self, name: str) -> Any:
        """Return the value of one of `FIXTURES`. Raises Fault if the submission cannot be loaded."""
        match name:
            case "submission":
                return self.session.begin(self.seed)
            case "reference" if self.reference is None:
                raise UsageError("a public test uses the fixture reference, and the course was released without it")
            case "reference":
                return self.reference
            case "rng":
                return Rng(self.seed)

    def run(self, limits: SessionLimits, known_runs: Sequence[KnownRun]) -> None:
        """Run the test unless the answers are those of a known run. Set `known` or `error`, and `seconds`."""
        self.session.set_up_test(self.test.number, limits, self._reference_seconds)
        begun = time.monotonic()
        max_cpu = JUDGE_CPU_FACTOR * limits.seconds
        excess = Fault(Outcome.ERROR, f"The test itself takes more than {max_cpu:g} s of CPU, beside the submission.")
        with cpu_limit(max_cpu, excess):
            if self.test.is_plain:
                self.known = self.session.ask_as(known_runs, self.seed)
                if self.known is None:
                    self._call()
            else:
                self.test.item.ihook.pytest_runtest_protocol(item=self.test.item, nextitem=None)
        self.seconds = max(0.0, time.monotonic() - begun - self.session.waited())

    def note_error(self, error: BaseException) -> None:
        """Set `error`, unless the test has raised before: teardown may raise, too."""
        if self.error is None:
            self.error = error

    def size_names(self) -> dict[int, str]:
        """Return the failed test's names of sizes, among its locals and the globals that it uses."""
        if self.error is None:
            return {}
        function = self.test.item.function
        used = {name: function.__globals__.get(name) for name in function.__code__.co_names}
        return size_names(used | _locals_of(function, self.error))

    def free_memory(self) -> None:
        """Drop the log and the values that the test held, so that the reference can use all of the memory."""
        assert self.error is not None
        self.session.log.clear()
        self.error.__traceback__ = None
        gc.collect()

    def fails_on_reference(self) -> bool:
        """Return whether the test raises on the reference as well, so that the course is at fault."""
        if self.reference is None or not self.test.is_plain:
            return False
        try:
            self._call_on_reference()
        except (Exception, pytest.fail.Exception):
            return True
        return False

    def _call(self) -> None:
        """Call a plain test; pytest's protocol would take as long as the test itself."""
        try:
            self.test.item.obj(**{name: self.fixture(name) for name in self.test.item.fixturenames})
        except BaseException as error:  # pytest.fail, Fault and SystemExit are no Exceptions
            self.note_error(error)

    def _call_on_reference(self) -> None:
        names = self.test.item.fixturenames
        fixtures = {name: self.fixture("reference" if name == "submission" else name) for name in names}
        self.test.item.obj(**fixtures)

    def _reference_seconds(self) -> float | None:
        """Return the seconds that the reference takes for the calls so far; None if it cannot be measured."""
        if self.reference is None:
            return None
        whole_test = self._call_on_reference if self.test.is_plain else None
        return reference_seconds(self.session.log, self.reference, self.seed, self.session.limits, whole_test)


def _locals_of(function: Any, error: BaseException) -> dict[str, Any]:
    """Return the locals of a function in the traceback of an error."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is function.__code__:
            return dict(trace.tb_frame.f_locals)
        trace = trace.tb_next
    return {}
