"""The face of the student's module in the judge.

`Submission` looks like a module, its functions like functions, its `nn.Module`s are `nn.Module`s whose parameters live
here as mirrors. Calling any of them asks the worker. Autograd crosses: a result is connected to the tensors and
parameters that went into the call, and its backward asks the worker too, as often differentiable as the student's own
code is. So does what a call depends on in torch itself: grad mode, the default dtype, the random generator.

What cannot cross raises `UsageError`, a sentence for the author of the test.
"""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, Self

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from grader.errors import UsageError
from grader.sandbox.large import Blob
from grader.sandbox.pack import DTYPE_NAMES, Packer, Unpacker, checksum
from grader.sandbox.wire import (
    OPERATIONS,
    Context,
    Differentiate,
    Get,
    Invoke,
    Node,
    Placed,
    Request,
    Returned,
    Set,
    Update,
    WireError,
    WireModule,
    WireObject,
    WireTensor,
    WireValue,
)

Exchange = Callable[[Request, list[Any], "Question"], tuple[Returned, Blob]]


@dataclass
class Question:
    """What a request is called on a screen, with the values that went in and, once answered, came out."""

    label: str  # "route", "MoELayer", "MoELayer.forward"
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    result: Any = None


class Link:
    """Asks one worker during one test.

    `exchange` carries a request over and raises what the answer amounts to; `refuse` gives what to raise on an answer
    whose parts do not fit together. `limit` bounds the bytes of tensors in one request. `ids` are numbers that no
    question to this worker has had.
    """

    def __init__(
        self,
        exchange: Exchange,
        refuse: Callable[[WireError], BaseException],
        limit: int,
        ids: Iterator[int],
    ):
        self._exchange = exchange
        self._refuse = refuse
        self._limit = limit
        self._ids = ids
        self._modules: dict[int, _Mirror] = {}
        self._released: list[int] = []
        self._rng = torch.get_rng_state()  # as the worker knows it

    def invoke(self, number: int, path: str, label: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls an object of the worker."""
        _check_modes(label)
        packer = Packer(_wire_object, self._limit, layout=True)
        context, parameters = self._context(packer, label)
        wire_args = [_wired(packer, arg, label) for arg in args]
        wire_kwargs = {name: _wired(packer, arg, label) for name, arg in kwargs.items()}
        request = Invoke(next(self._ids), number, path, wire_args, wire_kwargs, context)
        question = Question(label, args, kwargs)
        return self._ask(request, packer.blobs, question, packer.differentiable + parameters)

    def get(self, number: int, path: str, label: str) -> Any:
        """The value of an attribute of an object of the worker."""
        packer = Packer(_wire_object, self._limit)
        context, parameters = self._context(packer, label)
        return self._ask(Get(next(self._ids), number, path, context), packer.blobs, Question(label), parameters)

    def set(self, number: int, path: str, label: str, value: Any) -> None:
        """Sets an attribute of an object of the worker."""
        packer = Packer(_wire_object, self._limit, layout=True)
        context, _ = self._context(packer, label)
        request = Set(next(self._ids), number, path, _wired(packer, value, label), context)
        self._ask(request, packer.blobs, Question(label, (value,)), [])

    def differentiate(self, of: int, label: str, grads: tuple[Tensor | None, ...], inputs: list[Tensor]) -> list[Any]:
        """Gradients of call `of` with respect to its inputs, connected to `inputs` where grad mode is on."""
        packer = Packer(_wire_object, self._limit)
        try:
            wires = [None if grad is None else packer.tensor(grad) for grad in grads]
        except WireError as error:
            raise UsageError(f"{label}.backward cannot be given {error}.") from None
        except RuntimeError:  # a batch, which has no numbers
            raise UsageError(f"{label} is differentiated in a batch, by vmap, which does not reach it.") from None
        request = Differentiate(next(self._ids), of, wires, torch.is_grad_enabled())
        question = Question(f"{label}.backward", tuple(grads))
        return self._ask(request, packer.blobs, question, packer.differentiable + inputs)  # type: ignore[no-any-return]

    def _context(self, packer: Packer, label: str) -> tuple[Context, list[Tensor]]:
        """The state that a question depends on, and the parameters that its answer may be differentiated by."""
        try:
            updates = [update for mirror in self._modules.values() for update in mirror.updates(packer)]
        except WireError as error:
            raise UsageError(f"{label} cannot be asked for: the test put into a module {error}.") from None
        slots: list[tuple[int, int]] = []
        parameters: list[Tensor] = []
        if torch.is_grad_enabled():
            for mirror in self._modules.values():
                for slot, tensor in _distinct(mirror.tensors()):
                    if tensor.requires_grad:
                        slots.append((mirror.number, slot))
                        parameters.append(tensor)
        rng = torch.get_rng_state()
        drawn = not torch.equal(rng, self._rng)
        self._rng = rng
        released, self._released = self._released, []
        context = Context(
            grad=torch.is_grad_enabled(),
            dtype=DTYPE_NAMES[torch.get_default_dtype()],
            rng=rng.numpy().tobytes() if drawn else None,
            parameters=slots,
            updates=updates,
            released=released,
        )
        return context, parameters

    def _ask(self, request: Any, blobs: list[Any], question: Question, inputs: list[Tensor]) -> Any:
        try:
            reply, blob = self._exchange(request, blobs, question)
        except WireError as error:  # the question is too long; an answer's faults are dealt with there
            raise UsageError(f"{question.label} cannot be given {error}.") from None
        unpacker = Unpacker(blob, lambda wire, unpacker: self._find(wire, unpacker, question.label))
        try:
            value = unpacker.value(reply.value)
            outputs = unpacker.differentiable
            for module in reply.modules:
                self._find(module, unpacker, question.label)
            unpacker.finish()
            if reply.rng is not None:
                self._go_on_with(reply.rng)
        except WireError as error:
            raise self._refuse(error) from None
        if outputs and torch.is_grad_enabled():
            call = _Call(self, request.id, question.label, alone=not inputs, earlier=reply.earlier)
            weakref.finalize(call, self._released.append, request.id)
            inputs = inputs or [torch.zeros((), requires_grad=True)]
            _Connect.apply(call, len(outputs), *outputs, *inputs)  # type: ignore[no-untyped-call]
        question.result = value
        return value

    def _go_on_with(self, rng: bytes) -> None:
        """Takes the random generator on to where the student's code left it, as in one process."""
        try:
            torch.set_rng_state(torch.frombuffer(bytearray(rng), dtype=torch.uint8))
        except (RuntimeError, ValueError) as error:
            raise WireError("a state of the random generator that is none") from error
        self._rng = torch.get_rng_state()

    def _find(self, wire: WireObject | WireModule, unpacker: Unpacker, label: str) -> Any:
        """What stands here for an object of the worker."""
        if isinstance(wire, WireObject):
            return RemoteObject(self, wire.number, label, wire.type_name)
        if wire.number not in self._modules:
            self._modules[wire.number] = _Mirror(self, wire.number)
        return self._modules[wire.number].renew(wire, unpacker)


def _check_modes(label: str) -> None:
    """Raises UsageError where a mode of torch is on that would be expected to reach into the call."""
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
    raise UsageError(f"{label} is called inside {what}, which does not reach a submission.")


def _wired(packer: Packer, value: Any, label: str) -> WireValue:
    """The wire form of an argument. Raises UsageError where it cannot cross."""
    try:
        return packer.value(value)
    except WireError as error:
        raise UsageError(f"{label} cannot be given {error}.") from None


@dataclass(eq=False)
class _Call:
    """An answered call, kept by the results that may be differentiated."""

    link: Link
    id: int
    label: str
    alone: bool  # nothing that went into the call can be differentiated
    earlier: bool  # and something that went into an earlier one can


class _Connect(torch.autograd.Function):
    """Connects the results of a call to its inputs, in place: the results stay where they are in nested values."""

    @staticmethod
    def forward(ctx: Any, call: _Call, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        outputs, inputs = tensors[:count], tensors[count:]
        ctx.call = call
        ctx.mark_dirty(*outputs)
        ctx.save_for_backward(*inputs)
        ctx.set_materialize_grads(False)
        return outputs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        call: _Call = ctx.call
        if call.earlier:
            raise UsageError(
                f"What {call.label} gave depends on tensors of an earlier call. Gradients go from a result to the"
                " arguments of its own call, and to parameters."
            )
        if call.alone:
            return (None, None, *(None for _ in grads), None)
        inputs = list(ctx.saved_tensors) if torch.is_grad_enabled() else []
        result = call.link.differentiate(call.id, call.label, grads, inputs)
        return (None, None, *(None for _ in grads), *result)


# ---------------------------------------------------------------- the module and its objects


class Submission:
    """The student's module. Attribute access gives its functions, classes and values."""

    def __init__(self, link: Link, names: dict[str, bool]):
        self.__dict__.update(_link=link, _names=names)

    def __repr__(self) -> str:
        return "<the submission>"

    def __dir__(self) -> list[str]:
        return sorted(self._names)

    def __getattr__(self, name: str) -> Any:
        if self._names.get(name):
            return RemoteObject(self._link, 0, name, "function", name)
        return self._link.get(0, name, name)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise UsageError(f"A test cannot set {name!r} in a submission: it would stay set in the tests that follow.")


class RemoteObject:
    """An object of the student's that stays in the worker, or an attribute of one."""

    def __init__(self, link: Link, number: int, label: str, type_name: str, path: str = ""):
        self.__dict__.update(_link=link, _number=number, _label=label, _type_name=type_name, _path=path)

    def __repr__(self) -> str:
        return f"<{self._type_name} {self._label}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._link.invoke(self._number, self._path, self._label, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":
            raise UsageError(f"The signature of {self._label} is not known to a test: call it.")
        if name.startswith("__"):
            raise AttributeError(name)
        return self._link.get(self._number, _joined(self._path, name), f"{self._label}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        label = f"{self._label}.{name}"
        if self._number == 0:
            raise UsageError(f"A test cannot set {label} in a submission: it would stay set in the tests that follow.")
        self._link.set(self._number, _joined(self._path, name), label, value)

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


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _wire_object(value: Any) -> WireValue:
    """The wire form of a stand-in; nothing else of the judge's goes over as an object."""
    if isinstance(value, RemoteObject):
        return WireObject(value._number, value._type_name, value._path)
    if isinstance(value, RemoteModule):
        return WireObject(value.__dict__["_mirror"].number, "module", value.__dict__["_path"])
    if isinstance(value, Submission):
        return WireObject(0, "module")
    raise WireError(f"a {type(value).__name__}: only tensors, plain values and what came from it can be passed")


# ---------------------------------------------------------------- its nn.Modules


def _distinct(tensors: list[Tensor]) -> list[tuple[int, Tensor]]:
    """The distinct tensors, each with the first place that it stands in."""
    firsts: dict[int, tuple[int, Tensor]] = {}
    for place, tensor in enumerate(tensors):
        firsts.setdefault(id(tensor), (place, tensor))
    return list(firsts.values())


class _Known(NamedTuple):
    """What stands in a slot, as the worker knows it."""

    tensor: Tensor
    checksum: tuple[Any, ...]
    requires_grad: bool


class _Mirror:
    """A module of the worker: the tree of stand-ins, and which of their tensors the worker knows.

    A slot is a place where a tensor stands: a name in the parameters or buffers of a module of the tree.
    """

    def __init__(self, link: Link, number: int):
        self.link = link
        self.number = number
        self._root: RemoteModule | None = None
        self._slots: list[tuple[dict[str, Any], str]] = []
        self._homes: list[Tensor] = []  # what stands there unless the test puts another tensor in its place
        self._known: list[_Known] = []

    def tensors(self) -> list[Tensor]:
        """What stands in each slot."""
        found = [holder.get(name) for holder, name in self._slots]
        if not all(isinstance(tensor, Tensor) for tensor in found):
            raise UsageError("A test can put only tensors in the place of a submission's parameters and buffers.")
        return found  # type: ignore[return-value]

    def updates(self, packer: Packer) -> list[Update]:
        """What changed here since the worker last knew."""
        found = []
        tensors = self.tensors()
        slots_of: dict[int, list[int]] = {}
        for slot, tensor in enumerate(tensors):
            slots_of.setdefault(id(tensor), []).append(slot)
        known = list(self._known)
        for slots in slots_of.values():
            tensor = tensors[slots[0]]
            now = _Known(tensor, checksum(tensor), tensor.requires_grad)
            for slot in slots:
                known[slot] = now
            moved = [slot for slot in slots if self._known[slot].tensor is not tensor]
            own = all(self._homes[slot] is tensor for slot in slots)
            sent = bool(moved) or now.checksum != self._known[slots[0]].checksum
            placed = Placed.SAME
            if own and moved:
                placed, slots = Placed.BACK, moved
            elif sent and not own:
                placed = Placed.NEW  # what was computed with the old numbers may still be differentiated
            if sent or tensor.requires_grad != self._known[slots[0]].requires_grad:
                numbers = packer.numbers(tensor) if sent else None
                found.append(Update(self.number, slots, numbers, tensor.requires_grad, placed))
        self._known = known
        return found

    def renew(self, wire: WireModule, unpacker: Unpacker) -> "RemoteModule":
        """Takes over how the module looks in the worker now. Its tensors stay the same objects."""
        before = [tensor for _, tensor in _distinct([known.tensor for known in self._known])]
        _check(wire, len(before))
        fresh = [None if isinstance(tensor, int) else unpacker.numbers(tensor) for tensor in wire.tensors]
        made: dict[int, Tensor] = {}  # by position in `wire.tensors`
        nodes = dict(self._root.named_modules()) if self._root is not None else {}
        seen: list[RemoteModule] = []
        paths: dict[str, RemoteModule] = {}
        self._slots = []

        def place(holder: dict[str, Any], name: str, position: int, old: Any, kind: type[Tensor]) -> None:
            if position not in made:
                described, numbers = wire.tensors[position], fresh[position]
                if isinstance(described, int):
                    made[position] = before[described]
                elif numbers is not None:
                    old = None if any(old is tensor for tensor in made.values()) else old
                    made[position] = _renewed(old, numbers, described, kind)
            holder[name] = made[position]
            self._slots.append((holder, name))

        with torch.inference_mode(False), torch.no_grad():  # mirrors outlive the mode in which they are made
            for described in wire.nodes:
                again = described.first < len(seen)
                node: Any = seen[described.first] if again else nodes.get(described.path)
                node = node or _kind(described.type_name, described.layer)(self, described.path, described.type_name)
                seen.append(node)
                paths[described.path] = node
                parent, _, name = described.path.rpartition(".")
                if described.path:
                    paths[parent]._modules[name] = node
                if not again:
                    _renew_node(node, described, place)
        self._root = seen[0]
        self._homes = self.tensors()
        self._known = [_Known(tensor, checksum(tensor), tensor.requires_grad) for tensor in self._homes]
        return self._root


def _renew_node(node: "RemoteModule", described: Node, place: Callable[..., None]) -> None:
    parameters, buffers = dict(node._parameters), dict(node._buffers)
    for names in (node._modules, node._parameters, node._buffers, node._non_persistent_buffers_set):
        names.clear()
    node.__dict__["training"] = described.training
    for name, position in described.parameters:
        place(node._parameters, name, position, parameters.get(name), nn.Parameter)
    for name, position, persistent in described.buffers:
        place(node._buffers, name, position, buffers.get(name), Tensor)
        if not persistent:
            node._non_persistent_buffers_set.add(name)
    if isinstance(node, nn.ParameterList):
        node.__dict__["_size"] = len(node._parameters)
    if isinstance(node, nn.ParameterDict):
        node.__dict__["_keys"] = dict.fromkeys(node._parameters)


def _check(module: WireModule, known: int) -> None:
    """Raises WireError unless every part of a module has its whole, and every name its tensor."""
    paths: set[str] = set()
    places: set[int] = set()
    for position, node in enumerate(module.nodes):
        if (node.path == "") != (not paths) or (node.path and node.path.rpartition(".")[0] not in paths):
            raise WireError("a part of a module without the whole")
        if not 0 <= node.first <= position:
            raise WireError("a module that is the same as none")
        paths.add(node.path)
        places.update(place for _, place in node.parameters)
        places.update(place for _, place, _ in node.buffers)
    if not paths or places != set(range(len(module.tensors))):
        raise WireError("a module whose names and tensors do not match")
    if not all(0 <= tensor < known for tensor in module.tensors if isinstance(tensor, int)):
        raise WireError("a module of tensors that were never sent")


def _renewed(old: Any, numbers: Tensor, wire: WireTensor, kind: type[Tensor]) -> Tensor:
    """The mirror of a tensor: the old one with new numbers, or a new one."""
    if not isinstance(old, kind):
        old = nn.Parameter(numbers, False) if kind is nn.Parameter else numbers.clone()  # lest a buffer be a view
    elif (old.dtype, old.shape) == (numbers.dtype, numbers.shape):
        old.copy_(numbers)
    else:
        old.data = numbers.clone()
    differentiable = numbers.is_floating_point() or numbers.is_complex()
    return old.requires_grad_(wire.requires_grad and differentiable)  # type: ignore[no-any-return]


class RemoteModule(nn.Module):
    """A stand-in for a module of the student's, or for a part of one. Its parameters are mirrors of theirs."""

    def __init__(self, mirror: _Mirror, path: str, type_name: str):
        nn.Module.__init__(self)  # and not that of the layer which a subclass stands for
        self.__dict__.update(_mirror=mirror, _path=path, _type_name=type_name)

    @property
    def _link(self) -> Link:
        return self.__dict__["_mirror"].link  # type: ignore[no-any-return]

    def _at(self, name: str) -> tuple[int, str, str]:
        """Object, path and label of an attribute."""
        path = _joined(self.__dict__["_path"], name)
        return self.__dict__["_mirror"].number, path, f"{self._get_name()}.{name or 'forward'}"

    def _get_name(self) -> str:
        return str(self.__dict__["_type_name"])

    def extra_repr(self) -> str:
        return ""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the student's module."""
        return self._link.invoke(*self._at(""), args, kwargs)

    def train(self, mode: bool = True) -> Self:
        self._link.invoke(*self._at("train"), (mode,), {})
        return self

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_"):
                raise
        return self._link.get(*self._at(name))

    def __setattr__(self, name: str, value: Any) -> None:
        if "_mirror" not in self.__dict__ or name.startswith("_"):
            super().__setattr__(name, value)
        elif isinstance(value, nn.Module) or name in self._modules:
            self._refuse(f"put a module in the place of {name!r}")
        elif isinstance(value, Tensor) and (name in self._parameters or name in self._buffers):
            super().__setattr__(name, value)
        elif isinstance(value, nn.Parameter):
            self._refuse(f"add a parameter {name!r}")
        else:
            self._link.set(*self._at(name), value)

    def __delattr__(self, name: str) -> None:
        self._refuse(f"delete {name!r}")

    def add_module(self, name: str, module: nn.Module | None) -> None:
        self._refuse(f"add a module {name!r}")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        if name not in self._buffers:
            self._refuse(f"add a buffer {name!r}")
        super().register_buffer(name, tensor, persistent)

    def _refuse(self, what: str) -> NoReturn:
        raise UsageError(f"A test cannot {what} in {self._get_name()}: that module is the submission's.")

    def __deepcopy__(self, _: Any) -> Any:
        return self._link.invoke(OPERATIONS, "deepcopy", self._get_name(), (self,), {})

    def register_forward_pre_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._hooked(super().register_forward_pre_hook, args, kwargs)

    def register_forward_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._hooked(super().register_forward_hook, args, kwargs)

    def register_full_backward_pre_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._hooked(super().register_full_backward_pre_hook, args, kwargs)

    def register_full_backward_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._hooked(super().register_full_backward_hook, args, kwargs)

    def _hooked(self, register: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.__dict__["_path"]:
            raise UsageError(
                f"A hook on {self.__dict__['_path']} of a submission's module would not run, since its parts are called"
                " in another process. A hook on the whole module does."
            )
        return register(*args, **kwargs)


class _Slices:
    """Slices of a list of modules: plain lists of the stand-ins."""

    _modules: dict[str, Any]

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice):
            return super().__getitem__(key)  # type: ignore[misc]
        modules = list(self._modules.values())[key]
        return nn.Sequential(*modules) if isinstance(self, nn.Sequential) else nn.ModuleList(modules)


_STAND_IN_WAYS = {"__setattr__", "__getattr__", "__delattr__", "_apply"}


@lru_cache(maxsize=256)
def _kind(type_name: str, layer: str) -> type[RemoteModule]:
    """The class of a stand-in: of the student's name, and a subclass of the layer of torch's that theirs is."""
    bases: list[type] = [RemoteModule]
    base = getattr(nn, layer, None)
    if isinstance(base, type) and issubclass(base, nn.Module) and base is not nn.Module:
        own = base.__mro__[: base.__mro__.index(nn.Module)]
        if not any(_STAND_IN_WAYS & vars(each).keys() for each in own):  # nn.RNN and its like have ways of their own
            bases += [_Slices, base] if issubclass(base, nn.ModuleList | nn.Sequential) else [base]
    return type(type_name if type_name.isidentifier() else "Module", tuple(bases), {})
