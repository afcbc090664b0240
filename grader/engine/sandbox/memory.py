"""Finds the tensors of a result that share memory, by their storages."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from grader.engine.sandbox.pack import plain_tensor
from grader.engine.sandbox.wire import WireDict, WireList, WireSet, WireTensor, WireTuple, WireValue

MAX_STORAGE = 1 << 22  # bytes; larger storages are not examined, and count as not shared

TensorPath: TypeAlias = tuple[int | str, ...]  # the keys and positions that lead to a tensor in a nested value
Sharing: TypeAlias = tuple[TensorPath, TensorPath | None, int | None]
"""A tensor of a result; the tensor that it shares memory with (itself if some of its own numbers are the same memory;
None for an argument); and the axis along which its own numbers are the same memory, if there is one."""

_Fact: TypeAlias = tuple[int, int, int | None]  # the same, by the positions of tensors
_ARGUMENT, _NOBODY = -1, -2  # instead of a position


def find_shared(value: WireValue, results: Sequence[Tensor], arguments: Sequence[Tensor]) -> list[Sharing]:
    """Return which tensors of a result share memory. `value` is its wire form, `results` are its tensors in order."""
    storages: dict[int, list[tuple[int, Tensor]]] = {}  # by address: the tensors in it with their positions
    for position, result in enumerate(map(plain_tensor, results)):
        if result.layout is torch.strided and result.numel():
            storages.setdefault(result.untyped_storage().data_ptr(), []).append((position, result))
    for argument in arguments:
        if (storage := argument.untyped_storage().data_ptr()) in storages:
            storages[storage].append((_ARGUMENT, argument))  # after the results
    found = [fact for held in storages.values() for fact in _in_one_storage(held)]
    paths = list(_paths(value))
    return [(paths[one], None if other == _ARGUMENT else paths[other], axis) for one, other, axis in found]


def _in_one_storage(held: Sequence[tuple[int, Tensor]]) -> Iterator[_Fact]:
    """Yield what the tensors of a storage share, by marking each byte with the position of its latest owner."""
    size = held[0][1].untyped_storage().nbytes()
    if size > MAX_STORAGE:
        return
    owners = torch.full((size,), _NOBODY, dtype=torch.int32)
    for position, tensor in held:
        own = _marks(owners, tensor)
        owner = int(own.max())
        own.fill_(position)
        if position != _ARGUMENT and int((owners == position).sum()) < own.numel():
            yield position, position, _repeated_axis(tensor)
        if owner >= 0:
            yield owner, position, None
        if owner >= 0 and position != _ARGUMENT:
            yield position, owner, None


def _marks(owners: Tensor, tensor: Tensor) -> Tensor:
    """Return the view of the marks that belong to a tensor's bytes."""
    each = tensor.element_size()
    strides = (*(stride * each for stride in tensor.stride()), 1)
    return owners.as_strided((*tensor.shape, each), strides, tensor.storage_offset() * each)


def _repeated_axis(tensor: Tensor) -> int | None:
    """Return the first axis along which a tensor repeats the same memory."""
    axes = enumerate(zip(tensor.shape, tensor.stride(), strict=True))
    return next((axis for axis, (size, stride) in axes if size > 1 and stride == 0), None)


def _paths(value: WireValue, path: TensorPath = ()) -> Iterator[TensorPath]:
    """Yield the path of each tensor of a value, in the order in which they are packed."""
    match value:
        case WireTensor():
            yield path
        case WireList(items=items) | WireTuple(items=items) | WireSet(items=items):
            for position, item in enumerate(items):
                yield from _paths(item, (*path, position))
        case WireDict(keys=keys, values=values):
            for key in keys:
                yield from _paths(key, (*path, "a key"))
            for key, item in zip(keys, values, strict=True):
                yield from _paths(item, (*path, key if isinstance(key, str | int) else "a value"))
