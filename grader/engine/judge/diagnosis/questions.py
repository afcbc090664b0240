"""A question of a test with one of its arguments changed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import torch
from torch import Tensor

from grader.engine.judge.session import Entry
from grader.engine.sandbox import wire
from grader.engine.sandbox.pack import Packer, Unpacker

MAX_BYTES = 1 << 20  # of the arguments of a question that is asked again


@dataclass(frozen=True)
class _Object:
    """Stands for an object of the other side."""

    wired: wire.WireObject


@dataclass(frozen=True)
class Argument:
    """An argument of a call: where it stands, a place or a keyword, what the reference calls it, and its value."""

    where: int | str
    name: str
    value: Any


@dataclass(frozen=True)
class Varied:
    """A question with something changed, and what, as the beginning of a sentence: "With S = T"."""

    words: str
    subject: str  # the argument that was changed; "": several at once
    entry: Entry
    fewest: int | None = 1  # changes of the subject that must make it right, for that to be telling; None: it never is


class Call:
    """A call of the submission, unpacked."""

    def __init__(self, entry: Entry, names: Callable[[str], str]):
        """`names` gives what an argument is called, by its place ("0") or keyword. The entry is an `Invoke`."""
        assert isinstance(entry.request, wire.Invoke)
        self._entry = entry
        self._request = entry.request
        blob = entry.blob or b""
        unpacker = Unpacker(bytearray(blob), _held, layout=True)
        for update in entry.request.context.updates:
            if update.tensor is not None:
                unpacker.numbers(update.tensor)
        self._context = blob[: unpacker.used]
        args = [Argument(i, names(str(i)), unpacker.value(each)) for i, each in enumerate(entry.request.args)]
        kwargs = [Argument(name, name, unpacker.value(each)) for name, each in entry.request.kwargs.items()]
        self.arguments: Sequence[Argument] = (*args, *kwargs)
        for tensor in unpacker.differentiable:
            tensor.requires_grad_()

    def varied(
        self, words: str, subject: str, values: dict[int | str, Any], without: int | str | None = None
    ) -> Varied:
        """The question with other values for some arguments, by where they stand, or without one."""
        given = {each.where: values.get(each.where, each.value) for each in self.arguments if each.where != without}
        packer = Packer(_wired, MAX_BYTES, layout=True)
        args = [packer.value(value) for where, value in given.items() if isinstance(where, int)]
        kwargs = {where: packer.value(value) for where, value in given.items() if isinstance(where, str)}
        request = msgspec.structs.replace(self._request, args=args, kwargs=kwargs)
        blob = b"".join([self._context, *packer.blobs])
        return Varied(words, subject, Entry(self._entry.question, request, blob))


def variations(call: Call, optional: dict[str, Any], sizes: dict[int, str]) -> Iterator[Varied]:
    """Questions that differ from a call in one thing, the most telling first.

    `optional`: the defaults of the arguments that have one. `sizes`: what the test calls a size.
    """
    arguments = call.arguments
    last = max((each.where for each in arguments if isinstance(each.where, int)), default=None)
    for each in arguments:
        if each.name in optional and (isinstance(each.where, str) or each.where == last):
            without = call.varied(f"Without `{each.name}`", each.name, {}, without=each.where)
            yield replace(without, fewest=2 if _is_number(optional[each.name]) else 1)
    for each in arguments:
        if isinstance(each.value, bool):
            yield call.varied(f"With {each.name}={not each.value}", each.name, {each.where: not each.value})
        elif isinstance(each.value, Tensor) and is_mask(each.value) and not each.value.bool().all():
            ones = torch.ones_like(each.value)
            yield call.varied(f"Where `{each.name}` is 1 everywhere", each.name, {each.where: ones})
    yield from _equal_sizes(call, sizes)
    for each in arguments:
        if isinstance(each.value, int) and not isinstance(each.value, bool):
            for number in dict.fromkeys((each.value - 1, each.value + 1, 1, 2, 2 * each.value)):
                if number != each.value:
                    words = f"With {each.name} = {number} in place of {each.value}"
                    yield replace(call.varied(words, each.name, {each.where: number}), fewest=2)
        elif isinstance(each.value, float):
            for factor in (1.0, 0.5 * each.value, 2 * each.value):
                if factor != each.value:
                    words = f"With {each.name} = {factor:g} in place of {each.value:g}"
                    yield replace(call.varied(words, each.name, {each.where: factor}), fewest=2)
        elif isinstance(each.value, dict):
            yield from _configs(call, each)
    for size in _axes(arguments):
        if size > 1:
            name, axis = next((e.name, e.value.shape.index(size)) for e in arguments if _has_axis(e.value, size))
            named = size in sizes
            said = f"{sizes[size]} = 1" if named else "1"
            said += f" in place of {size}" + ("" if named else f" along axis {axis} of `{name}`")
            for last in (False, True):
                yield call.varied(f"With {said}", "", _all_cut(arguments, size, 1, last))
    for each in arguments:
        if isinstance(each.value, Tensor) and each.value.is_floating_point():
            for words, other in (
                (f"Where `{each.name}` is 0", torch.zeros_like(each.value)),
                (f"With another `{each.name}`", each.value.detach().flip(-1) * 1.5 + 0.25),
            ):
                yield replace(call.varied(words, each.name, {each.where: other}), fewest=None)


def _equal_sizes(call: Call, sizes: dict[int, str]) -> Iterator[Varied]:
    """Each size of a tensor's axis, or among the whole numbers, made that of another."""
    arguments = call.arguments
    numbers = {each.value: each for each in arguments if type(each.value) is int and each.value > 0}
    for large in sorted({*_axes(arguments), *numbers}, reverse=True):
        for small in sorted({*_axes(arguments), *numbers} - {large}, reverse=True):
            if small > large or not (large in sizes or large in numbers) or not (small in sizes or small in numbers):
                continue
            names = [numbers[size].name if size in numbers else sizes[size] for size in (large, small)]
            values = _all_cut(arguments, large, small)
            if large in numbers:
                values[numbers[large].where] = small
            yield call.varied(f"With {names[0]} = {names[1]}", "", values)


