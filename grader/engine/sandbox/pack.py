"""Packs values into wire values and the bytes of their tensors, and unpacks them.

Nothing is ever unpickled. Each tensor's bytes are padded to `ALIGN`. Sizes are checked before memory is allocated for
them. Whatever is invalid raises `WireError`, and nothing else does.
"""

import ctypes
import math
from collections import Counter, namedtuple
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

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
MAX_COLLISIONS = 64  # keys of one dict or set with the same hash: each is compared with all before it
MAX_RANGE = 1 << 20  # numbers in a range: as many as fit in a list that can be sent
ALIGN = 16

DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}

_PLAIN = (bool, int, float, str)
_BASE: Any = torch._C.TensorBase  # its attributes are torch's own, even where a subclass overrides them


def padded(size: int) -> int:
    """Return `size` rounded up to a multiple of `ALIGN`."""
    return (size + ALIGN - 1) // ALIGN * ALIGN


def check_count(tensors: int) -> None:
    """Raise WireError for more tensors, or parts of modules, than one message may hold."""
    if tensors > MAX_TENSORS:
        raise WireError(f"modules of more than {MAX_TENSORS:,} tensors or parts")


def plain_tensor(tensor: Tensor) -> Tensor:
    """Return a tensor's numbers as a detached `Tensor`, without calling any method that its class overrides."""
    with torch._C.DisableTorchFunctionSubclass(), torch._C._DisableTorchDispatch():
        plain = _BASE.detach(tensor)
        return plain if type(plain) is Tensor else _BASE.as_subclass(plain, Tensor)


def _dense_tensor(tensor: Tensor, room: int, limit: int) -> Tensor:
    """Return the numbers of any tensor as a dense and contiguous one.

    Raise WireError if it cannot be sent, or if it takes more than `room` bytes, which others have left of `limit`.
    """
    plain = plain_tensor(tensor)
    if plain.device.type != "cpu":
        raise WireError(f"a tensor on device {plain.device.type!r}, which has no numbers here")
    if plain.is_nested:
        raise WireError("a nested tensor")
    if plain.dtype not in DTYPE_NAMES:
        raise WireError(f"a tensor of dtype {plain.dtype}")
    if plain.dim() > MAX_NDIM:
        raise WireError("a tensor of too many axes")
    if plain.numel() * plain.element_size() > room:  # before a sparse tensor or a view of stride 0 grows
        raise WireError(f"tensors of more than {limit:,} bytes")
    if plain.layout is not torch.strided:
        plain = plain.to_dense()
    plain = plain.resolve_conj().resolve_neg().contiguous()
    if plain.numel() and not plain.data_ptr():
        raise WireError("a tensor without numbers of its own")
    return plain


def checksum(tensor: Tensor) -> tuple[Any, ...]:
    """Return what changes with a tensor's numbers, dtype or shape. Its version does not: assigning `.data` keeps it."""
    plain = _dense_tensor(tensor, MAX_NUMEL, MAX_NUMEL)
    numbers = plain.view(torch.int16) if plain.dtype is torch.bfloat16 else plain  # numpy has no bfloat16
    return xxh3_64_intdigest(numbers.numpy().data) if plain.numel() else 0, plain.dtype, plain.shape


