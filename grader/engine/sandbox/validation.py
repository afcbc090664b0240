"""Validates every reply of a worker, within bounds, before it is used.

The types of the messages bound texts, numbers and counts. `Unpacker` bounds depth, bytes and the cost of keys. This
module checks that the parts of modules fit together. A reply that was read here can be unpacked again at any time.
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
    """Return the reply of a worker. Raise WireError, and nothing else, if it is not valid.

    One check is left to the mirrors, since it needs earlier replies: whether the tensors that a module gives by their
    positions were ever sent.
    """
    reply = decode_reply(meta)
    checker = _Checker(blob, _check_object)
    if isinstance(reply, Returned):
        checker.value(reply.value)
        for module in reply.modules:
            _check_object(module, checker)
        if reply.rng is not None:
            _check_rng_state(reply.rng)
    checker.finish()
    return reply


class _Checker(Unpacker):
    """Unpacks a value only to check it: copies nothing for autograd."""

    module_tensors = 0

    def tensor(self, wire: WireTensor) -> Tensor:
        return self.numbers(wire)


def _check_object(wire: WireObject | WireModule, unpacker: Unpacker) -> object:
    """Raise WireError unless the tree of a module is complete and each name has its tensor."""
    if isinstance(wire, WireModule):
        assert isinstance(unpacker, _Checker)
        unpacker.module_tensors += max(len(wire.tensors), len(wire.nodes))
        check_count(unpacker.module_tensors)
        _check_nodes(wire.nodes, len(wire.tensors))
        for tensor in wire.tensors:
            if isinstance(tensor, WireTensor):
                unpacker.numbers(tensor)
    return wire.number


def _check_nodes(nodes: list[Node], tensor_count: int) -> None:
    paths: set[str] = set()
    used: set[int] = set()  # positions of tensors
    for position, node in enumerate(nodes):
        parent, dot, name = node.path.rpartition(".")
        has_parent = parent in paths and bool(name) if node.path else not paths
        if not has_parent or node.path in paths or (dot and not parent):
            raise WireError("a part of a module without its parent")
        if node.path.count(".") >= MAX_DEPTH:
            raise WireError(f"a module nested more than {MAX_DEPTH} deep")
        if not 0 <= node.first <= position or nodes[node.first].first != node.first:
            raise WireError("a module that refers to no other")
        if node.first < position and _contains(nodes[node.first].path, node.path):
            raise WireError("a module that is a part of itself")
        paths.add(node.path)
        used.update(tensor for _, tensor in node.parameters)
        used.update(tensor for _, tensor, _ in node.buffers)
    if not paths or used != set(range(tensor_count)):
        raise WireError("a module whose names and tensors do not match")


def _contains(whole: str, part: str) -> bool:
    """Return whether the module at one path contains the module at the other."""
    return not whole or part.startswith(f"{whole}.")


def _check_rng_state(rng: bytes) -> None:
    """Raise WireError unless torch accepts the state of its random generator."""
    try:
        torch.Generator().set_state(torch.frombuffer(bytearray(rng), dtype=torch.uint8))
    except (RuntimeError, ValueError) as error:
        raise WireError("an invalid state of the random generator") from error
