"""The typed messages between judge and worker.

A frame is its meta (one msgpack message of a type below, at most `MAX_META` bytes) and a blob that holds the bytes of
its tensors, in the order of their appearance. `grader.engine.sandbox.pack` makes both of values.

The types say how long a text, how large a number and how many parts may be: who decodes a message from a worker gets
nothing else. A worker that is left alone stays far within it.
"""

from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from grader.engine.sandbox.channel import MAX_META

MAX_NDIM = 16  # axes of a tensor that crosses
MAX_NAME = 200  # characters
MAX_FIELDS = 255  # names of a tuple's items
MAX_FRAMES = 20  # of an exception
MAX_ARGS = 8  # of an exception that are sent
MAX_LOCALS = 40  # of a frame
MAX_NAMES = 1000  # of which one is told that is not there
MAX_TENSORS = 4096  # of all modules in a reply, and of a module
MAX_MESSAGE = 100_000  # characters of an exception's text, beside what is said of the rest

Name = Annotated[str, Meta(max_length=MAX_NAME)]
Dotted = Annotated[str, Meta(max_length=10_000)]  # a path of the student's names, which have no bounds of their own
Text = Annotated[str, Meta(max_length=MAX_MESSAGE + 10_000)]
Int32 = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]  # a line, a column, a count
Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Bound = Annotated[int, Meta(ge=-(1 << 62), lt=1 << 62)]  # of a range, whose length is then an int that Python can tell
Number = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]  # of an object
Names = Annotated[list[Name], Meta(max_length=MAX_NAMES)]
State = Annotated[bytes, Meta(max_length=10_000)]  # of torch's random generator
Arguments = Annotated[list[Text | Int64 | float | bool | None], Meta(max_length=MAX_ARGS)]
Shape = Annotated[tuple[Int64, ...], Meta(max_length=MAX_NDIM)]


class WireError(Exception):
    """A value that cannot cross, or bytes that are no message."""


class _Value(msgspec.Struct, frozen=True, array_like=True):
    """Base of the tagged forms of values that msgpack has no type for."""


class WireTensor(_Value, frozen=True, tag="t"):
    """A tensor. `fresh`: it requires grad and comes from no input of the call: a leaf, where it arrives."""

    dtype: Name
    shape: Shape
    requires_grad: bool
    fresh: bool = False
    strides: Shape = ()  # only from the judge; (): contiguous


class WireArray(_Value, frozen=True, tag="a"):
    """A numpy array; its numbers travel as a tensor's."""

    dtype: Name
    shape: Shape


class WireBytes(_Value, frozen=True, tag="b"):
    data: bytes


class WireList(_Value, frozen=True, tag="l"):
    items: list["WireValue"]


class WireTuple(_Value, frozen=True, tag="u"):
    """A tuple, or one with names for its items."""

    items: list["WireValue"]
    fields: Annotated[tuple[Name, ...], Meta(max_length=MAX_FIELDS)] = ()


class WireSize(_Value, frozen=True, tag="z"):
    """A `torch.Size`."""

    sizes: Annotated[tuple[Int64, ...], Meta(max_length=64)]  # torch has no more axes


class WireSet(_Value, frozen=True, tag="s"):
    items: list["WireValue"]
    frozen: bool


class WireDict(_Value, frozen=True, tag="d"):
    keys: list["WireValue"]
    values: list["WireValue"]


class WireInt(_Value, frozen=True, tag="i"):
    """An int beyond 64 bits, in decimal."""

    digits: Annotated[str, Meta(pattern="^-?[0-9]{1,4300}\\Z")]  # Python reads no more


class WireComplex(_Value, frozen=True, tag="c"):
    real: float
    imag: float


class WireDtype(_Value, frozen=True, tag="y"):
    name: Name


class WireSlice(_Value, frozen=True, tag="x"):
    start: int | None
    stop: int | None
    step: int | None


class WireRange(_Value, frozen=True, tag="r"):
    start: Bound
    stop: Bound
    step: Bound


class WireObject(_Value, frozen=True, tag="o"):
    """An object that stays in the worker, by its number there, or its attribute `path`. 0 is the module itself."""

    number: Number
    type_name: Name
    path: Dotted = ""


class Node(msgspec.Struct, frozen=True, array_like=True):
    """One module of a tree: its path, and its tensors as positions in `WireModule.tensors`."""

    path: Dotted
    first: Int32  # position of the node that is the same module: its own, unless the module stands in two places
    type_name: Name
    layer: Name  # the nearest class of `torch.nn` that it is one of
    training: bool
    parameters: Annotated[list[tuple[Dotted, Int32]], Meta(max_length=MAX_TENSORS)]
    buffers: Annotated[list[tuple[Dotted, Int32, bool]], Meta(max_length=MAX_TENSORS)]  # name, position, persistent


