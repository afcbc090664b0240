"""The typed messages between judge and worker.

A frame consists of its meta (one msgpack message of a type below, at most `MAX_META` bytes) and a blob with the bytes
of its tensors, in the order in which they appear. `grader.engine.sandbox.pack` makes both from values.

The types bound the length of texts, the size of numbers and the count of parts, and decoding enforces it. A worker that
nobody tampers with stays far below these bounds.
"""

from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from grader.engine.sandbox.channel import MAX_META

MAX_NDIM = 16  # axes of a tensor
MAX_NAME = 200  # characters
MAX_FIELDS = 255  # names of a tuple's items
MAX_FRAMES = 20  # of an exception
MAX_ARGS = 8  # of an exception that are sent
MAX_LOCALS = 40  # of a frame
MAX_NAMES = 1000  # names that an object has, in the reply that it lacks one
MAX_TENSORS = 4096  # in all modules of a reply
MAX_MESSAGE = 100_000  # characters of an exception's text, without the note about the rest

Name = Annotated[str, Meta(max_length=MAX_NAME)]
Dotted = Annotated[str, Meta(max_length=10_000)]  # a path of names, each of any length
Text = Annotated[str, Meta(max_length=MAX_MESSAGE + 10_000)]
Int32 = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]  # a line, a column, a count
Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Bound = Annotated[int, Meta(ge=-(1 << 62), lt=1 << 62)]  # of a range; larger ones overflow in len()
Number = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]  # of an object
Names = Annotated[list[Name], Meta(max_length=MAX_NAMES)]
State = Annotated[bytes, Meta(max_length=10_000)]  # of torch's random generator
Arguments = Annotated[list[Text | Int64 | float | bool | None], Meta(max_length=MAX_ARGS)]
Shape = Annotated[tuple[Int64, ...], Meta(max_length=MAX_NDIM)]


class WireError(Exception):
    """A value that cannot be sent, or an invalid message."""


class _Value(msgspec.Struct, frozen=True, array_like=True):
    """Base of the values that msgpack has no type for."""


class WireTensor(_Value, frozen=True, tag="t"):
    """A tensor. `fresh`: it requires grad and was not computed from an input of the call, so it arrives as a leaf."""

    dtype: Name
    shape: Shape
    requires_grad: bool
    fresh: bool = False
    strides: Shape = ()  # only from the judge; () if contiguous


class WireArray(_Value, frozen=True, tag="a"):
    """A numpy array, whose numbers are sent as a tensor."""

    dtype: Name
    shape: Shape


class WireBytes(_Value, frozen=True, tag="b"):
    """A bytes object."""

    data: bytes


class WireList(_Value, frozen=True, tag="l"):
    """A list."""

    items: list["WireValue"]


class WireTuple(_Value, frozen=True, tag="u"):
    """A tuple, or a named tuple with these fields."""

    items: list["WireValue"]
    fields: Annotated[tuple[Name, ...], Meta(max_length=MAX_FIELDS)] = ()


class WireSize(_Value, frozen=True, tag="z"):
    """A `torch.Size`."""

    sizes: Annotated[tuple[Int64, ...], Meta(max_length=64)]  # torch allows no more axes


class WireSet(_Value, frozen=True, tag="s"):
    """A set or a frozenset."""

    items: list["WireValue"]
    frozen: bool


class WireDict(_Value, frozen=True, tag="d"):
    """A dict."""

    keys: list["WireValue"]
    values: list["WireValue"]


class WireInt(_Value, frozen=True, tag="i"):
    """An int of more than 64 bits, in decimal."""

    digits: Annotated[str, Meta(pattern="^-?[0-9]{1,4300}\\Z")]  # Python parses no more digits


class WireComplex(_Value, frozen=True, tag="c"):
    """A complex number."""

    real: float
    imag: float


class WireDtype(_Value, frozen=True, tag="y"):
    """A `torch.dtype`."""

    name: Name