def layout(tensor: Tensor) -> tuple[int, ...]:
    """Return strides that allow the same views as a tensor's own, with few gaps; () if its numbers overlap otherwise.

    Expanded axes stay expanded (stride 0), and axes that can be flattened into one can still be. The gaps are not sent
    as they are: they may be other memory of the judge.
    """
    strides = [0] * tensor.dim()
    dense, flat, span = 1, 1, 1  # the next stride without a gap, that of the original, and the numbers it spans
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
    """Turns values into wire values, and collects the bytes of their tensors."""

    def __init__(
        self,
        keep: Callable[[Any, "Packer"], WireValue],
        limit: int,
        inputs: Iterable[Tensor] | None = None,
        layout: bool = False,
    ):
        """Set the options.

        Args:
            keep: Returns the wire form of an object that stays on this side.
            limit: Bytes of tensors, beyond which WireError is raised.
            inputs: The tensors by which the values may be differentiated; None if every tensor that requires grad may
                be differentiated.
            layout: Send strides, so that the same views can be taken on the other side.
        """
        self._keep = keep
        self._inputs = None if inputs is None else {id(tensor) for tensor in inputs}
        self._layout = layout
        self._limit = limit
        self._room = limit  # bytes of tensors that may still be added
        self._items = 0
        self._module_tensors = 0
        self.blobs: list[Any] = []  # buffers, in order, padding included
        self.tensors: list[Tensor] = []  # of the value, in order
        self.differentiable: list[Tensor] = []  # tensors of the value that require grad, in order

    @property
    def size(self) -> int:
        """The bytes of tensors so far."""
        return self._limit - self._room

    def count_module(self, tensors: int, parts: int) -> None:
        """Count a module in the value. Raise WireError if there are too many tensors or parts."""
        self._module_tensors += max(tensors, parts)
        check_count(self._module_tensors)

    def tensor(self, tensor: Tensor) -> WireTensor:
        """Add a tensor that is part of a value."""
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
        """Add the bytes of a tensor."""
        plain = _dense_tensor(tensor, self._room, self._limit)
        size = plain.numel() * plain.element_size()
        self._room -= size
        if size:
            buffer = (ctypes.c_char * size).from_address(plain.data_ptr())
            buffer.tensor = plain  # type: ignore[attr-defined]  # keeps the memory alive as long as the buffer
            self.blobs.append(buffer)
            if padded(size) != size:
                self.blobs.append(bytes(padded(size) - size))
        with torch._C.DisableTorchFunctionSubclass():
            requires_grad = _BASE.requires_grad.__get__(tensor)
        return WireTensor(DTYPE_NAMES[plain.dtype], tuple(plain.shape), requires_grad)

    def value(self, value: Any, depth: int = 0) -> WireValue:
        """Return the wire form of a value. Raise WireError if it is nested too deep or too large."""
        self._items += 1
        if self._items > MAX_META:  # each takes a byte at least
            raise WireError(f"more than {MAX_META:,} values")
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value  # type: ignore[no-any-return]
        if kind is str:
            return _text(value)
        if kind is int:
            return value if -(1 << 63) <= value < 1 << 63 else WireInt(_digits(value))
        if issubclass(kind, _PLAIN):  # such as an IntEnum
            base = next(base for base in _PLAIN if issubclass(kind, base))
            return self.value(base(value), depth)
        for codec in _CODECS:
            if codec.packs(kind):
                return codec.pack(self, value, depth)
        return self._keep(value, self)

    def items(self, values: Iterable[Any], depth: int) -> list[WireValue]:
        """Return the wire forms of the items of a container at this depth."""
        if depth > MAX_DEPTH:
            raise WireError(f"a value nested more than {MAX_DEPTH} deep")
        return [self.value(value, depth + 1) for value in values]

    def numpy(self, value: Any, depth: int) -> WireValue:
        """Return the wire form of an array or a scalar of numpy."""
        if not hasattr(value, "dtype") or value.dtype.hasobject or value.dtype.kind not in "biufc":
            return self._keep(value, self)
        if type(value).__name__ != "ndarray":
            return self.value(value.item(), depth)
        wire = self.numbers(torch.from_numpy(value.copy()))
        return WireArray(wire.dtype, wire.shape)


