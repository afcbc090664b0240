"""The door by which all comes in that a worker sends: it is read through here, within bounds, before anybody uses it.

The types of the messages bound texts, numbers and counts, `Unpacker` depth, bytes and the cost of keys, and this module
what makes a whole of them. Who got a reply from here can read it again, as often and for whatever purpose.
"""

import torch
from torch import Tensor

from grader.engine.sandbox.pack import MAX_DEPTH, Unpacker, check_count
from grader.engine.sandbox.shared_memory import Blob
from grader.engine.sandbox.wire import (
    Node,
    Reply,
    Returned,
    WireError,
    WireModule,
    WireObject,
    WireTensor,
    decode_reply,
)


def read_reply(meta: bytes, blob: Blob) -> Reply:
    """What a worker answers: a message and its blob. Raises WireError, and nothing else, where it is no reply.

    What cannot be told from a reply alone is left to the mirrors: whether the tensors of a module that are given by
    their positions were ever sent.
    """
    reply = decode_reply(meta)
    checker = _Checker(blob, _check_object)
    if isinstance(reply, Returned):
        checker.value(reply.value)
        for module in reply.modules:
            _check_object(module, checker)
        if reply.rng is not None:
            _check_state(reply.rng)
    checker.finish()
    return reply


class _Checker(Unpacker):
    """Reads for the sake of reading: nothing is copied for autograd."""

    module_tensors = 0

    def tensor(self, wire: WireTensor) -> Tensor:
        return self.numbers(wire)


def _check_object(wire: WireObject | WireModule, unpacker: Unpacker) -> object:
    """Raises WireError unless every part of a module has its whole, and every name its tensor."""
    if isinstance(wire, WireModule):
        assert isinstance(unpacker, _Checker)
        unpacker.module_tensors += max(len(wire.tensors), len(wire.nodes))
        check_count(unpacker.module_tensors)
        _check_nodes(wire.nodes, len(wire.tensors))
        for tensor in wire.tensors:
            if isinstance(tensor, WireTensor):
                unpacker.numbers(tensor)
    return wire.number


def _check_nodes(nodes: list[Node], count: int) -> None:
    paths: dict[str, None] = {}
    places: set[int] = set()
    for position, node in enumerate(nodes):
        parent, dot, name = node.path.rpartition(".")
        whole = parent in paths and bool(name) if node.path else not paths
        if not whole or node.path in paths or (dot and not parent):
            raise WireError("a part of a module without the whole")
        if node.path.count(".") >= MAX_DEPTH:
            raise WireError(f"a module nested more than {MAX_DEPTH} deep")
        if not 0 <= node.first <= position or nodes[node.first].first != node.first:
            raise WireError("a module that is the same as none")
        if node.first < position and _holds(nodes[node.first].path, node.path):
            raise WireError("a module that is a part of itself")
        paths[node.path] = None
        places.update(place for _, place in node.parameters)
        places.update(place for _, place, _ in node.buffers)
    if not paths or places != set(range(count)):
        raise WireError("a module whose names and tensors do not match")


def _holds(whole: str, part: str) -> bool:
    """Whether what stands at one path is a part of what stands at another."""
    return not whole or part.startswith(f"{whole}.")


def _check_state(rng: bytes) -> None:
    """Raises WireError on what is no state of torch's random generator."""
    try:
        torch.Generator().set_state(torch.frombuffer(bytearray(rng), dtype=torch.uint8))
    except (RuntimeError, ValueError) as error:
        raise WireError("a state of the random generator that is none") from error
