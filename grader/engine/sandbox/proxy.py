"""Stand-ins in the judge for the student's module and its objects.

`RemoteSubmission` behaves like a module and its functions like functions; its `nn.Module`s are `nn.Module`s whose
parameters mirror the student's. Calling any of them asks the worker. Autograd works across the processes: a result is
connected to the tensors and parameters that went into the call, and its backward asks the worker too. It can be
differentiated as often as the student's own code. A call also depends on torch's grad mode, default dtype and random
generator, so they are sent as well.

What cannot be sent raises `UsageError`, with a sentence for the author of the test.
"""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import msgspec
import torch
from torch import Tensor
from torch.autograd import forward_ad

from grader.base.errors import UsageError
from grader.engine.sandbox.generator import generator_state, set_generator_state
from grader.engine.sandbox.mirror import Mirror, RemoteModule, distinct, join_path
from grader.engine.sandbox.pack import DTYPE_NAMES, Packer, Unpacker
from grader.engine.sandbox.shared_memory import Blob
from grader.engine.sandbox.wire import (
    LAST_CALL,
    OPERATIONS,
    Context,
    Differentiate,
    Get,
    Invoke,
    Request,
    Returned,
    Set,
    WireError,
    WireModule,
    WireObject,
    WireValue,
)

MAX_KEPT_ANSWER = 16 << 20  # bytes of an answer that is kept as long as its question

Exchange = Callable[[Request, list[Any], "Question"], tuple[Returned, Blob]]
ShapeAndDtype = tuple[torch.Size, torch.dtype]
_MAX_MIRRORED = 1 << 14  # tensors of all modules of a test: each question checks all of them for changes


@dataclass
class Question:
    """The name of a request for people, with its arguments and, once answered, its result."""

    label: str  # "route", "MoELayer", "MoELayer.forward"
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    result: Any = None

    def detach(self) -> None:
        """Take the tensors out of torch's graph, which keeps alive what they were computed from, here and there."""
        self.args, self.kwargs, self.result = _with_tensors((self.args, self.kwargs, self.result), _detached)


class EarlierCall(UsageError):
    """A test differentiates a result by an input of an earlier call. `call` is the id of the call that returned it."""

    def __init__(self, label: str, call: int):
        super().__init__(
            f"The result of {label} depends on tensors of an earlier call, and gradients reach only parameters and the"
            " arguments of the same call."
        )
        self.label = label
        self.call = call