class Unpacker:
    """Turns wire values back into values. Raises WireError for whatever is invalid."""

    def __init__(self, blob: Blob, find: Callable[[WireObject | WireModule, "Unpacker"], Any], layout: bool = False):
        """Set the options.

        Args:
            blob: The bytes of the tensors, whose memory the unpacked tensors share.
            find: Returns the object, or the stand-in, for an object of the other side.
            layout: Accept strides. Only from a trusted side: they turn a few bytes into a tensor of any size.
        """
        self._blob = blob
        self._find = find
        self._layout = layout
        self._offset = 0
        self.tensors: list[Tensor] = []  # of the value, in order
        self.differentiable: list[Tensor] = []  # tensors of the value that require grad on the other side, in order

    @property
    def used(self) -> int:
        """The bytes of the blob that the tensors so far have used."""
        return self._offset

    def finish(self) -> None:
        """Raise WireError unless the whole blob was used."""
        if self._offset != len(self._blob):
            raise WireError("bytes that belong to no tensor")

    def tensor(self, wire: WireTensor) -> Tensor:
        """Return a tensor that is part of a value."""
        tensor = self.numbers(wire)
        if wire.requires_grad and (tensor.is_floating_point() or tensor.is_complex()):
            if not wire.strides:
                tensor = tensor.clone()  # autograd cannot change a view of the blob in place
            if wire.fresh:
                tensor.requires_grad_()
            else:
                self.differentiable.append(tensor)
        self.tensors.append(tensor)
        return tensor

    def numbers(self, wire: WireTensor | WireArray) -> Tensor:
        """Return the next tensor of the blob, without autograd."""
        dtype = DTYPES.get(wire.dtype)
        if dtype is None or len(wire.shape) > MAX_NDIM or min(wire.shape, default=0) < 0:
            raise WireError(f"a tensor of dtype {wire.dtype[:20]!r} and {len(wire.shape)} axes")
        if math.prod(max(d, 1) for d in wire.shape) > MAX_NUMEL:
            raise WireError("a tensor of too many elements")
        strides = wire.strides if isinstance(wire, WireTensor) else ()
        if strides and (not self._layout or len(strides) != len(wire.shape)):
            raise WireError("a tensor of unexpected strides")
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
        """Return the value of a wire value."""
        if depth > MAX_DEPTH + 1:
            raise WireError(f"a value nested more than {MAX_DEPTH} deep")
        if wire is None or isinstance(wire, str | int | float):
            return wire
        return _UNPACK[type(wire)](self, wire, depth)

    def items(self, wires: Iterable[WireValue], depth: int) -> list[Any]:
        """Return the values of the items of a container at this depth."""
        return [self.value(wire, depth + 1) for wire in wires]

    def find(self, wire: WireObject | WireModule) -> Any:
        """Return the object, or the stand-in, for an object of the other side."""
        return self._find(wire, self)


def _keys(wires: list[WireValue]) -> list[WireValue]:
    """Return the keys of a dict, or the items of a set. Raise WireError if one cannot be hashed there."""
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
    """Raise WireError for a range that is too long to iterate over, or whose bounds do not fit in 64 bits."""
    if numbers[MAX_RANGE:] or max(map(abs, (numbers.start, numbers.stop, numbers.step))) >= 1 << 62:
        raise WireError(f"a range of more than {MAX_RANGE:,} numbers, or of huge bounds")


def _distinct(keys: list[Hashable]) -> list[Hashable]:
    """Return the keys of a dict, or the items of a set. Raise WireError if too many have the same hash."""
    if max(Counter(map(hash, keys)).values(), default=0) > MAX_COLLISIONS:
        raise WireError(f"more than {MAX_COLLISIONS} keys with the same hash")
    return keys


def _span(shape: Iterable[int], strides: Iterable[int]) -> int:
    """Return how many numbers a tensor that is not empty spans, gaps included."""
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def _fields(kind: type, count: int) -> tuple[str, ...]:
    """Return the field names of a named tuple; () for any other tuple."""
    fields = getattr(kind, "_fields", ())
    named = type(fields) is tuple and len(fields) == count <= MAX_FIELDS
    return fields if named and all(type(name) is str and len(name) <= MAX_NAME for name in fields) else ()


@lru_cache(maxsize=64)
def _named_class(fields: tuple[str, ...]) -> Any:
    return namedtuple("Result", fields)


def _named(fields: tuple[str, ...], values: list[Any]) -> Any:
    try:
        return _named_class(fields)(*values)
    except (ValueError, TypeError, SyntaxError) as error:  # SyntaxError: names that are equal after normalization
        raise WireError(f"field names that are not valid: {error}") from error


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
    """Return a str without lone surrogates, which UTF-8 cannot encode."""
    return value.encode("utf-8", "replace").decode("utf-8")


# ---------------------------------------------------------------- the codec of each wire type


def _unpack_tuple(unpacker: Unpacker, wire: WireTuple, depth: int) -> Any:
    values = unpacker.items(wire.items, depth)
    return _named(wire.fields, values) if wire.fields else tuple(values)


def _unpack_dict(unpacker: Unpacker, wire: WireDict, depth: int) -> dict[Any, Any]:
    if len(wire.keys) != len(wire.values):
        raise WireError("a dict with more keys than values, or fewer")
    keys = _distinct(unpacker.items(_keys(wire.keys), depth))
    return dict(zip(keys, unpacker.items(wire.values, depth), strict=True))


