"""The typed messages between judge and worker, and values as messages.

Nothing is ever unpickled. A frame is its meta (one msgpack message of a type below, at most `MAX_META` bytes) and a
blob that holds the tensors' bytes in the order of their appearance, each padded to `ALIGN` bytes. Whatever arrives is
checked before anything of its size is allocated; what does not fit raises `WireError`.
"""

import ctypes
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
import torch
from torch import Tensor

from grader.sandbox.channel import MAX_META

MAX_DEPTH = 100
MAX_NDIM = 16
MAX_NUMEL = 1 << 47
ALIGN = 16

DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class WireError(Exception):
    """A value that cannot cross, or bytes that are no message."""


class _Value(msgspec.Struct, frozen=True, array_like=True):
    """Base of the tagged forms of values that msgpack has no type for."""


class WireTensor(_Value, frozen=True, tag="t"):
    dtype: str
    shape: tuple[int, ...]
    requires_grad: bool


class WireArray(_Value, frozen=True, tag="a"):
    """A numpy array; its numbers travel as a tensor's."""

    dtype: str
    shape: tuple[int, ...]


class WireBytes(_Value, frozen=True, tag="b"):
    data: bytes


class WireList(_Value, frozen=True, tag="l"):
    items: list["WireValue"]


class WireTuple(_Value, frozen=True, tag="u"):
    items: list["WireValue"]


class WireSet(_Value, frozen=True, tag="s"):
    items: list["WireValue"]


class WireDict(_Value, frozen=True, tag="d"):
    keys: list["WireValue"]
    values: list["WireValue"]


class WireInt(_Value, frozen=True, tag="i"):
    """An int beyond 64 bits, in decimal."""

    digits: str


class WireComplex(_Value, frozen=True, tag="c"):
    real: float
    imag: float


class WireDtype(_Value, frozen=True, tag="y"):
    name: str


class WireSlice(_Value, frozen=True, tag="x"):
    start: int | None
    stop: int | None
    step: int | None


class WireObject(_Value, frozen=True, tag="o"):
    """An object that stays in the worker, by its number there. Number 0 is the module itself."""

    number: int
    type_name: str
    callable: bool


class Node(msgspec.Struct, frozen=True, array_like=True):
    """One module of a tree: its path, and its tensors as positions in `WireModule.tensors`."""

    path: str
    type_name: str
    training: bool
    parameters: list[tuple[str, int]]
    buffers: list[tuple[str, int, bool]]  # name, position, persistent


class WireModule(_Value, frozen=True, tag="m"):
    """An `nn.Module` that stays in the worker, with the tree of its names and the values of its tensors."""

    number: int
    nodes: list[Node]
    tensors: list[WireTensor]


WireValue: TypeAlias = (
    bool
    | int
    | float
    | str
    | WireBytes
    | WireTensor
    | WireArray
    | WireList
    | WireTuple
    | WireSet
    | WireDict
    | WireInt
    | WireComplex
    | WireDtype
    | WireSlice
    | WireObject
    | WireModule
    | None
)


# ---------------------------------------------------------------- judge -> worker


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Run the student's source as module `name`. `others` are their own earlier exercises, by module name."""

    name: str
    source: str
    others: dict[str, str]
    seconds: float  # the time limit of a test; the worker looks at itself twenty times in it


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """A test begins: forget all objects, seed the generators. Not answered."""

    seed: int


class Update(msgspec.Struct, frozen=True, array_like=True):
    """A tensor of a module that changed in the judge, or whether it requires grad."""

    number: int
    position: int
    tensor: WireTensor | None  # None: only `requires_grad` changed
    requires_grad: bool


class Invoke(msgspec.Struct, frozen=True, tag="call"):
    """Call attribute `path` of object `number` ("" is the object itself)."""

    id: int
    number: int
    path: str
    args: list[WireValue]
    kwargs: dict[str, WireValue]
    grad: bool  # whether grad mode is on
    parameters: list[tuple[int, int]]  # tensors of modules that are differentiated: object number, position
    updates: list[Update]
    released: list[int]  # ids of calls that will not be differentiated any more


class Get(msgspec.Struct, frozen=True, tag="get"):
    id: int
    number: int
    path: str


class Set(msgspec.Struct, frozen=True, tag="set"):
    id: int
    number: int
    path: str
    value: WireValue


class Differentiate(msgspec.Struct, frozen=True, tag="grad"):
    """Gradients of call `of`'s differentiable inputs, given those of its differentiable outputs."""

    id: int
    of: int
    grads: list[WireTensor | None]
    create_graph: bool


Question: TypeAlias = Load | Invoke | Get | Set | Differentiate
"""What is answered."""
Request: TypeAlias = Begin | Question

