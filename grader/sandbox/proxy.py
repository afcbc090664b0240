"""The face of the student's module in the judge.

`Submission` looks like a module, its functions like functions, its `nn.Module`s are `nn.Module`s whose parameters live
here as mirrors. Calling any of them asks the worker. Autograd crosses: a result is connected to the tensors and
parameters that went into the call, and its backward asks the worker too, as often differentiable as the student's own
code is.
"""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from grader.sandbox.wire import (
    Differentiate,
    Get,
    Invoke,
    Packer,
    Request,
    Returned,
    Set,
    Unpacker,
    Update,
    WireModule,
    WireObject,
    WireTensor,
    WireValue,
)

Exchange = Callable[[Request, list[Any], "Question"], tuple[Returned, bytearray]]


@dataclass
class Question:
    """What a request is called on a screen, with the values that went in and, once answered, came out."""

    label: str  # "route", "MoELayer", "MoELayer.forward"
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    result: Any = None


class Link:
    """Asks one worker during one test. `exchange` carries a request over and raises what the answer amounts to."""

    def __init__(self, exchange: Exchange, limit: int):
        self._exchange = exchange
        self._limit = limit
        self._id = 0
        self._modules: dict[int, _Mirror] = {}
        self._released: list[int] = []

    def _next_id(self) -> int:
        self._id += 1
        return self._id

    def invoke(self, number: int, path: str, label: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls an object of the worker."""
        packer = Packer(_wire_object, self._limit)
        updates = [update for mirror in self._modules.values() for update in mirror.updates(packer)]
        wire_args = [packer.value(arg) for arg in args]
        wire_kwargs = {name: packer.value(arg) for name, arg in kwargs.items()}
        places: list[tuple[int, int]] = []
        inputs = list(packer.differentiable)
        if torch.is_grad_enabled():
            for mirror in self._modules.values():
                for place, tensor in enumerate(mirror.tensors()):
                    if tensor.requires_grad:
                        places.append((mirror.number, place))
                        inputs.append(tensor)
        released, self._released = self._released, []
        request = Invoke(
            self._next_id(), number, path, wire_args, wire_kwargs, torch.is_grad_enabled(), places, updates, released
        )
        return self._ask(request, packer.blobs, Question(label, args, kwargs), inputs)

    def get(self, number: int, path: str, label: str) -> Any:
        """The value of an attribute of an object of the worker."""
        return self._ask(Get(self._next_id(), number, path), [], Question(label), [])

    def set(self, number: int, path: str, label: str, value: Any) -> None:
        """Sets an attribute of an object of the worker."""
        packer = Packer(_wire_object, self._limit)
        wire = packer.value(value)
        self._ask(Set(self._next_id(), number, path, wire), packer.blobs, Question(label), [])

    def differentiate(self, of: int, label: str, grads: tuple[Tensor | None, ...], inputs: list[Tensor]) -> list[Any]:
        """Gradients of call `of` with respect to its inputs, connected to `inputs` where grad mode is on."""
        packer = Packer(_wire_object, self._limit)
        wires = [None if grad is None else packer.tensor(grad) for grad in grads]
        request = Differentiate(self._next_id(), of, wires, torch.is_grad_enabled())
        question = Question(f"{label}.backward", tuple(grads))
        return self._ask(request, packer.blobs, question, packer.differentiable + inputs)  # type: ignore[no-any-return]

    def _ask(self, request: Any, blobs: list[Any], question: Question, inputs: list[Tensor]) -> Any:
        reply, blob = self._exchange(request, blobs, question)
        unpacker = Unpacker(blob, lambda wire, unpacker: self._find(wire, unpacker, question.label))
        value = unpacker.value(reply.value)
        outputs = unpacker.differentiable
        for module in reply.modules:
            self._find(module, unpacker, question.label)
        unpacker.finish()
        if outputs and inputs and torch.is_grad_enabled():
            call = _Call(self, request.id, question.label)
            weakref.finalize(call, self._released.append, request.id)
            _Connect.apply(call, len(outputs), *outputs, *inputs)  # type: ignore[no-untyped-call]
        question.result = value
        return value

    def _find(self, wire: WireObject | WireModule, unpacker: Unpacker, label: str) -> Any:
        """What stands here for an object of the worker."""
        if isinstance(wire, WireObject):
            return RemoteObject(self, wire.number, label, wire.type_name)
        if wire.number not in self._modules:
            self._modules[wire.number] = _Mirror(self, wire.number)
        return self._modules[wire.number].renew(wire, unpacker)


@dataclass
class _Call:
    """An answered call, kept by the results that may be differentiated."""

    link: Link
    id: int
    label: str

    __hash__ = object.__hash__  # type: ignore[assignment]


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
        inputs = list(ctx.saved_tensors) if torch.is_grad_enabled() else []
        result = call.link.differentiate(call.id, call.label, grads, inputs)
        return (None, None, *(None for _ in grads), *result)


class Submission:
    """The student's module. Attribute access gives its functions, classes and values."""

    def __init__(self, link: Link, names: dict[str, bool]):
        self._link = link
        self._names = names

    def __getattr__(self, name: str) -> Any:
        if self._names.get(name):
            return RemoteObject(self._link, 0, name, "function", name)
        return self._link.get(0, name, name)


class RemoteObject:
    """An object of the student's that stays in the worker, or an attribute of one."""

    def __init__(self, link: Link, number: int, label: str, type_name: str, path: str = ""):
        self._link = link
        self._number = number
        self._label = label
        self._type_name = type_name
        self._path = path

    def __repr__(self) -> str:
        return f"<{self._type_name} {self._label}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._link.invoke(self._number, self._path, self._label, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        path = f"{self._path}.{name}" if self._path else name
        return self._link.get(self._number, path, f"{self._label}.{name}")

    def _method(self, name: str, *args: Any) -> Any:
        path = f"{self._path}.{name}" if self._path else name
        return self._link.invoke(self._number, path, self._label, args, {})

    def __len__(self) -> int:
        return int(self._method("__len__"))

    def __getitem__(self, key: Any) -> Any:
        return self._method("__getitem__", key)

    def __iter__(self) -> Iterator[Any]:
        iterator = self._method("__iter__")
        if not isinstance(iterator, RemoteObject):
            return iter(iterator)
        return iter(lambda: iterator._method("__next__"), object())


def _wire_object(value: Any) -> WireValue:
    """The wire form of a stand-in; nothing else of the judge's goes over as an object."""
    if isinstance(value, RemoteObject) and not value._path:
        return WireObject(value._number, value._type_name, True)
    if isinstance(value, RemoteModule) and not value.__dict__["_path"]:
        return WireObject(value.__dict__["_mirror"].number, "module", True)
    if isinstance(value, Submission):
        return WireObject(0, "module", False)
    raise TypeError(f"a test cannot hand a {type(value).__name__} to a submission: pass tensors and plain values")


class _MirrorParameter(nn.Parameter):
    """A parameter whose `.data` shares its version, so that a change through it is noticed."""

    @property
    def data(self) -> Tensor:  # type: ignore[override]
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        torch.Tensor.data.__set__(self, value)  # type: ignore[attr-defined]


def _state(tensor: Tensor) -> tuple[Any, ...]:
    """What changes when a tensor of the judge is changed or replaced."""
    return id(tensor), tensor.data_ptr(), tensor._version, tensor.dtype


class _Mirror:
    """A module of the worker: the tree of stand-ins, and which of their tensors the worker knows."""

    def __init__(self, link: Link, number: int):
        self.link = link
        self.number = number
        self.root: RemoteModule | None = None
        self._names: list[tuple[RemoteModule, str, bool]] = []  # where each tensor stands first; True: a parameter
        self._known: list[tuple[Any, ...]] = []
        self._require_grad: list[bool] = []

    def tensors(self) -> list[Tensor]:
        """The tensors as they are now, in the worker's order."""
        return [(node._parameters if is_parameter else node._buffers)[name] for node, name, is_parameter in self._names]  # type: ignore[misc]

    def updates(self, packer: Packer) -> list[Update]:
        """What changed here since the worker last knew."""
        found = []
        for place, tensor in enumerate(self.tensors()):
            if _state(tensor) != self._known[place]:
                found.append(Update(self.number, place, packer.numbers(tensor), tensor.requires_grad))
            elif tensor.requires_grad != self._require_grad[place]:
                found.append(Update(self.number, place, None, tensor.requires_grad))
        self._remember()
        return found

    def _remember(self) -> None:
        self._known = [_state(tensor) for tensor in self.tensors()]
        self._require_grad = [tensor.requires_grad for tensor in self.tensors()]

    def renew(self, wire: WireModule, unpacker: Unpacker) -> "RemoteModule":
        """Takes over how the module looks in the worker now. Tensors of the same name stay the same objects."""
        fresh = [(unpacker.numbers(tensor).clone(), tensor) for tensor in wire.tensors]
        nodes: dict[str, RemoteModule] = {}
        if self.root is not None:
            nodes = {path: node for path, node in self.root.named_modules(remove_duplicate=False)}  # type: ignore[misc]
        made: dict[int, Tensor] = {}
        self._names = [None] * len(fresh)  # type: ignore[list-item]
        for described in wire.nodes:
            node = nodes.get(described.path)
            if node is None:
                parent, _, name = described.path.rpartition(".")
                node = nodes[described.path] = RemoteModule(self, described.path, described.type_name)
                if described.path:
                    nodes[parent]._modules[name] = node
                else:
                    self.root = node
            node.training = described.training
            for name, place in described.parameters:
                old = node._parameters.get(name)
                made.setdefault(place, _renewed(old, *fresh[place], parameter=True))
                node._parameters[name] = made[place]  # type: ignore[assignment]
                self._names[place] = self._names[place] or (node, name, True)
            for name, place, persistent in described.buffers:
                made.setdefault(place, _renewed(node._buffers.get(name), *fresh[place], parameter=False))
                node._buffers[name] = made[place]
                (node._non_persistent_buffers_set.discard if persistent else node._non_persistent_buffers_set.add)(name)
                self._names[place] = self._names[place] or (node, name, False)
        self._remember()
        assert self.root is not None
        return self.root


def _renewed(old: Tensor | None, value: Tensor, wire: WireTensor, *, parameter: bool) -> Tensor:
    """The mirror of a tensor: the old one with new numbers, or a new one."""
    if old is not None:
        old.data = value
        return old
    return _MirrorParameter(value, requires_grad=wire.requires_grad) if parameter else value


class RemoteModule(nn.Module):
    """A stand-in for a module of the student's, or for a part of one. Its parameters are mirrors of theirs."""

    def __init__(self, mirror: _Mirror, path: str, type_name: str):
        super().__init__()
        self.__dict__.update(_mirror=mirror, _path=path, _type_name=type_name)

    def _ask(self, name: str) -> tuple[Link, int, str, str]:
        mirror: _Mirror = self.__dict__["_mirror"]
        path = ".".join(part for part in (self.__dict__["_path"], name) if part)
        return mirror.link, mirror.number, path, f"{self.__dict__['_type_name']}.{name or 'forward'}"

    def _get_name(self) -> str:
        return str(self.__dict__["_type_name"])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the student's module."""
        link, number, path, label = self._ask("")
        return link.invoke(number, path, label, args, kwargs)

    def train(self, mode: bool = True) -> "RemoteModule":
        super().train(mode)
        link, number, path, label = self._ask("train")
        link.invoke(number, path, label, (mode,), {})
        return self

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_"):
                raise
        link, number, path, label = self._ask(name)
        return link.get(number, path, label)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor | nn.Module) or "_mirror" not in self.__dict__ or name in self.__dict__:
            super().__setattr__(name, value)
        else:
            link, number, path, label = self._ask(name)
            link.set(number, path, label, value)

    def __deepcopy__(self, _: Any) -> "RemoteModule":
        raise TypeError("a submission's module cannot be copied: construct another and load its state_dict")