def _configs(call: Call, given: Argument) -> Iterator[Varied]:
    """A dict of settings without one of its keys, or with another number for it."""
    for key, value in given.value.items():
        rest = {other: item for other, item in given.value.items() if other != key}
        yield call.varied(f"Without the key {key!r}", f"{key}", {given.where: rest})
        if type(value) is int:
            for other in dict.fromkeys((1, value + 1, 2 * value)):
                words = f"With {key} = {other} in place of {value}"
                varied = call.varied(words, f"{key}", {given.where: given.value | {key: other}})
                yield replace(varied, fewest=2)


def _axes(arguments: Sequence[Argument]) -> list[int]:
    """The sizes of axes, in the order in which they occur."""
    tensors = [each.value for each in arguments if isinstance(each.value, Tensor)]
    return list(dict.fromkeys(size for tensor in tensors for size in tensor.shape))


def _all_cut(arguments: Sequence[Argument], large: int, small: int, last: bool = False) -> dict[int | str, Any]:
    """The tensors among arguments with their axes of one size cut to another: to the first entries, or the last."""
    return {e.where: _cut(e.value, large, small, last) for e in arguments if isinstance(e.value, Tensor)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _has_axis(value: Any, size: int) -> bool:
    return isinstance(value, Tensor) and size in value.shape


def _cut(tensor: Tensor, large: int, small: int, last: bool) -> Tensor:
    """A tensor whose axes of one size are cut to another."""
    for axis, size in enumerate(tensor.shape):
        if size == large:
            tensor = tensor.narrow(axis, large - small if last else 0, small)
    return tensor


def is_mask(tensor: Tensor) -> bool:
    """Whether a tensor holds truths, or whole numbers that are 0 and 1."""
    return not tensor.is_floating_point() and not tensor.is_complex() and bool(((tensor == 0) | (tensor == 1)).all())


def _held(wired: wire.WireObject | wire.WireModule, unpacker: Unpacker) -> Any:
    assert isinstance(wired, wire.WireObject)
    return _Object(wired)


def _wired(value: Any) -> wire.WireValue:
    if isinstance(value, _Object):
        return value.wired
    raise wire.WireError("an object that no question has held")