# ---------------------------------------------------------------- worker -> judge


class Described(msgspec.Struct, frozen=True, array_like=True):
    """A value in words: its text, and the shape and dtype of a tensor."""

    text: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None


class SeenOperand(msgspec.Struct, frozen=True, array_like=True):
    expression: str
    line: int
    column: int
    value: Described


class SeenFrame(msgspec.Struct, frozen=True, array_like=True):
    """A frame of the student's code; lines from 1, columns from 0."""

    file: str
    line: int
    function: str
    end_line: int | None
    column: int | None
    end_column: int | None
    operands: list[SeenOperand]
    locals: dict[str, Described]


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """The module's public names, True for what can be called."""

    names: dict[str, bool]


class NotLoaded(msgspec.Struct, frozen=True, tag="notloaded"):
    """The source does not compile, or nothing in it is written yet."""

    outcome: str
    message: str
    line: int | None
    column: int | None


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    id: int
    value: WireValue
    changed: list[str]  # arguments that were changed in place: "0", "1" or a keyword
    modules: list[WireModule]  # modules whose tensors changed during the call, as they are now


class Threw(msgspec.Struct, frozen=True, tag="threw"):
    """The student's code raised. `bases` are the names of the exception's builtin classes, nearest first."""

    id: int
    type_name: str
    bases: list[str]
    message: str
    frames: list[SeenFrame]
    hidden_frames: int
    signature: str | None  # of the function, where the call did not fit it


class NoSuchName(msgspec.Struct, frozen=True, tag="noname"):
    id: int
    path: str
    names: list[str]


class Unsendable(msgspec.Struct, frozen=True, tag="unsendable"):
    """The result cannot cross: why."""

    id: int
    message: str


class Sample(msgspec.Struct, frozen=True, tag="sample"):
    frame: SeenFrame


Reply: TypeAlias = Loaded | NotLoaded | Returned | Threw | NoSuchName | Unsendable | Sample

_encoder = msgspec.msgpack.Encoder()
_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def encode(message: Request | Reply) -> bytes:
    """The meta of a frame. Raises WireError where it would be larger than a frame may be."""
    try:
        meta = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WireError(f"a value cannot be sent: {error}") from error
    if len(meta) > MAX_META:
        raise WireError(f"a value of {len(meta):,} bytes beside its tensors; the most is {MAX_META:,}")
    return meta


def decode_request(meta: bytes) -> Request:
    """What the judge asks. The judge is trusted: errors are bugs and propagate."""
    return _request_decoder.decode(meta)


def decode_reply(meta: bytes) -> Reply:
    """What a worker answers. Raises WireError on anything that is no reply."""
    try:
        return _reply_decoder.decode(meta)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise WireError(f"not a message: {error}") from error


# ---------------------------------------------------------------- values


def padded(size: int) -> int:
    return (size + ALIGN - 1) // ALIGN * ALIGN


def _plain(tensor: Tensor) -> Tensor:
    """The numbers of a tensor, whatever its class, layout and laziness: dense, contiguous, detached."""
    with torch._C.DisableTorchFunctionSubclass():
        plain = tensor.detach().as_subclass(Tensor)
        if plain.device.type != "cpu":
            raise WireError(f"a tensor on device {plain.device.type!r} has no numbers here")
        if plain.layout is not torch.strided:
            plain = plain.to_dense()
        if plain.dtype not in DTYPE_NAMES:
            raise WireError(f"a tensor of dtype {plain.dtype}")
        if plain.dim() > MAX_NDIM or plain.numel() > MAX_NUMEL:
            raise WireError("a tensor of too many axes or elements")
        return plain.resolve_conj().resolve_neg().contiguous()


