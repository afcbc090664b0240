"""The failing call of a test as Python that can be pasted."""

import base64
import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from grader.judge.session import Entry
from grader.sandbox import wire

_LITERAL = 2000  # elements beyond which a tensor is written as packed bytes
_LARGEST = 1 << 20  # bytes of tensors beyond which there is no reproduction
_SHORT = 40  # characters of an argument that stands in the call itself


class _TooLarge(Exception):
    """Not a text that anyone would paste."""


def reproduction(
    module: str, log: Sequence[Entry], failing: Entry, seed: int, argument_name: Callable[[Entry, str], str]
) -> str | None:
    """Source text that makes the failing call's arguments and, in its last statement, the call.

    Objects of the student's that the call works on are made again by the calls that made them. None where the
    tensors are too large to write down.
    """
    try:
        return _Writer(module, log, failing, argument_name).text(seed)
    except _TooLarge:
        return None


class _Writer:
    def __init__(
        self, module: str, log: Sequence[Entry], failing: Entry, argument_name: Callable[[Entry, str], str]
    ):
        self._module = module
        self._log = log[: next(i for i, entry in enumerate(log) if entry is failing) + 1]
        self._failing = failing
        self._argument_name = argument_name
        self._lines: list[str] = []
        self._taken: set[str] = {"torch", module}
        self._objects: dict[int, str] = {0: module}  # number of an object: the variable that holds it
        self._room = _LARGEST

    def text(self, seed: int) -> str:
        target: Entry = self._failing
        note = ""
        if isinstance(target.request, wire.Differentiate):
            of = target.request.of
            target = next(e for e in self._log if e.request.id == of)
            note = "  # the failing test differentiates this"
        self._make(self._needed(target))
        call = self._call(target)
        head = ["import torch", f"import {self._module}", "", f"torch.manual_seed({seed})"]
        return "\n".join([*head, *self._lines, call + note]) + "\n"

    def _needed(self, target: Entry) -> list[Entry]:
        """The earlier entries on the objects that the call works on, in order."""
        wanted = self._numbers(target)
        chosen: list[Entry] = []
        for entry in reversed(self._log):
            made = {n for n in wanted if n >> 10 == entry.request.id}
            on = isinstance(entry.request, wire.Invoke) and entry.request.number in wanted - {0}
            if entry is not target and (made or on):
                chosen.insert(0, entry)
                wanted |= self._numbers(entry)
        return chosen

    @staticmethod
    def _numbers(entry: Entry) -> set[int]:
        request = entry.request
        numbers = {getattr(request, "number", 0)}
        if isinstance(request, wire.Invoke):
            given = [*request.args, *request.kwargs.values()]
            numbers |= {arg.number for arg in given if isinstance(arg, wire.WireObject)}
        return numbers

    def _make(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            made = _object_of(entry)
            name = self._variable(entry.question.label.rpartition(".")[2].lower()) if made else None
            self._lines.append(f"{name} = {self._call(entry)}" if name else self._call(entry))
            if made and name:
                self._objects[made.number] = name

    def _call(self, entry: Entry) -> str:
        request = entry.request
        if isinstance(request, wire.Get):
            return f"{self._objects.get(request.number, self._module)}.{request.path}"
        assert isinstance(request, wire.Invoke)
        self._update(request, entry)
        args = [self._argument(entry, str(i), value) for i, value in enumerate(entry.question.args)]
        args += [f"{k}={self._argument(entry, k, value)}" for k, value in entry.question.kwargs.items()]
        owner = self._objects.get(request.number, self._module)
        return f"{owner}{'.' if request.path else ''}{request.path}({', '.join(args)})"

    def _update(self, request: wire.Invoke, entry: Entry) -> None:
        """Sets the parameters that the test had set before this call."""
        if not request.context.updates:
            return
        unpacker = wire.Unpacker(bytearray(entry.blob), lambda *_: None)
        for update in request.context.updates:
            if update.tensor is None:
                continue
            tensor = unpacker.numbers(update.tensor)
            path = self._path(update)
            if path and update.number in self._objects:
                self._lines.append(f"{self._objects[update.number]}.{path}.data = {self._literal(tensor)}")

    def _path(self, update: wire.Update) -> str | None:
        for entry in self._log:
            made = _object_of(entry)
            if isinstance(made, wire.WireModule) and made.number == update.number:
                for node in made.nodes:
                    for name, place, *_ in [*node.parameters, *node.buffers]:
                        if place == update.position:
                            return f"get_submodule({node.path!r}).{name}" if node.path else str(name)
        return None

    def _argument(self, entry: Entry, place: str, value: Any) -> str:
        """An argument: written out where it is short, else the name of a variable that is set before."""
        text = self._literal(value)
        if len(text) <= _SHORT:
            return text
        name = self._variable(self._argument_name(entry, place).replace(" ", "_"))
        self._lines.append(f"{name} = {text}")
        return name

    def _variable(self, wanted: str) -> str:
        name, count = wanted if wanted.isidentifier() else "value", 2
        while name in self._taken:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        return name

    def _literal(self, value: Any) -> str:
        if isinstance(value, Tensor):
            return self._tensor(value.detach()) + (".requires_grad_()" if value.requires_grad else "")
        if isinstance(value, list):
            return f"[{', '.join(map(self._literal, value))}]"
        if isinstance(value, tuple):
            return f"({', '.join(map(self._literal, value))}{',' if len(value) == 1 else ''})"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self._literal(k)}: {self._literal(v)}" for k, v in value.items()) + "}"
        if isinstance(value, float) and not math.isfinite(value):
            return f"float('{value}')"
        if hasattr(value, "_number"):
            return self._objects.get(value._number, "None")
        if hasattr(value, "_mirror"):
            return self._objects.get(value._mirror.number, "None")
        return repr(value)

    def _tensor(self, tensor: Tensor) -> str:
        self._room -= tensor.numel() * tensor.element_size()
        if self._room < 0:
            raise _TooLarge
        if tensor.numel() == 0:
            return f"torch.empty({tuple(tensor.shape)}, dtype={tensor.dtype})"
        if tensor.numel() <= _LITERAL:
            text = repr(tensor.tolist()).replace("inf", "float('inf')").replace("nan", "float('nan')")
            plain = tensor.dtype in (torch.int64, torch.bool) or (tensor.dtype is torch.float32 and "float" in text)
            return f"torch.tensor({text}{'' if plain else f', dtype={tensor.dtype}'})"
        raw = tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        packed = base64.b85encode(zlib.compress(raw)).decode()
        unpack = f"__import__('zlib').decompress(__import__('base64').b85decode({packed!r}))"
        return f"torch.frombuffer(bytearray({unpack}), dtype={tensor.dtype}).reshape({tuple(tensor.shape)})"


def _object_of(entry: Entry) -> wire.WireObject | wire.WireModule | None:
    """The object that an entry's answer is, if it is one."""
    reply = entry.reply
    value = reply.value if isinstance(reply, wire.Returned) else None
    return value if isinstance(value, wire.WireObject | wire.WireModule) else None