class WireSlice(_Value, frozen=True, tag="x"):
    """A slice."""

    start: int | None
    stop: int | None
    step: int | None


class WireRange(_Value, frozen=True, tag="r"):
    """A range."""

    start: Bound
    stop: Bound
    step: Bound


class WireObject(_Value, frozen=True, tag="o"):
    """An object that stays in the worker, by its number and the path of an attribute. Number 0 is the module."""

    number: Number
    type_name: Name
    path: Dotted = ""


class Node(msgspec.Struct, frozen=True, array_like=True):
    """One module of a tree: its path, and its tensors as positions in `WireModule.tensors`."""

    path: Dotted
    first: Int32  # position of the first node with the same module
    type_name: Name
    layer: Name  # its nearest base class in `torch.nn`
    training: bool
    parameters: Annotated[list[tuple[Dotted, Int32]], Meta(max_length=MAX_TENSORS)]
    buffers: Annotated[list[tuple[Dotted, Int32, bool]], Meta(max_length=MAX_TENSORS)]  # name, position, persistent


class WireModule(_Value, frozen=True, tag="m"):
    """An `nn.Module` that stays in the worker, with the tree of its names and its distinct tensors.

    A tensor that has not changed since the last reply is given by its position in that reply.
    """

    number: Number
    nodes: Annotated[list[Node], Meta(max_length=MAX_TENSORS)]
    tensors: Annotated[list[WireTensor | Int32], Meta(max_length=MAX_TENSORS)]


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
    | WireSize
    | WireSet
    | WireDict
    | WireInt
    | WireComplex
    | WireDtype
    | WireSlice
    | WireRange
    | WireObject
    | WireModule
    | None
)


# ---------------------------------------------------------------- judge -> worker


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Run the student's source as the module `name`. `others` are the student's earlier exercises by module name.

    `examine`: reply NothingToRun if the source does not compile or is not written yet.
    """

    name: str
    source: str
    examine: bool
    code: bytes | None  # the compiled source, marshalled; None if the worker compiles it, which prints warnings
    others: dict[str, str]
    seconds: float  # the time limit of a test; the worker samples its frames during it


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """Begin a test: forget all objects, and seed the random generators. There is no reply."""

    seed: int


class Placed(StrEnum):
    """The object that holds a tensor that changed in the judge."""

    SAME = "same"  # the same object as before
    NEW = "new"  # an object that the test has put there
    BACK = "back"  # the module's own object is there again


class Update(msgspec.Struct, frozen=True, array_like=True):
    """A tensor of a module that changed in the judge. Slots are numbered in the order of the module's names."""

    number: int
    slots: list[int]  # all slots with this tensor
    tensor: WireTensor | None  # None if the numbers did not change
    requires_grad: bool
    placed: Placed


class Context(msgspec.Struct, frozen=True, array_like=True):
    """The judge's state during a question: that of torch, and of the mirrored modules."""

    grad: bool  # whether grad mode is on
    dtype: str  # the default dtype
    rng: bytes | None  # state of torch's random generator; None if it did not change
    parameters: list[tuple[int, int]]  # tensors of modules that are differentiated: object number, slot
    updates: list[Update]
    released: list[int]  # ids of calls that can no longer be differentiated


OPERATIONS = -1  # the number of an object with Python's operators, see `objects`
LAST_CALL = -2  # the number of an object with the side effects of the last call, see `objects`


class Invoke(msgspec.Struct, frozen=True, tag="call"):
    """Call the attribute `path` of object `number`; "" is the object itself."""

    id: int
    number: int
    path: str
    args: list[WireValue]
    kwargs: dict[str, WireValue]
    context: Context


class Get(msgspec.Struct, frozen=True, tag="get"):
    """Return the attribute `path` of object `number`."""

    id: int
    number: int
    path: str
    context: Context


class Set(msgspec.Struct, frozen=True, tag="set"):
    """Set the attribute `path` of object `number`."""

    id: int
    number: int
    path: str
    value: WireValue
    context: Context


