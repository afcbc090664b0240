"""Values as wire values and the bytes of their tensors, and back.

Nothing is ever unpickled. Each tensor's bytes are padded to `ALIGN`. Whatever arrives is checked before anything of its
size is allocated; what does not fit raises `WireError`, and nothing else does.
"""

import ctypes
import math
from collections import Counter, namedtuple
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from xxhash import xxh3_64_intdigest

from grader.engine.sandbox.channel import MAX_META
from grader.engine.sandbox.shared_memory import Blob
from grader.engine.sandbox.wire import (
    MAX_FIELDS,
    MAX_NAME,
    MAX_NDIM,
    MAX_TENSORS,
    WireArray,
    WireBytes,
    WireComplex,
    WireDict,
    WireDtype,
    WireError,
    WireInt,
    WireList,
    WireModule,
    WireObject,
    WireRange,
    WireSet,
    WireSize,
    WireSlice,
    WireTensor,
    WireTuple,
    WireValue,
)

MAX_DEPTH = 100
MAX_NUMEL = 1 << 47
MAX_ALIKE = 64  # keys of one dict or set that have the same hash: each is compared with all before it
MAX_RANGE = 1 << 20  # numbers in a range: as many as a list of them could hold
ALIGN = 16

DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}

_BASE: Any = torch._C.TensorBase  # its attributes are torch's own, whatever a subclass overrides


def padded(size: int) -> int:
    """So many bytes, and what fills them up to `ALIGN`."""
    return (size + ALIGN - 1) // ALIGN * ALIGN


def check_count(tensors: int) -> None:
    """Raise WireError for more tensors, or parts of modules, than may cross at once."""
    if tensors > MAX_TENSORS:
        raise WireError(f"modules of more than {MAX_TENSORS:,} tensors or parts")


def bare(tensor: Tensor) -> Tensor:
    """A tensor's numbers as torch itself knows them, whatever its class overrides: detached, of the class Tensor."""
    with torch._C.DisableTorchFunctionSubclass(), torch._C._DisableTorchDispatch():
        plain = _BASE.detach(tensor)
        return plain if type(plain) is Tensor else _BASE.as_subclass(plain, Tensor)


def _plain(tensor: Tensor, room: int, limit: int) -> Tensor:
    """The numbers of a tensor, whatever its class, layout and laziness: dense, contiguous.

    It may take `room` bytes, what others have left of `limit`.
    """
    plain = bare(tensor)
    if plain.device.type != "cpu":
        raise WireError(f"a tensor on device {plain.device.type!r}, which has no numbers here")
    if plain.is_nested:
        raise WireError("a nested tensor")
    if plain.dtype not in DTYPE_NAMES:
        raise WireError(f"a tensor of dtype {plain.dtype}")
    if plain.dim() > MAX_NDIM:
        raise WireError("a tensor of too many axes")
    if plain.numel() * plain.element_size() > room:  # asked before a sparse one or a view of stride 0 grows
        raise WireError(f"tensors of more than {limit:,} bytes")
    if plain.layout is not torch.strided:
        plain = plain.to_dense()
    plain = plain.resolve_conj().resolve_neg().contiguous()
    if plain.numel() and not plain.data_ptr():
        raise WireError("a tensor without numbers of its own")
    return plain


def checksum(tensor: Tensor) -> tuple[Any, ...]:
    """What changes when a tensor's numbers, dtype or shape do. Its version does not always: `.data` keeps it."""
    plain = _plain(tensor, MAX_NUMEL, MAX_NUMEL)
    numbers = xxh3_64_intdigest(plain.view(-1).view(torch.uint8).numpy().data) if plain.numel() else 0
    return numbers, plain.dtype, plain.shape


def layout(tensor: Tensor) -> tuple[int, ...]:
    """Strides of a tensor with few gaps of which the same views can be taken; () where numbers are shared.

    Axes that repeat stay so (stride 0), and axes that can be flattened into one. What stands in the gaps, in the
    judge's memory, is not the callee's to see.
    """
    strides = [0] * tensor.dim()
    dense, flat, span = 1, 1, 1  # the next stride without a gap; the same of the original; numbers that it spans
    for axis in sorted(range(tensor.dim()), key=lambda a: (tensor.stride(a), tensor.size(a))):
        size, stride = tensor.size(axis), tensor.stride(axis)
        if stride == 0 or size == 1:
            continue
        if stride < span:
            return ()
        strides[axis] = dense + (stride != flat)
        dense, flat, span = strides[axis] * size, stride * size, span + (size - 1) * stride
    return tuple(strides)