def _unpack_set(unpacker: Unpacker, wire: WireSet, depth: int) -> Any:
    kind = frozenset if wire.frozen else set
    return kind(_distinct(unpacker.items(_keys(wire.items), depth)))


def _unpack_dtype(_: Unpacker, wire: WireDtype, __: int) -> torch.dtype:
    if wire.name not in DTYPES:
        raise WireError(f"no dtype {wire.name[:20]!r}")
    return DTYPES[wire.name]


def _pack_range(_: Packer, value: range, __: int) -> WireRange:
    _check_range(value)
    return WireRange(value.start, value.stop, value.step)


def _unpack_range(_: Unpacker, wire: WireRange, __: int) -> range:
    if wire.step == 0:
        raise WireError("a range with a step of 0")
    numbers = range(wire.start, wire.stop, wire.step)
    _check_range(numbers)
    return numbers


def _unpack_array(unpacker: Unpacker, wire: WireArray, _: int) -> Any:
    if wire.dtype == "bfloat16":
        raise WireError("an array of a dtype that numpy does not have")
    return unpacker.numbers(wire).numpy()


class _Codec(NamedTuple):
    """How the values of one wire type are packed and unpacked. The functions also get the depth of the value."""

    wire_type: type
    packs: Callable[[type], bool]  # whether it packs the values of a class
    pack: Callable[[Packer, Any, int], WireValue]
    unpack: Callable[[Unpacker, Any, int], Any]


def _only(kind: type) -> Callable[[type], bool]:
    return lambda other: other is kind


def _subclasses_of(*kinds: type) -> Callable[[type], bool]:
    return lambda other: issubclass(other, kinds)


# The fields of a codec: wire type, classes, pack, unpack. The first codec that packs a class is used.
_CODECS = (
    _Codec(WireTensor, _subclasses_of(Tensor), lambda p, v, _: p.tensor(v), lambda u, w, _: u.tensor(w)),
    _Codec(WireBytes, _only(bytes), lambda _, v, __: WireBytes(v), lambda _, w, __: w.data),
    _Codec(
        WireList, _subclasses_of(list), lambda p, v, d: WireList(p.items(v, d)), lambda u, w, d: u.items(w.items, d)
    ),
    _Codec(WireSize, _only(torch.Size), lambda _, v, __: WireSize(tuple(v)), lambda _, w, __: torch.Size(w.sizes)),
    _Codec(
        WireTuple,
        _subclasses_of(tuple),
        lambda p, v, d: WireTuple(p.items(v, d), _fields(type(v), len(v))),
        _unpack_tuple,
    ),
    _Codec(
        WireDict,
        _subclasses_of(Mapping),
        lambda p, v, d: WireDict(_keys(p.items(v, d)), p.items((v[key] for key in v), d)),
        _unpack_dict,
    ),
    _Codec(
        WireSet,
        _subclasses_of(set, frozenset),
        lambda p, v, d: WireSet(_keys(p.items(v, d)), issubclass(type(v), frozenset)),
        _unpack_set,
    ),
    _Codec(
        WireComplex,
        _only(complex),
        lambda _, v, __: WireComplex(v.real, v.imag),
        lambda _, w, __: complex(w.real, w.imag),
    ),
    _Codec(WireDtype, _only(torch.dtype), lambda _, v, __: WireDtype(_dtype_name(v)), _unpack_dtype),
    _Codec(
        WireSlice,
        _only(slice),
        lambda _, v, __: WireSlice(v.start, v.stop, v.step),
        lambda _, w, __: slice(w.start, w.stop, w.step),
    ),
    _Codec(WireRange, _only(range), _pack_range, _unpack_range),
    _Codec(WireArray, lambda kind: kind.__module__ == "numpy", lambda p, v, d: p.numpy(v, d), _unpack_array),
)
_UNPACK: dict[type, Callable[[Unpacker, Any, int], Any]] = {
    **{codec.wire_type: codec.unpack for codec in _CODECS},
    # Packer.value packs these itself.
    WireInt: lambda _, w, __: int(w.digits),
    WireObject: lambda u, w, _: u.find(w),
    WireModule: lambda u, w, _: u.find(w),
}
