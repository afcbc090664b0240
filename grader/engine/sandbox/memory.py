"""Which tensors of a result share memory, told by their storages."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from grader.engine.sandbox.pack import bare
from grader.engine.sandbox.wire import WireDict, WireList, WireSet, WireTensor, WireTuple, WireValue

MOST = 1 << 22  # bytes of what is looked at; where there are more, nothing is said to be shared

Path: TypeAlias = tuple[int | str, ...]  # what leads to a tensor inside a nested value
Sharing: TypeAlias = tuple[Path, Path | None, int | None]
"""A tensor of a result, and what it shares memory with: another one (itself: some of its numbers are one), or None, an
argument; and the axis along which its own numbers are one, if there is one."""

_Fact: TypeAlias = tuple[int, int, int | None]  # the same, by the places of tensors
_ARGUMENT, _NOBODY = -1, -2  # in place of a place


def shared(value: WireValue, results: Sequence[Tensor], arguments: Sequence[Tensor]) -> list[Sharing]:
    """What shares memory in the result of a call: its wire form and its tensors, in their order."""
    storages: dict[int, list[tuple[int, Tensor]]] = {}  # by their addresses: what lies in each, and its place
    for place, result in enumerate(map(bare, results)):
        if result.layout is torch.strided and result.numel():
            storages.setdefault(result.untyped_storage().data_ptr(), []).append((place, result))
    for argument in arguments:
        if (storage := argument.untyped_storage().data_ptr()) in storages:
            storages[storage].append((_ARGUMENT, argument))  # after the results
    found = [fact for held in storages.values() for fact in _in_one_storage(held)]
    paths = list(_paths(value))
    return [(paths[place], None if other == _ARGUMENT else paths[other], axis) for place, other, axis in found]


def _in_one_storage(held: Sequence[tuple[int, Tensor]]) -> Iterator[_Fact]:
    """What tensors share: each byte of their storage is marked with the place of the last one that it belongs to."""
    size = held[0][1].untyped_storage().nbytes()
    if size > MOST:
        return
    owners = torch.full((size,), _NOBODY, dtype=torch.int32)
    for place, tensor in held:
        own = _marks(owners, tensor)
        owner = int(own.max())
        own.fill_(place)
        if place != _ARGUMENT and int((owners == place).sum()) < own.numel():
            yield place, place, _repeated_axis(tensor)
        if owner >= 0:
            yield owner, place, None
        if owner >= 0 and place != _ARGUMENT:
            yield place, owner, None


def _marks(owners: Tensor, tensor: Tensor) -> Tensor:
    """The marks of a tensor's bytes among those of its storage."""
    each = tensor.element_size()
    strides = (*(stride * each for stride in tensor.stride()), 1)
    return owners.as_strided((*tensor.shape, each), strides, tensor.storage_offset() * each)


def _repeated_axis(tensor: Tensor) -> int | None:
    """The first axis along which a tensor has the same memory again and again."""
    axes = enumerate(zip(tensor.shape, tensor.stride(), strict=True))
    return next((axis for axis, (size, stride) in axes if size > 1 and stride == 0), None)


def _paths(value: WireValue, path: Path = ()) -> Iterator[Path]:
    """What leads to each tensor of a value, in the order in which they are packed."""
    match value:
        case WireTensor():
            yield path
        case WireList(items=items) | WireTuple(items=items) | WireSet(items=items):
            for place, item in enumerate(items):
                yield from _paths(item, (*path, place))
        case WireDict(keys=keys, values=values):
            for key in keys:
                yield from _paths(key, (*path, "a key"))
            for key, item in zip(keys, values, strict=True):
                yield from _paths(item, (*path, key if isinstance(key, str | int) else "a value"))
