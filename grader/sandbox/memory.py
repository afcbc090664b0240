"""Which tensors of a result share memory, told by their storages."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from grader.sandbox.pack import bare
from grader.sandbox.wire import WireDict, WireList, WireSet, WireTensor, WireTuple, WireValue

Path: TypeAlias = tuple[int | str, ...]  # what leads to a tensor inside a nested value
Sharing: TypeAlias = tuple[Path, Path | None, int | None]
"""A tensor of a result, and what it shares memory with: another one (itself: some of its numbers are one), or None, an
argument; and the axis along which its own numbers are one, if there is one."""

_ARGUMENT, _NOBODY = -1, -2
_MOST = 1 << 22  # numbers of a storage; a larger one is not looked at


def shared(value: WireValue, results: Sequence[Tensor], arguments: Sequence[Tensor]) -> list[Sharing]:
    """What shares memory in the result of a call: its wire form and its tensors, in their order."""
    found = [each for one in _suspicious(results, arguments) for each in _in_one_storage(*one)]
    paths = list(_paths(value)) if found else []
    return [(paths[place], None if other == _ARGUMENT else paths[other], axis) for place, other, axis in found]


def _suspicious(
    results: Sequence[Tensor], arguments: Sequence[Tensor]
) -> list[tuple[list[tuple[int, Tensor]], list[Tensor]]]:
    """Results, each with its place, and arguments that lie in one storage: something may be shared there."""
    held: dict[int, list[tuple[int, Tensor]]] = {}
    given: dict[int, list[Tensor]] = {}
    for place, result in enumerate(results):
        plain = result if type(result) is Tensor else bare(result)
        if plain.layout is torch.strided and plain.numel():
            storage = plain.untyped_storage().data_ptr()
            held.setdefault(storage, []).append((place, plain))
            if len(held[storage]) > 1 or not plain.is_contiguous():
                given[storage] = []
    for argument in arguments:
        storage = argument.untyped_storage().data_ptr()
        if storage in held:
            given.setdefault(storage, []).append(argument)
    return [(held[storage], its) for storage, its in given.items()]


def _in_one_storage(
    results: Sequence[tuple[int, Tensor]], arguments: Sequence[Tensor]
) -> Iterator[tuple[int, int, int | None]]:
    """The places of results that share memory: each number of the storage is marked with the place of its owner."""
    everything = [*((_ARGUMENT, each) for each in arguments), *results]
    sizes = {tensor.element_size() for _, tensor in everything}
    unit = sizes.pop() if len(sizes) == 1 else 1  # bytes
    units = results[0][1].untyped_storage().nbytes() // unit
    if units > _MOST:
        return
    owners = torch.full((units,), _NOBODY, dtype=torch.int32)
    for place, tensor in everything:
        own = _marks(owners, tensor, unit)
        before = int(own.max())
        own.fill_(place)
        if place != _ARGUMENT and int((owners == place).sum()) < own.numel():
            yield place, place, _repeated_axis(tensor)
        if place != _ARGUMENT and before != _NOBODY:
            yield place, before, None
        if before >= 0:
            yield before, place, None


def _marks(owners: Tensor, tensor: Tensor, unit: int) -> Tensor:
    """The marks of a tensor's numbers among those of its storage, one for each `unit` bytes."""
    each = tensor.element_size() // unit
    strides = (*(stride * each for stride in tensor.stride()), 1)
    return owners.as_strided((*tensor.shape, each), strides, tensor.storage_offset() * each)


def _repeated_axis(tensor: Tensor) -> int | None:
    """The first axis along which a tensor has the same memory again and again."""
    axes = zip(tensor.shape, tensor.stride(), strict=True)
    return next((axis for axis, (size, stride) in enumerate(axes) if size > 1 and stride == 0), None)


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
