"""Calls of a log that need no worker's manners to be made again: functions of the module, on tensors and plain values.

Hundreds of slips are asked the same, so a call is unpacked once and made as Python makes it.
"""

import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grader.judge.diagnosis.prints import Print, print_of_error, print_of_value
from grader.judge.replay import held
from grader.judge.session import Entry
from grader.sandbox import wire
from grader.sandbox.describe import name_of
from grader.sandbox.objects import MODULE
from grader.sandbox.pack import Unpacker


@dataclass
class PlainCall:
    """One call, and its arguments until a callee has changed them."""

    entry: Entry
    path: str
    _made: tuple[list[Any], dict[str, Any]] | None = None
    _versions: tuple[int, ...] = ()

    def answer(self, module: types.ModuleType) -> Print:
        """What the module's function returns or raises, as a fingerprint. Draws go on where they are."""
        args, kwargs = self._arguments()
        context = self.entry.request.context  # type: ignore[union-attr]
        try:
            with torch.set_grad_enabled(context.grad):
                return print_of_value(getattr(module, self.path)(*args, **kwargs))
        except Exception as error:
            builtin = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
            return print_of_error(name_of(builtin))

    def _arguments(self) -> tuple[list[Any], dict[str, Any]]:
        if self._made is None or self._versions != _versions(self._made):
            request = self.entry.request
            assert isinstance(request, wire.Invoke)
            unpacker = Unpacker(bytearray(self.entry.blob or b""), _never, layout=True)
            args = [unpacker.value(each) for each in request.args]
            kwargs = {name: unpacker.value(each) for name, each in request.kwargs.items()}
            for tensor in unpacker.differentiable:
                tensor.requires_grad_()
            self._made = args, kwargs
            self._versions = _versions(self._made)
        args, kwargs = self._made
        return list(args), dict(kwargs)


def plain_calls(log: Sequence[Entry]) -> list[PlainCall] | None:
    """The calls of a log; None where one of its questions is another."""
    found = []
    for entry in log:
        request = entry.request
        plain = isinstance(request, wire.Invoke) and request.number == MODULE and "." not in request.path
        if not plain or entry.blob is None:
            return None
        assert isinstance(request, wire.Invoke)
        context = request.context
        if context.updates or context.parameters or context.rng is not None or context.dtype != "float32":
            return None
        if any(_holds_objects(value) for value in (*request.args, *request.kwargs.values())):
            return None
        if any(isinstance(each, list | dict | set) for each in (*entry.question.args, *entry.question.kwargs.values())):
            return None  # what a callee could change unseen
        found.append(PlainCall(entry, request.path))
    return found


def _holds_objects(value: wire.WireValue) -> bool:
    return any(True for _ in held(value))


def _versions(made: tuple[list[Any], dict[str, Any]]) -> tuple[int, ...]:
    """How often the tensors among the arguments were changed in place."""
    return tuple(each._version for each in (*made[0], *made[1].values()) if isinstance(each, Tensor))


def _never(wired: wire.WireObject | wire.WireModule, unpacker: Unpacker) -> Any:
    raise wire.WireError("an object among plain values")