class Packer:
    """Turns values into wire values and gathers their tensors' bytes.

    `keep(object)` gives the wire form of an object that has to stay on this side. `inputs` are the tensors that the
    values may come from; None: all that require grad may be differentiated. `layout`: keep which views can be taken.
    """

    def __init__(
        self,
        keep: Callable[[Any], WireValue],
        limit: int,
        inputs: Iterable[Tensor] | None = None,
        layout: bool = False,
    ):
        self._keep = keep
        self._inputs = None if inputs is None else {id(tensor) for tensor in inputs}
        self._layout = layout
        self._limit = self._room = limit  # bytes of tensors; those that may still be added
        self._items = 0
        self._module_tensors = 0
        self.blobs: list[Any] = []  # buffers, in order, padding included
        self.tensors: list[Tensor] = []  # of the value, in order
        self.differentiable: list[Tensor] = []  # tensors of the value that require grad, in order

    @property
    def size(self) -> int:
        """Bytes of tensors so far."""
        return self._limit - self._room

    def count_module(self, tensors: int, parts: int) -> None:
        """Count a module that is a part of the value. Raise WireError where there are too many tensors or parts."""
        self._module_tensors += max(tensors, parts)
        check_count(self._module_tensors)

    def tensor(self, tensor: Tensor) -> WireTensor:
        """Adds the bytes of a tensor that is a part of a value."""
        self.tensors.append(tensor)
        strides = () if not self._layout or tensor.is_contiguous() or not tensor.numel() else layout(tensor)
        wire = self._strided(tensor, strides) if strides else self.numbers(tensor)
        if wire.requires_grad:
            if self._inputs is not None and _BASE.is_leaf.__get__(tensor) and id(tensor) not in self._inputs:
                return WireTensor(wire.dtype, wire.shape, True, fresh=True)
            self.differentiable.append(tensor)
        return wire

    def _strided(self, tensor: Tensor, strides: tuple[int, ...]) -> WireTensor:
        once = tensor.detach()
        for axis, stride in enumerate(strides):
            if stride == 0:
                once = once.narrow(axis, 0, 1)
        memory = torch.zeros(_span(once.shape, strides), dtype=tensor.dtype)
        memory.as_strided(once.shape, strides).copy_(once)
        wire = self.numbers(memory)
        return WireTensor(wire.dtype, tuple(tensor.shape), bool(tensor.requires_grad), strides=strides)

    def numbers(self, tensor: Tensor) -> WireTensor:
        """Adds a tensor's bytes."""
        plain = _plain(tensor, self._room, self._limit)
        size = plain.numel() * plain.element_size()
        self._room -= size
        if size:
            buffer = (ctypes.c_char * size).from_address(plain.data_ptr())
            buffer.tensor = plain  # type: ignore[attr-defined]  # whose memory it is, for as long as somebody reads it
            self.blobs.append(buffer)
            if padded(size) != size:
                self.blobs.append(bytes(padded(size) - size))
        with torch._C.DisableTorchFunctionSubclass():
            requires_grad = _BASE.requires_grad.__get__(tensor)
        return WireTensor(DTYPE_NAMES[plain.dtype], tuple(plain.shape), requires_grad)

    def value(self, value: Any, depth: int = 0) -> WireValue:
        """The wire form of a value. Raises WireError where it is nested too deep or its tensors are too many."""
        self._items += 1
        if self._items > MAX_META:  # each takes a byte at least
            raise WireError(f"more than {MAX_META:,} values")
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value  # type: ignore[no-any-return]
        if kind is bytes:
            return WireBytes(value)
        if kind is int:
            return value if -(1 << 63) <= value < 1 << 63 else WireInt(_digits(value))
        if kind is str:
            return _text(value)
        if issubclass(kind, Tensor):
            return self.tensor(value)
        if depth > MAX_DEPTH:
            raise WireError(f"a value nested more than {MAX_DEPTH} deep")
        if issubclass(kind, list):
            return WireList([self.value(v, depth + 1) for v in value])
        if issubclass(kind, tuple):
            if kind is torch.Size:
                return WireSize(tuple(value))
            return WireTuple([self.value(v, depth + 1) for v in value], _fields(kind, len(value)))
        if issubclass(kind, Mapping):
            return WireDict(
                _keys([self.value(k, depth + 1) for k in value]), [self.value(value[k], depth + 1) for k in value]
            )
        if issubclass(kind, set | frozenset):
            return WireSet(_keys([self.value(v, depth + 1) for v in value]), issubclass(kind, frozenset))
        if issubclass(kind, bool | int | float | str):  # a subclass, such as an IntEnum: its plain value
            for base in (bool, int, float, str):
                if issubclass(kind, base):
                    return self.value(base(value), depth)
        if kind is complex:
            return WireComplex(value.real, value.imag)
        if kind is torch.dtype:
            return WireDtype(_dtype_name(value))
        if kind is slice:
            return WireSlice(value.start, value.stop, value.step)
        if kind is range:
            _check_range(value)
            return WireRange(value.start, value.stop, value.step)
        if kind.__module__ == "numpy":
            return self._numpy(value, depth)
        return self._keep(value)

    def _numpy(self, value: Any, depth: int) -> WireValue:
        if not hasattr(value, "dtype") or value.dtype.hasobject or value.dtype.kind not in "biufc":
            return self._keep(value)
        if value.ndim == 0 and not hasattr(value, "flags"):
            return self.value(value.item(), depth)
        if type(value).__name__ != "ndarray":
            return self.value(value.item(), depth)
        wire = self.numbers(torch.from_numpy(value.copy()))
        return WireArray(wire.dtype, wire.shape)


