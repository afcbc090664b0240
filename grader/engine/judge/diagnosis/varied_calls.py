"""Calls of a test with one thing changed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import torch
from torch import Tensor

from grader.engine.judge.session import LogEntry
from grader.engine.sandbox import wire
from grader.engine.sandbox.pack import Packer, Unpacker

MAX_BYTES = 1 << 20  # of the arguments of a call that is repeated


@dataclass(frozen=True)
class _Object:
    """An object in the worker, passed on unopened."""

    wired: wire.WireObject


@dataclass(frozen=True)
class Argument:
    """An argument of a call."""

    where: int | str  # its position or keyword
    name: str  # the reference's name for it
    value: Any


@dataclass(frozen=True)
class VariedCall:
    """A call with something changed, and the beginning of a sentence that says what: "With S = T"."""

    words: str
    subject: str  # the argument that was changed; "": several at once
    entry: LogEntry
    question: str = ""  # that follows if this change makes the result right
    fewest: int | None = 1  # changes of the subject that must mend the result to be telling; None: it never is telling
    forbids: bool = False  # if the call should raise and this one should not, then because of the subject


class UnpackedCall:
    """A call of the submission with its arguments as Python values."""

    def __init__(self, entry: LogEntry, names: Callable[[str], str]):
        """`entry` must be an `Invoke`. `names` maps a position ("0") or keyword to the name of the argument."""
        assert isinstance(entry.request, wire.Invoke)
        self._entry = entry
        self._request = entry.request
        blob = entry.blob or b""
        unpacker = Unpacker(bytearray(blob), _keep_object, layout=True)
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
        self,
        words: str,
        subject: str,
        values: dict[int | str, Any],
        question: str = "",
        without: int | str | None = None,
    ) -> VariedCall:
        """Return the call with other values for some arguments, or without one; both are given by `Argument.where`."""
        given = {each.where: values.get(each.where, each.value) for each in self.arguments if each.where != without}
        packer = Packer(_wire_object, MAX_BYTES, layout=True)
        args = [packer.value(value) for where, value in given.items() if isinstance(where, int)]
        kwargs = {where: packer.value(value) for where, value in given.items() if isinstance(where, str)}
        request = msgspec.structs.replace(self._request, args=args, kwargs=kwargs)
        blob = b"".join([self._context, *packer.blobs])
        return VariedCall(words, subject, LogEntry(self._entry.question, request, blob), question)


def varied_calls(call: UnpackedCall, optional: dict[str, Any], sizes: dict[int, str]) -> Iterator[VariedCall]:
    """Yield calls that differ from `call` in one thing, the most telling first.

    `optional` has the default values of arguments, `sizes` the test's names of sizes.
    """
    yield from _without_optional(call, optional)
    yield from _without_flags(call)
    yield from _with_equal_sizes(call, sizes)
    yield from _with_other_numbers(call)
    yield from _with_axes_of_one(call, sizes)
    yield from _with_other_tensors(call)


def _without_optional(call: UnpackedCall, optional: dict[str, Any]) -> Iterator[VariedCall]:
    last = max((each.where for each in call.arguments if isinstance(each.where, int)), default=None)
    for each in call.arguments:
        if each.name in optional and (isinstance(each.where, str) or each.where == last):
            question = f"what does your code do with `{each.name}`?"
            varied = call.varied(f"Without `{each.name}`", each.name, {}, question, without=each.where)
            yield replace(varied, fewest=2 if _is_number(optional[each.name]) else 1)


def _without_flags(call: UnpackedCall) -> Iterator[VariedCall]:
    """Yield calls with a flag inverted, or a mask of ones."""
    for each in call.arguments:
        if isinstance(each.value, bool):
            question = f"what does your code do differently for {each.name}={each.value}?"
            yield call.varied(f"With {each.name}={not each.value}", each.name, {each.where: not each.value}, question)
        elif isinstance(each.value, Tensor) and is_mask(each.value) and not each.value.bool().all():
            ones = torch.ones_like(each.value)
            words, question = f"Where `{each.name}` is 1 everywhere", "what does your code do with a 0 in it?"
            yield call.varied(words, each.name, {each.where: ones}, question)


def _with_equal_sizes(call: UnpackedCall, sizes: dict[int, str]) -> Iterator[VariedCall]:
    """Yield calls in which one size, of an axis or among the ints, is reduced to another."""
    numbers = {each.value: each for each in call.arguments if type(each.value) is int and each.value > 0}
    named = [size for size in {*_axes(call.arguments), *numbers} if size in sizes or size in numbers]
    for large in sorted(named, reverse=True):
        for small in sorted((size for size in named if size < large), reverse=True):
            names = [numbers[size].name if size in numbers else sizes[size] for size in (large, small)]
            words, question = f"With {names[0]} = {names[1]}", "where might your code confuse the two?"
            for from_end in (False, True):  # a cut that happens to leave out what is wrong tells nothing
                values = _with_axes_cut(call.arguments, large, small, from_end)
                if large in numbers:
                    values[numbers[large].where] = small
                yield replace(call.varied(words, "", values, question), forbids=True)


def _with_other_numbers(call: UnpackedCall) -> Iterator[VariedCall]:
    for each in call.arguments:
        if isinstance(each.value, dict):
            yield from _with_other_settings(call, each)
        elif isinstance(each.value, float):
            for factor in (1.0, 0.5 * each.value, 2 * each.value):
                if factor != each.value:
                    words = f"With {each.name} = {factor:g} instead of {each.value:g}"
                    yield _with_number(call, words, each.name, {each.where: factor})
        elif _is_number(each.value):
            for number in dict.fromkeys((each.value - 1, each.value + 1, 1, 2, 2 * each.value)):
                if number != each.value:
                    words = f"With {each.name} = {number} instead of {each.value}"
                    yield _with_number(call, words, each.name, {each.where: number})


def _with_number(call: UnpackedCall, words: str, name: str, values: dict[int | str, Any]) -> VariedCall:
    varied = call.varied(words, name, values, f"where does your code use `{name}`?")
    return replace(varied, fewest=2, forbids=True)


def _with_other_settings(call: UnpackedCall, argument: Argument) -> Iterator[VariedCall]:
    """Yield calls with a dict of settings that lacks a key, or has another int for it."""
    for key, value in argument.value.items():
        rest = {other: item for other, item in argument.value.items() if other != key}
        question = "what does your code do with that entry?"
        yield call.varied(f"Without the key {key!r}", f"{key}", {argument.where: rest}, question)
        if type(value) is int:
            for other in dict.fromkeys((1, value + 1, 2 * value)):
                words = f"With {key} = {other} instead of {value}"
                yield _with_number(call, words, f"{key}", {argument.where: argument.value | {key: other}})


def _with_axes_of_one(call: UnpackedCall, sizes: dict[int, str]) -> Iterator[VariedCall]:
    """Yield calls with all axes of one named size cut to length 1: to the first entry, then to the last."""
    for size in _axes(call.arguments):
        if size > 1 and size in sizes:
            words, question = (
                f"With {sizes[size]} = 1 instead of {size}",
                f"which step of your code runs along {sizes[size]}?",
            )
            for from_end in (False, True):
                yield call.varied(words, "", _with_axes_cut(call.arguments, size, 1, from_end), question)


def _with_other_tensors(call: UnpackedCall) -> Iterator[VariedCall]:
    for each in call.arguments:
        if isinstance(each.value, Tensor) and each.value.is_floating_point():
            for words, other in (
                (f"Where `{each.name}` is 0", torch.zeros_like(each.value)),
                (f"With another `{each.name}`", each.value.detach().flip(-1) * 1.5 + 0.25),
            ):
                yield replace(call.varied(words, each.name, {each.where: other}), fewest=None)


def _axes(arguments: Sequence[Argument]) -> list[int]:
    """Return the sizes of all axes, in the order of their first occurrence."""
    tensors = [each.value for each in arguments if isinstance(each.value, Tensor)]
    return list(dict.fromkeys(size for tensor in tensors for size in tensor.shape))


def _with_axes_cut(
    arguments: Sequence[Argument], large: int, small: int, from_end: bool = False
) -> dict[int | str, Any]:
    """Return the tensors among arguments with all axes of one size cut to another."""
    return {e.where: _cut(e.value, large, small, from_end) for e in arguments if isinstance(e.value, Tensor)}


def _cut(tensor: Tensor, large: int, small: int, from_end: bool) -> Tensor:
    for axis, size in enumerate(tensor.shape):
        if size == large:
            tensor = tensor.narrow(axis, large - small if from_end else 0, small)
    return tensor


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_mask(tensor: Tensor) -> bool:
    """Return whether a tensor holds bools, or only the ints 0 and 1."""
    return not tensor.is_floating_point() and not tensor.is_complex() and bool(((tensor == 0) | (tensor == 1)).all())


def _keep_object(wired: wire.WireObject | wire.WireModule, unpacker: Unpacker) -> Any:
    assert isinstance(wired, wire.WireObject)
    return _Object(wired)


def _wire_object(value: Any, _: Packer) -> wire.WireValue:
    if isinstance(value, _Object):
        return value.wired
    raise wire.WireError("an object that no question has held")
