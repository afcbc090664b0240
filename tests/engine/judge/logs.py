"""A small reference, and logs of tests on a module in this process."""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import torch

from grader.engine.judge.session import LogEntry
from grader.engine.sandbox import wire
from grader.engine.sandbox.executor import Executor
from grader.engine.sandbox.proxy import Link, Question, RemoteSubmission
from grader.engine.sandbox.source import execute

LIMIT = 1 << 20

REFERENCE = """
import torch
from torch import nn


def scaled(x, factor):
    if factor <= 0:
        raise ValueError(f"factor must be positive, not {factor}")
    return x * factor


def shifted(x, step):
    return x + step


def both(x, factor, step):
    return shifted(scaled(x, factor), step)


class Gate(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return x * self.gain + self.bias
"""


def variation(right: str, wrong: str) -> str:
    """Return the reference with some text replaced."""
    assert right in REFERENCE
    return REFERENCE.replace(right, wrong)


NAMES = dict.fromkeys(("scaled", "shifted", "both", "Gate"), True)


def log_of(source: str, test: Callable[[Any], None], names: dict[str, bool] = NAMES) -> list[LogEntry]:
    """Return the log of a test, which may raise, on a module with these public names."""
    executor = Executor(LIMIT, execute("student", source))
    executor.begin(0)
    log: list[LogEntry] = []

    def exchange(request: Any, blobs: list[Any], question: Question) -> tuple[wire.Returned, bytearray]:
        blob = b"".join(blobs)
        entry = LogEntry(question, request, blob)
        log.append(entry)
        with torch.enable_grad():  # backward disables grad mode, which the worker's process would not share
            entry.reply, answered = executor.handle(request, bytearray(blob))
        entry.reply_meta, entry.reply_blob = wire.encode(entry.reply), b"".join(answered)
        if not isinstance(entry.reply, wire.Returned):
            raise ValueError(entry.reply)
        return entry.reply, bytearray(entry.reply_blob)

    torch.manual_seed(0)
    link = Link(exchange, lambda error: error, LIMIT, itertools.count(1))
    with contextlib.suppress(ValueError, RuntimeError):
        test(RemoteSubmission(link, names))
    return log


X = torch.tensor([1.0, 2.0, 4.0])


def of_scaled(factor: float) -> Callable[[Any], None]:
    return lambda m: m.scaled(X, factor)
