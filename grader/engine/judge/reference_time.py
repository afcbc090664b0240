"""How long the reference takes for what a test has asked: here and now, since a time limit is a multiple of it."""

import contextlib
import os
import random
import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence

import torch

from grader.base.errors import UsageError
from grader.engine.judge.cpu import OWN_CPU, bounded_cpu
from grader.engine.judge.replay import replay
from grader.engine.judge.session import Entry, Limits
from grader.engine.sandbox.proc import seconds_waiting_for_cpu


def reference_seconds(
    log: Sequence[Entry],
    reference: types.ModuleType,
    seed: int,
    limits: Limits,
    whole_test: Callable[[], object] | None,
) -> float | None:
    """Seconds that the reference takes for the questions of a log, without those in which it waited for a CPU.

    Of a log that was too large to keep it is asked by `whole_test`, which runs the test on it. None where there is
    none, or where it does not get to the end.
    """
    here = os.getpid()
    with _undisturbed():
        begun = time.monotonic() - seconds_waiting_for_cpu(here)
        if all(entry.whole for entry in log):
            try:
                for _ in replay(log, reference, seed, limits):
                    pass
            except UsageError:  # it does not get to the end
                return None
        elif whole_test is None or not _ends(whole_test, seed, limits):
            return None
        return time.monotonic() - seconds_waiting_for_cpu(here) - begun


def _ends(whole_test: Callable[[], object], seed: int, limits: Limits) -> bool:
    torch.default_generator.manual_seed(seed)
    too_long = UsageError("The test takes too long on the reference.")
    try:
        with bounded_cpu(OWN_CPU * limits.seconds, too_long):
            whole_test()
    except Exception:  # whatever it is, `grade check` tells the author of it
        return False
    return True


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """For a test that goes on afterwards: generators, grad mode and dtype are as they were."""
    generator, plain = torch.get_rng_state(), random.getstate()
    numpy = sys.modules.get("numpy")
    state = numpy.random.get_state() if numpy is not None else None
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_rng_state(generator)
        random.setstate(plain)
        if numpy is not None:
            numpy.random.set_state(state)
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(dtype)