class Packer:
    """Turns values into wire values and gathers their tensors' bytes.

    `keep(object)` gives the wire form of an object that has to stay on this side.
    """

    def __init__(self, keep: Callable[[Any], WireValue], limit: int):
        self._keep = keep
        self._room = limit  # bytes of tensors that may still be added
        self._alive: list[Tensor] = []  # what the buffers point into
        self.blobs: list[Any] = []  # buffers, in order, padding included
        self.differentiable: list[Tensor] = []  # tensors of the value that require grad, in order

    def tensor(self, tensor: Tensor) -> WireTensor:
        """Adds the bytes of a tensor that is a part of a value."""
        wire = self.numbers(tensor)
        if wire.requires_grad:
            self.differentiable.append(tensor)
        return wire

    def numbers(self, tensor: Tensor) -> WireTensor:
        """Adds a tensor's bytes."""
        size = tensor.numel() * tensor.element_size()  # before contiguous(): a view of stride 0 may be huge
        if size > self._room:
            raise WireError(f"tensors of more than {self._room:,} bytes")
        plain = _plain(tensor)
        self._room -= size
        if size:
            self.blobs.append((ctypes.c_char * size).from_address(plain.data_ptr()))
            if padded(size) != size:
                self.blobs.append(bytes(padded(size) - size))
            self._alive.append(plain)
        return WireTensor(DTYPE_NAMES[plain.dtype], tuple(plain.shape), bool(tensor.requires_grad))

    def value(self, value: Any, depth: int = 0) -> WireValue:
        """The wire form of a value. Raises WireError where it is nested too deep or its tensors are too many."""
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
            return WireTuple([self.value(v, depth + 1) for v in value])
        if issubclass(kind, Mapping):
            return WireDict(
                [self.value(k, depth + 1) for k in value], [self.value(value[k], depth + 1) for k in value]
            )
        if issubclass(kind, set | frozenset):
            return WireSet([self.value(v, depth + 1) for v in value])
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
    """

    def __init__(self, blob: bytearray, find: Callable[[WireObject | WireModule, "Unpacker"], Any]):
        self._blob = blob
        self._find = find
        self._offset = 0
        self.differentiable: list[Tensor] = []  # tensors of the value that require grad on the other side, in order

    def finish(self) -> None:
        """Raises WireError unless the blob is used up exactly."""
        if self._offset != len(self._blob):
            raise WireError("bytes that belong to no tensor")

    def tensor(self, wire: WireTensor) -> Tensor:
        """A tensor that is a part of a value."""
        tensor = self.numbers(wire)
        if wire.requires_grad and (tensor.is_floating_point() or tensor.is_complex()):
            tensor = tensor.clone()  # not a view, so that autograd may take it over in place
            self.differentiable.append(tensor)
        return tensor

    def numbers(self, wire: WireTensor | WireArray) -> Tensor:
        """The next tensor of the blob, without autograd."""
        dtype = DTYPES.get(wire.dtype)
        if dtype is None or len(wire.shape) > MAX_NDIM or any(d < 0 for d in wire.shape):
            raise WireError(f"no tensor is {wire.dtype[:20]!r} of {len(wire.shape)} axes")
        if math.prod(max(d, 1) for d in wire.shape) > MAX_NUMEL:
            raise WireError("a tensor of too many elements")
        count = math.prod(wire.shape)
        if count == 0:
            return torch.empty(wire.shape, dtype=dtype)
        size = count * dtype.itemsize
        if self._offset + padded(size) > len(self._blob):
            raise WireError("a tensor without its bytes")
        raw = torch.uint8 if dtype is torch.bool else dtype  # a bool of other bytes than 0 and 1 is undefined
        flat = torch.frombuffer(self._blob, dtype=raw, count=count, offset=self._offset)
        self._offset += padded(size)
        return (flat.ne(0) if dtype is torch.bool else flat).reshape(wire.shape)

    def value(self, wire: WireValue, depth: int = 0) -> Any:
        """The value of a wire value."""
        if depth > MAX_DEPTH + 1:
            raise WireError(f"a value nested more than {MAX_DEPTH} deep")
        match wire:
            case WireTensor():
                return self.tensor(wire)
            case WireList(items):
                return [self.value(item, depth + 1) for item in items]
            case WireTuple(items):
                return tuple([self.value(item, depth + 1) for item in items])
            case WireDict(keys, values):
                return self._hashed(lambda: dict(self._pairs(keys, values, depth + 1)))
            case WireSet(items):
                return self._hashed(lambda: {self.value(item, depth + 1) for item in items})
            case WireBytes(data):
                return data
            case WireInt(digits):
                if not (len(digits) <= 4300 and digits.lstrip("-").isdecimal() and digits.isascii()):
                    raise WireError("an int of other signs than digits")
                return int(digits)
            case WireComplex(real, imag):
                return complex(real, imag)
            case WireDtype(name):
                if name not in DTYPES:
                    raise WireError(f"no dtype {name[:20]!r}")
                return DTYPES[name]
            case WireSlice(start, stop, step):
                return slice(start, stop, step)
            case WireArray():
                return self.numbers(wire).numpy()
            case WireObject() | WireModule():
                return self._find(wire, self)
            case _:
                return wire

    def _pairs(self, keys: list[WireValue], values: list[WireValue], depth: int) -> list[tuple[Any, Any]]:
        if len(keys) != len(values):
            raise WireError("a dict of unequal numbers of keys and values")
        names = [self.value(key, depth) for key in keys]
        return list(zip(names, [self.value(value, depth) for value in values], strict=True))

    def _hashed(self, build: Callable[[], Any]) -> Any:
        try:
            return build()
        except TypeError as error:
            raise WireError(f"a key that cannot be one: {error}") from error


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
