"""Replays the log of a test on another module: the reference, or a known mistake of it."""

import types
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from grader.judge.compare import compare
from grader.judge.session import Entry
from grader.sandbox import wire
from grader.sandbox.servant import Servant

_HALF = (torch.float16, torch.bfloat16)


class Kept:
    """Stands for an object that did not cross: two of them are never told apart."""

    def __init__(self, type_name: str):
        self.type_name = type_name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kept)

    __hash__ = None  # type: ignore[assignment]


class Answer(NamedTuple):
    """A reply, and if it is `Returned`: its value, objects left out, and the tensors by which modules changed."""

    reply: wire.Reply | None
    value: Any = None
    modules: tuple[dict[str, Tensor], ...] = ()


def answers(log: Sequence[Entry]) -> list[Answer]:
    """What the submission answered."""
    return [_answer(entry.reply, entry.reply_blob) for entry in log]


def replay(log: Sequence[Entry], module: types.ModuleType, seed: int, limit: int) -> list[Answer]:
    """What `module` answers to the same questions."""
    servant = Servant(limit, module)
    servant.begin(seed)
    found = []
    for entry in log:
        reply, blobs = servant.handle(entry.request, bytearray(entry.blob))
        found.append(_answer(reply, b"".join(blobs)))
    return found


def _answer(reply: wire.Reply | None, blob: bytes) -> Answer:
    if not isinstance(reply, wire.Returned):
        return Answer(reply)
    modules: list[dict[str, Tensor]] = []

    def keep(wired: wire.WireObject | wire.WireModule, unpacker: wire.Unpacker) -> Kept:
        if isinstance(wired, wire.WireObject):
            return Kept(wired.type_name)
        numbers = [unpacker.numbers(t) if isinstance(t, wire.WireTensor) else None for t in wired.tensors]
        found: dict[str, Tensor | None] = {}
        for node in wired.nodes:
            names = [*node.parameters, *((name, place) for name, place, _ in node.buffers)]
            found |= {f"{node.path}.{name}": numbers[place] for name, place in names}
        modules.append({name: tensor for name, tensor in found.items() if tensor is not None})
        return Kept(wired.nodes[0].type_name)

    unpacker = wire.Unpacker(bytearray(blob), keep)
    value = unpacker.value(reply.value)
    for module in reply.modules:
        keep(module, unpacker)
    return Answer(reply, value, tuple(modules))


def same(mine: Answer, other: Answer) -> bool:
    """Whether two answers say the same: equal values up to rounding, or exceptions of one kind, in whatever words.

    In half precision not a bit may differ: there the rounding is what a mistake can be about.
    """
    if isinstance(mine.reply, wire.Returned) and isinstance(other.reply, wire.Returned):
        exact = {"rtol": 0.0, "atol": 0.0} if _holds_half(mine.value) else {}
        return compare(mine.value, other.value, **exact) is None  # type: ignore[arg-type]
    if isinstance(mine.reply, wire.Threw) and isinstance(other.reply, wire.Threw):
        return mine.reply.bases[:1] == other.reply.bases[:1]
    return type(mine.reply) is type(other.reply)


def same_words(mine: Answer, other: Answer) -> bool:
    """Whether two exceptions also read the same; True for other answers. Two of one kind alone prove little."""
    if isinstance(mine.reply, wire.Threw) and isinstance(other.reply, wire.Threw):
        return mine.reply.message == other.reply.message
    return True


def same_modules(mine: Answer, other: Answer) -> bool:
    """Whether two answers leave modules with the same numbers: fresh from a constructor, or trained."""
    return compare(mine.modules, other.modules) is None


def _holds_half(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.dtype in _HALF
    if isinstance(value, dict):
        return any(_holds_half(item) for item in value.values())
    return isinstance(value, list | tuple) and any(_holds_half(item) for item in value)