class Unpacker:
    """Turns wire values back into values. `blob` is the frame's, writable; the tensors share its memory.

    `find(object)` gives what stands for an object of the other side. Raises WireError on whatever does not fit.
    `layout`: the other side is trusted with strides, by which a few bytes can become a tensor of any size.
    """

    def __init__(self, blob: Blob, find: Callable[[WireObject | WireModule, "Unpacker"], Any], layout: bool = False):
        self._blob = blob
        self._find = find
        self._layout = layout
        self._offset = 0
        self.tensors: list[Tensor] = []  # of the value, in order
        self.differentiable: list[Tensor] = []  # tensors of the value that require grad on the other side, in order

    @property
    def used(self) -> int:
        """How many bytes of the blob the tensors so far have taken."""
        return self._offset

    def finish(self) -> None:
        """Raises WireError unless the blob is used up exactly."""
        if self._offset != len(self._blob):
            raise WireError("bytes that belong to no tensor")

    def tensor(self, wire: WireTensor) -> Tensor:
        """A tensor that is a part of a value."""
        tensor = self.numbers(wire)
        if wire.requires_grad and (tensor.is_floating_point() or tensor.is_complex()):
            if not wire.strides:
                tensor = tensor.clone()  # not a view, so that autograd may take it over in place
            if wire.fresh:
                tensor.requires_grad_()
            else:
                self.differentiable.append(tensor)
        self.tensors.append(tensor)
        return tensor

    def numbers(self, wire: WireTensor | WireArray) -> Tensor:
        """The next tensor of the blob, without autograd."""
        dtype = DTYPES.get(wire.dtype)
        if dtype is None or len(wire.shape) > MAX_NDIM or min(wire.shape, default=0) < 0:
            raise WireError(f"no tensor is {wire.dtype[:20]!r} of {len(wire.shape)} axes")
        if math.prod(max(d, 1) for d in wire.shape) > MAX_NUMEL:
            raise WireError("a tensor of too many elements")
        strides = wire.strides if isinstance(wire, WireTensor) else ()
        if strides and (not self._layout or len(strides) != len(wire.shape)):
            raise WireError("a tensor of unwanted strides")
        count = _span(wire.shape, strides) if strides else math.prod(wire.shape)
        if count == 0:
            return torch.empty(wire.shape, dtype=dtype)
        size = count * dtype.itemsize
        if self._offset + padded(size) > len(self._blob):
            raise WireError("a tensor without its bytes")
        raw = torch.uint8 if dtype is torch.bool else dtype  # a bool of other bytes than 0 and 1 is undefined
        flat = torch.frombuffer(self._blob, dtype=raw, count=count, offset=self._offset)
        self._offset += padded(size)
        flat = flat.ne(0) if dtype is torch.bool else flat
        return flat.as_strided(wire.shape, strides) if strides else flat.reshape(wire.shape)

    def value(self, wire: WireValue, depth: int = 0) -> Any:
        """The value of a wire value."""
        if depth > MAX_DEPTH + 1:
            raise WireError(f"a value nested more than {MAX_DEPTH} deep")
        if wire is None or isinstance(wire, str | int | float):
            return wire
        match wire:
            case WireTensor():
                return self.tensor(wire)
            case WireList(items):
                return [self.value(item, depth + 1) for item in items]
            case WireTuple(items, fields):
                values = [self.value(item, depth + 1) for item in items]
                return _named(fields, values) if fields else tuple(values)
            case WireSize(sizes):
                return torch.Size(sizes)
            case WireDict(keys, values):
                if len(keys) != len(values):
                    raise WireError("a dict of unequal numbers of keys and values")
                names = _distinct([self.value(key, depth + 1) for key in _keys(keys)])
                return dict(zip(names, [self.value(value, depth + 1) for value in values], strict=True))
            case WireSet(items, frozen):
                kind = frozenset if frozen else set
                return kind(_distinct([self.value(item, depth + 1) for item in _keys(items)]))
            case WireBytes(data):
                return data
            case WireInt(digits):
                return int(digits)
            case WireComplex(real, imag):
                return complex(real, imag)
            case WireDtype(name):
                if name not in DTYPES:
                    raise WireError(f"no dtype {name[:20]!r}")
                return DTYPES[name]
            case WireSlice(start, stop, step):
                return slice(start, stop, step)
            case WireRange(start, stop, step):
                if step == 0:
                    raise WireError("a range without steps")
                numbers = range(start, stop, step)
                _check_range(numbers)
                return numbers
            case WireArray(dtype):
                if dtype == "bfloat16":
                    raise WireError("an array of a dtype that numpy has not")
                return self.numbers(wire).numpy()
            case WireObject() | WireModule():
                return self._find(wire, self)


