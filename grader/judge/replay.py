"""Replays the log of a test on another module: the reference, or a known mistake of it."""

import types
from collections.abc import Sequence
from typing import Any

import torch

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


def value_of(reply: wire.Returned, blob: bytes) -> Any:
    """The value that a reply carries, objects left out."""

    def keep(wired: wire.WireObject | wire.WireModule, unpacker: wire.Unpacker) -> Kept:
        if isinstance(wired, wire.WireObject):
            return Kept(wired.type_name)
        for tensor in wired.tensors:
            if isinstance(tensor, wire.WireTensor):
                unpacker.numbers(tensor)
        return Kept(wired.nodes[0].type_name)

    return wire.Unpacker(bytearray(blob), keep).value(reply.value)


Answer = tuple[wire.Reply | None, Any]
"""A reply, and the value that it carries if it is `Returned`."""


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
    return reply, value_of(reply, blob) if isinstance(reply, wire.Returned) else None


def same(mine: Answer, other: Answer) -> bool:
    """Whether two answers say the same: equal values up to rounding, or the same exception.

    In half precision not a bit may differ: there the rounding is what a mistake can be about.
    """
    (my_reply, my_value), (other_reply, other_value) = mine, other
    if isinstance(my_reply, wire.Returned) and isinstance(other_reply, wire.Returned):
        exact = {"rtol": 0.0, "atol": 0.0} if _holds_half(my_value) else {}
        return compare(my_value, other_value, **exact) is None  # type: ignore[arg-type]
    if isinstance(my_reply, wire.Threw) and isinstance(other_reply, wire.Threw):
        return (my_reply.type_name, my_reply.message) == (other_reply.type_name, other_reply.message)
    return type(my_reply) is type(other_reply)


def _holds_half(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.dtype in _HALF
    if isinstance(value, dict):
        return any(_holds_half(item) for item in value.values())
    return isinstance(value, list | tuple) and any(_holds_half(item) for item in value)