class Differentiate(msgspec.Struct, frozen=True, tag="grad"):
    """Return the gradients of the differentiable inputs of call `of`, given those of its differentiable outputs."""

    id: int
    of: int
    grads: list[WireTensor | None]
    create_graph: bool


Question: TypeAlias = Load | Invoke | Get | Set | Differentiate
"""A request that gets a reply."""
Request: TypeAlias = Begin | Question

# ---------------------------------------------------------------- worker -> judge


class Described(msgspec.Struct, frozen=True, array_like=True):
    """A value as a short text, and the shape and dtype of a tensor."""

    text: Name
    shape: Annotated[tuple[Int64, ...], Meta(max_length=64)] | None = None
    dtype: Name | None = None


class SeenOperand(msgspec.Struct, frozen=True, array_like=True):
    """An operand of the failing expression, and its value."""

    expression: Name
    line: Int32
    column: Int32
    value: Described


class SeenFrame(msgspec.Struct, frozen=True, array_like=True):
    """A frame of the student's code. Lines count from 1, columns from 0."""

    file: Dotted
    line: Int32
    function: Name
    end_line: Int32 | None
    column: Int32 | None
    end_column: Int32 | None
    operands: Annotated[list[SeenOperand], Meta(max_length=MAX_LOCALS)]
    locals: Annotated[dict[Name, Described], Meta(max_length=MAX_LOCALS)]


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """The module was loaded. `names` are its public names; True for those that can be called."""

    names: dict[Name, bool]


class NothingToRun(msgspec.Struct, frozen=True, tag="nothing"):
    """The source does not compile; without a `message`, its functions are not written yet."""

    message: Text | None
    line: Int32 | None
    column: Int32 | None


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    """The result of a request."""

    id: int
    value: WireValue
    changed: Names  # arguments that were changed in place: "0", "1" or a keyword
    modules: list[WireModule]  # modules whose tensors changed during the call, as they are now
    rng: State | None = None  # of torch's random generator, if the call drew from it
    earlier: bool = False  # depends on inputs of an earlier call, and on none of this one


class Threw(msgspec.Struct, frozen=True, tag="threw"):
    """The student's code raised. `bases` are the names of the exception's builtin classes, nearest first."""

    id: int
    type_name: Name
    bases: Annotated[list[Name], Meta(max_length=MAX_LOCALS)]
    message: Text
    frames: Annotated[list[SeenFrame], Meta(max_length=MAX_FRAMES)]
    hidden_frames: Int32
    signature: Text | None  # of the function, if the arguments did not fit it
    args: Arguments | None = None  # of the exception, if all are plain


class NoSuchName(msgspec.Struct, frozen=True, tag="noname"):
    """An object has no attribute at `path`, but these."""

    id: int
    path: Dotted
    names: Names


class Unsendable(msgspec.Struct, frozen=True, tag="unsendable"):
    """The result cannot be sent, and why."""

    id: int
    message: Text


class Sample(msgspec.Struct, frozen=True, tag="sample"):
    """The frame in which the student's code was when a signal interrupted it."""

    frame: SeenFrame


Reply: TypeAlias = Loaded | NothingToRun | Returned | Threw | NoSuchName | Unsendable | Sample

_encoder = msgspec.msgpack.Encoder()
_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def encode(message: Request | Reply) -> bytes:
    """Return the meta of a frame. Raise WireError if it is too large for a frame."""
    try:
        meta = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WireError(f"a value cannot be sent: {error}") from error
    if len(meta) > MAX_META:
        raise WireError(f"a value of {len(meta):,} bytes besides its tensors; the maximum is {MAX_META:,}")
    return meta


def decode_request(meta: bytes) -> Request:
    """Decode a request. The judge is trusted, so errors are bugs and propagate."""
    return _request_decoder.decode(meta)


def decode_reply(meta: bytes) -> Reply:
    """Decode a reply. Raise WireError unless it is valid."""
    try:
        return _reply_decoder.decode(meta)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise WireError(f"not a message: {error}") from error
