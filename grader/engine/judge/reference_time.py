"""Time that the reference takes for the calls of a test, measured on this machine and now."""

import contextlib
import os
import random
import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence

import torch

from grader.base.errors import UsageError
from grader.engine.judge.cpu import JUDGE_CPU_FACTOR, cpu_limit
from grader.engine.judge.replay import replay
from grader.engine.judge.session import LogEntry, SessionLimits
from grader.engine.sandbox.proc import seconds_waiting_for_cpu


def reference_seconds(
    log: Sequence[LogEntry],
    reference: types.ModuleType,
    seed: int,
    limits: SessionLimits,
    whole_test: Callable[[], object] | None,
) -> float | None:
    """Return the seconds that the reference takes for the calls of a log, not counting time spent waiting for a CPU.

    If the log was too large to keep, `whole_test` is measured, which runs the test on the reference. Returns None if
    there is no `whole_test` then, or the reference does not finish.
    """
    here = os.getpid()
    with _restored_state():
        begun = time.monotonic() - seconds_waiting_for_cpu(here)
        if all(entry.is_whole for entry in log):
            try:
                for _ in replay(log, reference, seed, limits):
                    pass
            except UsageError:  # it takes too long
                return None
        elif whole_test is None or not _finishes(whole_test, seed, limits):
            return None
        return time.monotonic() - seconds_waiting_for_cpu(here) - begun


def _finishes(whole_test: Callable[[], object], seed: int, limits: SessionLimits) -> bool:
    torch.default_generator.manual_seed(seed)
    too_long = UsageError("The test takes too long on the reference.")
    try:
        with cpu_limit(JUDGE_CPU_FACTOR * limits.seconds, too_long):
            whole_test()
    except Exception:  # `grade check` reports it to the author
        return False
    return True


@contextlib.contextmanager
def _restored_state() -> Iterator[None]:
    """Restore random generators, grad mode and default dtype, for the test that goes on afterwards."""
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    numpy = sys.modules.get("numpy")
    numpy_state = numpy.random.get_state() if numpy is not None else None
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_rng_state(torch_state)
        random.setstate(python_state)
        if numpy is not None:
            numpy.random.set_state(numpy_state)
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(dtype)
