"""Which tensors of a result share memory, told by their storages."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from grader.sandbox.pack import bare
from grader.sandbox.wire import WireDict, WireList, WireSet, WireTensor, WireTuple, WireValue

MOST = 1 << 22  # bytes of what is looked at; where there are more, nothing is said to be shared

Path: TypeAlias = tuple[int | str, ...]  # what leads to a tensor inside a nested value
Sharing: TypeAlias = tuple[Path, Path | None, int | None]
"""A tensor of a result, and what it shares memory with: another one (itself: some of its numbers are one), or None, an
argument; and the axis along which its own numbers are one, if there is one."""

_Fact: TypeAlias = tuple[int, int, int | None]  # the same, by the places of tensors
_ARGUMENT, _NOBODY = -1, -2  # in place of a place


class _Part(NamedTuple):
    """Where the numbers of a tensor lie in its storage: from byte `start` up to `end`."""

    place: int
    tensor: Tensor
    start: int
    end: int
    apart: bool  # for certain no two of them are one

    @property
    def dense(self) -> bool:
        """Whether nothing but its numbers lies there."""
        return self.apart and self.end - self.start == self.tensor.numel() * self.tensor.element_size()


def shared(value: WireValue, results: Sequence[Tensor], arguments: Sequence[Tensor]) -> list[Sharing]:
    """What shares memory in the result of a call: its wire form and its tensors, in their order."""
    storages: dict[int, list[tuple[int, Tensor]]] = {}
    found: list[_Fact] = []
    for place, result in enumerate(results):
        plain = result if type(result) is Tensor else bare(result)
        if plain.layout is torch.strided and plain.numel():
            storages.setdefault(plain.untyped_storage().data_ptr(), []).append((place, plain))
            if not plain.is_contiguous() and not (part := _part(place, plain)).apart:
                found += _with_itself(part)
    for argument in arguments:
        if (storage := argument.untyped_storage().data_ptr()) in storages:
            storages[storage].append((_ARGUMENT, argument))
    for held in storages.values():
        if len(held) > 1:
            found += _with_each_other([_part(place, tensor) for place, tensor in held])
    paths = list(_paths(value)) if found else []
    return [(paths[place], None if other == _ARGUMENT else paths[other], axis) for place, other, axis in found]


def _part(place: int, tensor: Tensor) -> _Part:
    span, apart = 1, True  # numbers from the first to the last, by the axes so far
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            apart = apart and stride >= span
            span += (size - 1) * stride
    start, each = int(tensor.storage_offset()), tensor.element_size()
    return _Part(place, tensor, start * each, (start + span) * each, apart)


def _with_itself(part: _Part) -> Iterator[_Fact]:
    """That numbers of one tensor are one."""
    if part.end - part.start <= MOST:
        marks = torch.zeros(part.end - part.start, dtype=torch.bool)
        own = _marks(marks, part, part.start)
        own.fill_(True)
        if int(marks.sum()) < own.numel():
            axes = enumerate(zip(part.tensor.shape, part.tensor.stride(), strict=True))
            repeated = (axis for axis, (size, stride) in axes if size > 1 and stride == 0)
            yield part.place, part.place, next(repeated, None)


def _with_each_other(parts: list[_Part]) -> Iterator[_Fact]:
    """What tensors of one storage share: each byte is marked with the place of whom it belongs to."""
    parts.sort(key=lambda part: part.start)
    start, end = parts[0].start, max(part.end for part in parts)
    if all(before.end <= after.start for before, after in pairwise(parts)) or end - start > MOST:
        return
    if len(parts) == 2 and all(part.dense for part in parts):  # as often: no need to look
        yield from _both(parts[0].place, parts[1].place)
        return
    owners = torch.full((end - start,), _NOBODY, dtype=torch.int32)
    for part in parts:
        own = _marks(owners, part, start)
        owner = int(own.max())
        own.fill_(part.place)
        if owner != _NOBODY:
            yield from _both(owner, part.place)


def _both(one: int, other: int) -> Iterator[_Fact]:
    return ((mine, theirs, None) for mine, theirs in ((one, other), (other, one)) if mine != _ARGUMENT)


def _marks(memory: Tensor, part: _Part, start: int) -> Tensor:
    """The marks of a tensor's bytes among those of its storage from `start` on."""
    each = part.tensor.element_size()
    strides = (*(stride * each for stride in part.tensor.stride()), 1)
    return memory.as_strided((*part.tensor.shape, each), strides, part.start - start)


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