class WireModule(_Value, frozen=True, tag="m"):
    """An `nn.Module` that stays in the worker, with the tree of its names and its distinct tensors.

    A tensor that has not changed since the judge was last told is given by its position then.
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
    """Run the student's source as module `name`. `others` are their own earlier exercises, by module name.

    `examine`: first say whether there is anything to run.
    """

    name: str
    source: str
    examine: bool
    code: bytes | None  # of the source, marshalled; None: to be compiled, and what Python warns of is printed
    others: dict[str, str]
    seconds: float  # the time limit of a test; the worker looks at itself twenty times in it


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """A test begins: forget all objects, seed the generators. Not answered."""

    seed: int


class Placed(StrEnum):
    """Where a tensor of a module stands that changed in the judge."""

    SAME = "same"  # in the object that has been there
    NEW = "new"  # in an object that the test has put there
    BACK = "back"  # the module's own object stands there again


class Update(msgspec.Struct, frozen=True, array_like=True):
    """A tensor of a module that changed in the judge. Slots are numbered in the order of the module's names."""

    number: int
    slots: list[int]  # all that hold this tensor
    tensor: WireTensor | None  # None: the numbers did not change
    requires_grad: bool
    placed: Placed


class Context(msgspec.Struct, frozen=True, array_like=True):
    """What the judge's side of a question looks like: state of torch, and of the modules it has a share in."""

    grad: bool  # whether grad mode is on
    dtype: str  # the default dtype
    rng: bytes | None  # state of torch's generator; None: as the other side left it
    parameters: list[tuple[int, int]]  # tensors of modules that are differentiated: object number, slot
    updates: list[Update]
    released: list[int]  # ids of calls that will not be differentiated any more


OPERATIONS = -1  # the number of what Python does by operators and functions of its own, see `objects`
LAST_CALL = -2  # the number of what the last call did beside returning a value, see `objects`


class Invoke(msgspec.Struct, frozen=True, tag="call"):
    """Call attribute `path` of object `number` ("" is the object itself)."""

    id: int
    number: int
    path: str
    args: list[WireValue]
    kwargs: dict[str, WireValue]
    context: Context


class Get(msgspec.Struct, frozen=True, tag="get"):
    id: int
    number: int
    path: str
    context: Context


class Set(msgspec.Struct, frozen=True, tag="set"):
    id: int
    number: int
    path: str
    value: WireValue
    context: Context


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

    text: Name
    shape: Annotated[tuple[Int64, ...], Meta(max_length=64)] | None = None
    dtype: Name | None = None


class SeenOperand(msgspec.Struct, frozen=True, array_like=True):
    expression: Name
    line: Int32
    column: Int32
    value: Described


class SeenFrame(msgspec.Struct, frozen=True, array_like=True):
    """A frame of the student's code; lines from 1, columns from 0."""

    file: Dotted
    line: Int32
    function: Name
    end_line: Int32 | None
    column: Int32 | None
    end_column: Int32 | None
    operands: Annotated[list[SeenOperand], Meta(max_length=MAX_LOCALS)]
    locals: Annotated[dict[Name, Described], Meta(max_length=MAX_LOCALS)]


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """The module's public names, True for what can be called."""

    names: dict[Name, bool]


class NothingToRun(msgspec.Struct, frozen=True, tag="nothing"):
    """The source does not compile, or (no `message`) its functions are not written yet."""

    message: Text | None
    line: Int32 | None
    column: Int32 | None


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    id: int
    value: WireValue
    changed: Names  # arguments that were changed in place: "0", "1" or a keyword
    modules: list[WireModule]  # modules whose tensors changed during the call, as they are now
    rng: State | None = None  # of torch's generator, where the call drew from it
    earlier: bool = False  # nothing of this call, and something of an earlier one, can be differentiated by it


class Threw(msgspec.Struct, frozen=True, tag="threw"):
    """The student's code raised. `bases` are the names of the exception's builtin classes, nearest first."""

    id: int
    type_name: Name
    bases: Annotated[list[Name], Meta(max_length=MAX_LOCALS)]
    message: Text
    frames: Annotated[list[SeenFrame], Meta(max_length=MAX_FRAMES)]
    hidden_frames: Int32
    signature: Text | None  # of the function, where the call did not fit it
    args: Arguments | None = None  # the exception's, where all are plain


class NoSuchName(msgspec.Struct, frozen=True, tag="noname"):
    id: int
    path: Dotted
    names: Names


class Unsendable(msgspec.Struct, frozen=True, tag="unsendable"):
    """The result cannot cross: why."""

    id: int
    message: Text


class Sample(msgspec.Struct, frozen=True, tag="sample"):
    frame: SeenFrame


Reply: TypeAlias = Loaded | NothingToRun | Returned | Threw | NoSuchName | Unsendable | Sample

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