class Link:
    """Sends the questions of one test to one worker."""

    def __init__(
        self,
        exchange: Exchange,
        refuse: Callable[[WireError], BaseException],
        limit: int,
        ids: Iterator[int],
    ):
        """Set how to reach the worker.

        Args:
            exchange: Sends a request and returns the validated answer, or raises what the answer stands for.
            refuse: Returns the error for an answer that does not fit the question or an earlier answer.
            limit: Bytes of tensors in one request.
            ids: Numbers that no earlier question to this worker had.
        """
        self._exchange = exchange
        self._refuse = refuse
        self._limit = limit
        self._ids = ids
        self._modules: dict[int, Mirror] = {}
        self._mirrored = 0  # number of their tensors
        self._released: list[int] = []
        self._rng = generator_state()  # as the worker knows it
        self.last = Question("a call")  # the latest call
        self.names_read: set[str] = set()  # attributes of the student's module that the test looked up

    def invoke(self, number: int, path: str, label: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an object of the worker."""
        _check_modes(label)
        packer = Packer(_wire_object, self._limit, layout=True)
        context, parameters = self._context(packer, label)
        wire_args = [_to_wire(packer, arg, label) for arg in args]
        wire_kwargs = {name: _to_wire(packer, arg, label) for name, arg in kwargs.items()}
        request = Invoke(next(self._ids), number, path, wire_args, wire_kwargs, context)
        self.last = Question(label, args, kwargs)
        blobs, inputs = packer.blobs, packer.differentiable + parameters
        del packer  # it holds tensors that may exist for this question only
        return self._ask(request, blobs, self.last, inputs)

    def side_effect(self, name: str, kind: Any) -> Any:
        """Return an attribute of `objects.LastCall`, converted to the type `kind`."""
        value = self.get(LAST_CALL, name, self.last.label)
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise self._refuse(WireError(str(error))) from None

    def get(self, number: int, path: str, label: str) -> Any:
        """Return an attribute of an object of the worker."""
        packer = Packer(_wire_object, self._limit)
        context, parameters = self._context(packer, label)
        return self._ask(Get(next(self._ids), number, path, context), packer.blobs, Question(label), parameters)

    def set(self, number: int, path: str, label: str, value: Any) -> None:
        """Set an attribute of an object of the worker."""
        packer = Packer(_wire_object, self._limit, layout=True)
        context, _ = self._context(packer, label)
        request = Set(next(self._ids), number, path, _to_wire(packer, value, label), context)
        self._ask(request, packer.blobs, Question(label, (value,)), [])

    def differentiate(
        self, of: int, label: str, grads: tuple[Tensor | None, ...], like: list[ShapeAndDtype], inputs: list[Tensor]
    ) -> list[Any]:
        """Return the gradients of call `of` by its inputs, which are `like` these, connected to `inputs`."""
        packer = Packer(_wire_object, self._limit)
        try:
            wires = [None if grad is None else packer.tensor(grad) for grad in grads]
        except WireError as error:
            raise UsageError(f"{label}.backward cannot be given {error}.") from None
        except RuntimeError:  # a batched tensor, which has no numbers
            raise UsageError(f"{label} is differentiated by vmap, which has no effect on a submission.") from None
        request = Differentiate(next(self._ids), of, wires, torch.is_grad_enabled())
        question = Question(f"{label}.backward", tuple(grads))
        found = self._ask(request, packer.blobs, question, packer.differentiable + inputs)
        if not _are_gradients(found, like):
            raise self._refuse(WireError("gradients of other tensors than those requested"))
        return found  # type: ignore[no-any-return]

    def _context(self, packer: Packer, label: str) -> tuple[Context, list[Tensor]]:
        """Return the state that a question depends on, and the parameters by which its answer may be differentiated."""
        try:
            updates = [update for mirror in self._modules.values() for update in mirror.updates(packer)]
        except WireError as error:
            raise UsageError(f"{label} cannot be used, since the test put into a module {error}.") from None
        slots: list[tuple[int, int]] = []
        parameters: list[Tensor] = []
        if torch.is_grad_enabled():
            for mirror in self._modules.values():
                for slot, tensor in distinct(mirror.tensors()):
                    if tensor.requires_grad:
                        slots.append((mirror.number, slot))
                        parameters.append(tensor)
        rng = generator_state()
        drawn = rng if rng != self._rng else None
        self._rng = rng
        released = [self._released.pop() for _ in range(len(self._released))]  # calls append to this very list
        context = Context(
            grad=torch.is_grad_enabled(),
            dtype=DTYPE_NAMES[torch.get_default_dtype()],
            rng=drawn,
            parameters=slots,
            updates=updates,
            released=released,
        )
        return context, parameters

    def _ask(self, request: Any, blobs: list[Any], question: Question, inputs: list[Tensor]) -> Any:
        try:
            reply, blob = self._exchange(request, blobs, question)
        except WireError as error:  # the question is too large; `exchange` handles invalid answers
            raise UsageError(f"{question.label} cannot be given {error}.") from None
        unpacker = Unpacker(blob, lambda wire, unpacker: self._find(wire, unpacker, question.label))
        try:
            value = unpacker.value(reply.value)
            outputs = unpacker.differentiable
            for module in reply.modules:
                self._find(module, unpacker, question.label)
        except WireError as error:
            raise self._refuse(error) from None
        if reply.rng is not None:  # the random generator continues where the student's code left it
            set_generator_state(reply.rng)
            self._rng = generator_state()
        if outputs and torch.is_grad_enabled():
            call = _Call(
                weakref.ref(self),
                request.id,
                question.label,
                has_no_inputs=not inputs,
                depends_on_earlier=reply.earlier,
            )
            weakref.finalize(call, self._released.append, request.id)
            inputs = inputs or [torch.zeros((), requires_grad=True)]
            connect: Callable[..., object] = _Connect.apply  # not annotated in every version of torch
            connect(call, len(outputs), *outputs, *inputs)
        question.result = value if len(blob) <= MAX_KEPT_ANSWER else _with_tensors(value, weakref.ref)
        return value

    def _find(self, wire: WireObject | WireModule, unpacker: Unpacker, label: str) -> Any:
        """Return the stand-in for an object of the worker."""
        if isinstance(wire, WireObject):
            return RemoteObject(self, wire.number, label, wire.type_name)
        if wire.number not in self._modules:
            self._mirrored += len(wire.tensors)
            if self._mirrored > _MAX_MIRRORED:
                raise WireError(f"modules of more than {_MAX_MIRRORED:,} tensors in one test")
            self._modules[wire.number] = Mirror(self, wire.number)
        return self._modules[wire.number].renew(wire, unpacker)


def _with_tensors(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """Return a value with each tensor replaced by what `change` returns for it."""
    match value:
        case Tensor():
            return change(value)
        case dict():
            return {key: _with_tensors(item, change) for key, item in value.items()}
        case list():
            return [_with_tensors(item, change) for item in value]
        case tuple():
            return tuple(_with_tensors(item, change) for item in value)
    return value


def _detached(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_(tensor.requires_grad)


def _are_gradients(found: Any, like: list[ShapeAndDtype]) -> bool:
    """Return whether `found` is a list of gradients, or None, of these shapes and dtypes."""
    return (
        isinstance(found, list)
        and len(found) == len(like)
        and all(
            grad is None or (isinstance(grad, Tensor) and (grad.shape, grad.dtype) == kind)
            for grad, kind in zip(found, like, strict=True)
        )
    )


def _check_modes(label: str) -> None:
    """Raise UsageError if a mode of torch is on that would have to apply inside the call."""
    if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
        what = "a mode of torch (a device as context, a default device, a FLOP counter)"
    elif torch.is_autocast_enabled("cpu"):
        what = "torch.autocast"
    elif forward_ad._current_level >= 0:
        what = "forward-mode differentiation"
    elif torch._C._functorch.peek_interpreter_stack() is not None:
        what = "a transform of torch.func (grad, vmap, jacrev)"
    else:
        return
    raise UsageError(f"{label} is called inside {what}, which has no effect on a submission.")


def _to_wire(packer: Packer, value: Any, label: str) -> WireValue:
    """Return the wire form of an argument. Raise UsageError if it cannot be sent."""
    try:
        return packer.value(value)
    except WireError as error:
        raise UsageError(f"{label} cannot be given {error}.") from None


@dataclass(eq=False)
class _Call:
    """An answered call, kept alive by those results that may be differentiated.

    They keep it in torch's graph, where Python's garbage collector does not find every cycle. So it refers weakly to
    the link, which refers to the results.
    """

    link: weakref.ref[Link]
    id: int
    label: str
    has_no_inputs: bool  # none of its inputs can be differentiated
    depends_on_earlier: bool  # an input of an earlier call can be differentiated instead


class _Connect(torch.autograd.Function):
    """Connects the results of a call to its inputs in place, so that results inside nested values stay there."""

    @staticmethod
    def forward(ctx: Any, call: _Call, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        outputs, inputs = tensors[:count], tensors[count:]
        ctx.call = call
        ctx.mark_dirty(*outputs)
        ctx.save_for_backward(*inputs)
        ctx.like = [(each.shape, each.dtype) for each in inputs]
        ctx.set_materialize_grads(False)
        return outputs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        call: _Call = ctx.call
        if call.depends_on_earlier:
            raise EarlierCall(call.label, call.id)
        if call.has_no_inputs:
            return (None, None, *(None for _ in grads), None)
        link = call.link()
        if link is None:
            raise UsageError(f"{call.label} is differentiated after the test in which it was called.")
        inputs = list(ctx.saved_tensors) if torch.is_grad_enabled() else []  # raises if one has changed since
        result = link.differentiate(call.id, call.label, grads, ctx.like, inputs)
        return (None, None, *(None for _ in grads), *result)


class RemoteSubmission:
    """A stand-in for the student's module, whose attributes are its functions, classes and values."""

    def __init__(self, link: Link, names: dict[str, bool]):
        self.__dict__.update(_link=link, _names=names)

    def __repr__(self) -> str:
        return "<the submission>"

    def __dir__(self) -> NoReturn:
        raise UsageError("A test cannot list the names in a submission; hasattr(submission, name) looks one up.")

    def __getattr__(self, name: str) -> Any:
        self._link.names_read.add(name)
        if self._names.get(name):
            return RemoteObject(self._link, 0, name, "function", name)
        return self._link.get(0, name, name)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise UsageError(f"A test cannot set {name!r} in a submission: it would stay set in the tests that follow.")


class RemoteObject:
    """A stand-in for an object of the student's that stays in the worker, or for an attribute of one."""

    def __init__(self, link: Link, number: int, label: str, type_name: str, path: str = ""):
        self.__dict__.update(_link=link, _number=number, _label=label, _type_name=type_name, _path=path)

    def __repr__(self) -> str:
        return f"<{self._type_name} {self._label}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object in the other process."""
        return self._link.invoke(self._number, self._path, self._label, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":
            raise UsageError(f"The signature of {self._label} is not available to a test; call it instead.")
        if name.startswith("__"):
            raise AttributeError(name)
        return self._link.get(self._number, join_path(self._path, name), f"{self._label}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        label = f"{self._label}.{name}"
        if self._number == 0:
            raise UsageError(f"A test cannot set {label} in a submission: it would stay set in the tests that follow.")
        self._link.set(self._number, join_path(self._path, name), label, value)

    def _operation(self, name: str, *args: Any) -> Any:
        return self._link.invoke(OPERATIONS, name, self._label, args, {})

    def __bool__(self) -> bool:
        return self._number == 0 or bool(self._operation("truth", self))

    def __len__(self) -> int:
        return int(self._operation("length", self))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, RemoteObject) and bool(self._operation("equal", self, other)))

    __hash__ = None  # type: ignore[assignment]

    def __contains__(self, item: Any) -> bool:
        return bool(self._operation("contains", self, item))

    def __getitem__(self, key: Any) -> Any:
        return self._operation("item", self, key)

    def __iter__(self) -> Iterator[Any]:
        iterator = self._operation("iterate", self)
        return iterator if isinstance(iterator, RemoteObject) else iter(iterator)

    def __next__(self) -> Any:
        return self._operation("following", self)

    def __instancecheck__(self, instance: object) -> bool:
        remote = isinstance(instance, RemoteObject | RemoteModule)
        return remote and bool(self._operation("instance", instance, self))

    def __deepcopy__(self, _: Any) -> Any:
        return self._operation("deepcopy", self)


def _wire_object(value: Any, _: Packer) -> WireValue:
    """Return the wire form of a stand-in. Raise WireError for any other object."""
    if isinstance(value, RemoteObject):
        return WireObject(value._number, value._type_name, value._path)
    if isinstance(value, RemoteModule):
        return WireObject(value.__dict__["_mirror"].number, "module", value.__dict__["_path"])
    if isinstance(value, RemoteSubmission):
        return WireObject(0, "module")
    raise WireError(f"a {type(value).__name__}: only tensors, plain values and what came from it can be passed")