def _keys(wires: list[WireValue]) -> list[WireValue]:
    """The keys of a dict, or the items of a set. Raises WireError where one cannot be that when it has crossed."""
    if not all(map(_can_be_key, wires)):
        raise WireError("a dict or set with a key other than a number, a text, a tuple of these or the like")
    return wires


def _can_be_key(wire: WireValue) -> bool:
    match wire:
        case WireTuple(items):
            return all(map(_can_be_key, items))
        case WireList() | WireDict() | WireSet(frozen=False) | WireArray() | WireSlice() | WireObject():
            return False
    return True


def _check_range(numbers: range) -> None:
    """Raise WireError for a range that nobody could go through, or whose bounds do not fit 64 bits."""
    if numbers[MAX_RANGE:] or max(map(abs, (numbers.start, numbers.stop, numbers.step))) >= 1 << 62:
        raise WireError(f"a range of more than {MAX_RANGE:,} numbers, or of huge bounds")


def _distinct(keys: list[Hashable]) -> list[Hashable]:
    """The keys of a dict, or the items of a set. Raises WireError where they are made to be slow."""
    if max(Counter(map(hash, keys)).values(), default=0) > MAX_ALIKE:
        raise WireError(f"more than {MAX_ALIKE} keys that have one hash")
    return keys


def _span(shape: Iterable[int], strides: Iterable[int]) -> int:
    """How many numbers lie from the first to the last of a tensor that is not empty."""
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def _fields(kind: type, count: int) -> tuple[str, ...]:
    """The names of a named tuple's items; () for any other tuple."""
    fields = getattr(kind, "_fields", ())
    named = type(fields) is tuple and len(fields) == count <= MAX_FIELDS
    return fields if named and all(type(name) is str and len(name) <= MAX_NAME for name in fields) else ()


@lru_cache(maxsize=64)
def _named_class(fields: tuple[str, ...]) -> Any:
    return namedtuple("Result", fields)


def _named(fields: tuple[str, ...], values: list[Any]) -> Any:
    try:
        return _named_class(fields)(*values)
    except (ValueError, TypeError, SyntaxError) as error:  # the last of names that Python takes for one another
        raise WireError(f"names of items that cannot be names: {error}") from error


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError as error:
        raise WireError("an int of thousands of digits") from error


def _dtype_name(dtype: torch.dtype) -> str:
    if dtype not in DTYPE_NAMES:
        raise WireError(f"dtype {dtype}")
    return DTYPE_NAMES[dtype]


def _text(value: str) -> str:
    """A str without lone surrogates, which UTF-8 cannot hold."""
    return value.encode("utf-8", "replace").decode("utf-8")
