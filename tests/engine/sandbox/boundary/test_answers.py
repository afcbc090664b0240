"""An invalid reply is refused."""

import itertools
from typing import Any

import pytest
import torch

from grader.engine.sandbox import wire
from grader.engine.sandbox.proxy import Link
from grader.engine.sandbox.validation import read_reply

ONE = wire.WireTensor("float32", (1,), False)


def module(*tensors: wire.WireTensor | int, first: int = 0, path: str = "", names: int = -1) -> wire.WireModule:
    count = len(tensors) if names < 0 else names
    node = wire.Node(path, first, "Net", "Module", True, [(f"p{i}", i) for i in range(count)], [])
    return wire.WireModule(1, [node], list(tensors))


def nested(depth: int) -> wire.WireValue:
    value: wire.WireValue = 0
    for _ in range(depth):
        value = wire.WireList([value])
    return value


def node(path: str, first: int = 0) -> wire.Node:
    return wire.Node(path, first, "Net", "Module", True, [], [])


WITHIN_ITSELF = wire.WireModule(1, [node(""), node("a", 0)], [])
ALIKE: list[wire.WireValue] = [  # -1 and -2 have the same hash
    wire.WireTuple([-1 - (number >> bit & 1) for bit in range(7)]) for number in range(65)
]
ANSWERS: dict[str, tuple[wire.WireValue, bytes]] = {
    "a tensor without bytes": (ONE, b""),
    "bytes without a tensor": (None, bytes(16)),
    "a tensor of a dtype that is none": (wire.WireTensor("float3", (1,), False), bytes(16)),
    "a tensor of a negative size": (wire.WireTensor("float32", (-1,), False), bytes(16)),
    "a tensor of 2**60 numbers": (wire.WireTensor("float32", (1 << 30, 1 << 30), False), bytes(16)),
    "a tensor that repeats itself": (wire.WireTensor("float32", (1 << 40,), True, strides=(0,)), bytes(16)),
    "names for items that are no names": (wire.WireTuple([1, 2], ("a", "class")), b""),
    "more names than items": (wire.WireTuple([1], ("a", "b")), b""),
    "a set of lists": (wire.WireSet([wire.WireList([])], False), b""),
    "a dict of unequal halves": (wire.WireDict([1], []), b""),
    "a range without steps": (wire.WireRange(0, 1, 0), b""),
    "an int of letters": (wire.WireInt("0x1"), b""),
    "a value nested too deep": (nested(200), b""),
    "a module without nodes": (wire.WireModule(1, [], []), b""),
    "a module without a root": (module(path="a"), b""),
    "a module that is the same as none": (module(first=3), b""),
    "a module with a tensor that nothing names": (module(ONE, names=0), bytes(16)),
    "a module with a name for no tensor": (module(names=1), b""),
    "a module that is a part of itself": (WITHIN_ITSELF, b""),
    "two modules at one path": (wire.WireModule(1, [node(""), node("a"), node("a")], []), b""),
    "a module nested too deep": (wire.WireModule(1, [node(".".join("a" * n)) for n in range(102)], []), b""),
    "an array of a dtype that numpy has not": (wire.WireArray("bfloat16", (1,)), bytes(16)),
    "a size beyond all numbers": (wire.WireSize((1 << 63,)), b""),
    "a range beyond all lengths": (wire.WireRange(0, (1 << 64) - 1, 1), b""),
    "two names that Python takes for one": (wire.WireTuple([1, 2], ("fi", "\N{LATIN SMALL LIGATURE FI}")), b""),
    "a number that is none of an object": (wire.WireObject(-1, "A"), b""),
    "a name without end": (wire.WireObject(7, "A" * 1000), b""),
    "an object for a key": (wire.WireDict([wire.WireTuple([wire.WireObject(7, "A")])], [0]), b""),
    "keys that all have one hash": (wire.WireDict(ALIKE, [0] * len(ALIKE)), b""),
    "a set of what has one hash": (wire.WireSet(ALIKE, False), b""),
    "a module with a tensor that was never sent": (module(0), b""),
    "a module with a tensor of a negative position": (module(-1), b""),
}


def answered(value: wire.WireValue, blob: bytes, rng: bytes | None = None) -> Any:
    """Return the result of a call that gets this reply."""
    reply = read_reply(wire.encode(wire.Returned(1, value, [], [], rng)), bytearray(blob))
    assert isinstance(reply, wire.Returned)
    answer = reply, bytearray(blob)
    return Link(lambda *_: answer, lambda error: error, 1 << 20, itertools.count(1)).invoke(0, "f", "f", (), {})


@pytest.mark.parametrize("name", ANSWERS)
def test_an_invalid_reply_is_refused(name: str) -> None:
    with pytest.raises(wire.WireError):
        answered(*ANSWERS[name])


@pytest.mark.parametrize("rng", [b"", b"\0" * 16, b"\xff" * 5056], ids=["empty", "short", "of the right length"])
def test_an_invalid_state_of_the_random_generator_is_refused(rng: bytes) -> None:
    before = torch.get_rng_state()
    with pytest.raises(wire.WireError):
        answered(None, b"", rng)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_valid_reply_is_unpacked() -> None:
    answer = answered(module(ONE), bytes(16))
    assert answer.p0.tolist() == [0.0]
