"""Stand-ins in the judge for the student's `nn.Module`s: modules themselves, whose tensors mirror the student's."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, Protocol, Self

import torch
from torch import Tensor, nn

from grader.base.errors import UsageError
from grader.engine.sandbox.pack import Packer, Unpacker, checksum
from grader.engine.sandbox.wire import OPERATIONS, Node, Placed, Update, WireError, WireModule, WireTensor


class RemoteAccess(Protocol):
    """Access to the objects of a worker by their numbers, as `proxy.Link` provides it."""

    def invoke(self, number: int, path: str, label: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an object or its attribute at `path`."""
        ...

    def get(self, number: int, path: str, label: str) -> Any:
        """Return an attribute."""
        ...

    def set(self, number: int, path: str, label: str, value: Any) -> None:
        """Set an attribute."""
        ...


def join_path(path: str, name: str) -> str:
    """Return the path of an attribute of the object at `path`; "" is the object itself."""
    return f"{path}.{name}" if path and name else path or name


def distinct(tensors: list[Tensor]) -> list[tuple[int, Tensor]]:
    """Return the distinct tensors, each with its first position."""
    firsts: dict[int, tuple[int, Tensor]] = {}
    for position, tensor in enumerate(tensors):
        firsts.setdefault(id(tensor), (position, tensor))
    return list(firsts.values())


class _Known(NamedTuple):
    """The tensor of a slot as the worker knows it."""

    tensor: Tensor
    checksum: tuple[Any, ...]
    requires_grad: bool

    @classmethod
    def now(cls, tensor: Tensor) -> "_Known":
        return cls(tensor, checksum(tensor), tensor.requires_grad)


class _NewSlot(NamedTuple):
    """A slot that a reply describes, and the mirror that was there before."""

    holder: dict[str, Any]
    name: str
    position: int  # of the tensor in the reply
    old: Tensor | None
    kind: type[Tensor]


class Mirror:
    """A module of the worker: the tree of its stand-ins, and which of their tensors the worker knows.

    A slot is a place for a tensor: a name among the parameters or buffers of a module of the tree.
    """

    def __init__(self, link: RemoteAccess, number: int):
        self.link = link
        self.number = number
        self._root: RemoteModule | None = None
        self._slots: list[tuple[dict[str, Any], str]] = []
        self._originals: list[Tensor] = []  # the module's own tensor of each slot; the test may put another there
        self._known: list[_Known] = []

    def tensors(self) -> list[Tensor]:
        """Return the tensor of each slot. Raise UsageError if a test put something else there."""
        found = [holder.get(name) for holder, name in self._slots]
        if not all(isinstance(tensor, Tensor) for tensor in found):
            raise UsageError("A test can replace a submission's parameters and buffers only by tensors.")
        return found  # type: ignore[return-value]

    def updates(self, packer: Packer) -> list[Update]:
        """Return what changed in the judge since the worker last knew."""
        updates = []
        tensors = self.tensors()
        slots_by_tensor: dict[int, list[int]] = {}
        for slot, tensor in enumerate(tensors):
            slots_by_tensor.setdefault(id(tensor), []).append(slot)
        known = list(self._known)
        for slots in slots_by_tensor.values():
            before, now = self._known[slots[0]], _Known.now(tensors[slots[0]])
            for slot in slots:
                known[slot] = now
            update = self._update(slots, before, now, packer)
            if update is not None:
                updates.append(update)
        self._known = known
        return updates

    def _update(self, slots: list[int], before: _Known, now: _Known, packer: Packer) -> Update | None:
        """Return the update for the tensor in these slots; None if nothing changed."""
        moved = [slot for slot in slots if self._known[slot].tensor is not now.tensor]
        is_original = all(self._originals[slot] is now.tensor for slot in slots)
        is_sent = bool(moved) or now.checksum != before.checksum
        if not is_sent and now.requires_grad == before.requires_grad:
            return None
        placed = Placed.SAME
        if is_original and moved:
            placed, slots = Placed.BACK, moved
        elif is_sent and not is_original:
            placed = Placed.NEW  # results of the old numbers may still be differentiated
        numbers = packer.numbers(now.tensor) if is_sent else None
        return Update(self.number, slots, numbers, now.requires_grad, placed)

    def renew(self, wire: WireModule, unpacker: Unpacker) -> "RemoteModule":
        """Bring the stand-ins to the module's state in the worker. Its tensors stay the same objects.

        Raise WireError if it refers to tensors that were never sent. The rest was validated when it arrived.
        """
        sent = [tensor for _, tensor in distinct([known.tensor for known in self._known])]
        if not all(0 <= tensor < len(sent) for tensor in wire.tensors if isinstance(tensor, int)):
            raise WireError("a module of tensors that were never sent")
        unchanged: dict[int, Tensor] = {}  # by position in `wire.tensors`
        changed: dict[int, tuple[WireTensor, Tensor]] = {}
        for position, tensor in enumerate(wire.tensors):
            if isinstance(tensor, int):
                unchanged[position] = sent[tensor]
            else:
                changed[position] = tensor, unpacker.numbers(tensor)
        with torch.inference_mode(False), torch.no_grad():  # mirrors outlive the mode in which they are made
            modules = self._renew_tree(wire.nodes)
            self._renew_tensors(modules, unchanged, changed)
        self._root = modules[0][1]
        self._originals = self.tensors()
        self._known = [_Known.now(tensor) for tensor in self._originals]
        return self._root

    def _renew_tree(self, nodes: list[Node]) -> "list[tuple[Node, RemoteModule]]":
        """Reuse or make a stand-in for each module, and return the distinct ones, each with its first node."""
        old = dict(self._root.named_modules()) if self._root is not None else {}
        by_position: list[Any] = []
        by_path: dict[str, Any] = {}
        for position, node in enumerate(nodes):
            if node.first < position:
                module = by_position[node.first]
            else:
                module = old.get(node.path)
                if module is None:
                    module = _stand_in_class(node.type_name, node.layer)(self, node.path, node.type_name)
                module._modules.clear()
                module.__dict__["training"] = node.training
            by_position.append(module)
            by_path[node.path] = module
            parent, _, name = node.path.rpartition(".")
            if node.path:
                by_path[parent]._modules[name] = module
        firsts = zip(nodes, by_position, strict=True)
        return [(node, module) for position, (node, module) in enumerate(firsts) if node.first == position]

    def _renew_tensors(
        self,
        modules: "list[tuple[Node, RemoteModule]]",
        unchanged: dict[int, Tensor],
        changed: dict[int, tuple[WireTensor, Tensor]],
    ) -> None:
        """Put a tensor in each slot: the one that was there, with its new numbers, unless it is in use elsewhere."""
        tensors = dict(unchanged)
        used = {id(tensor) for tensor in tensors.values()}
        slots = [slot for node, module in modules for slot in _reset_slots(module, node)]
        for slot in slots:
            if slot.position not in tensors:
                described, numbers = changed[slot.position]
                old = None if id(slot.old) in used else slot.old
                tensors[slot.position] = _renewed(old, numbers, described, slot.kind)
                used.add(id(tensors[slot.position]))
            slot.holder[slot.name] = tensors[slot.position]
        self._slots = [(slot.holder, slot.name) for slot in slots]
        for _, module in modules:
            if isinstance(module, nn.ParameterList):
                module.__dict__["_size"] = len(module._parameters)
            if isinstance(module, nn.ParameterDict):
                module.__dict__["_keys"] = dict.fromkeys(module._parameters)


def _reset_slots(module: "RemoteModule", node: Node) -> list[_NewSlot]:
    """Empty the parameters and buffers of a stand-in, and return the slots that it gets."""
    parameters, buffers = dict(module._parameters), dict(module._buffers)
    for names in (module._parameters, module._buffers, module._non_persistent_buffers_set):
        names.clear()
    module._non_persistent_buffers_set.update(name for name, _, persistent in node.buffers if not persistent)
    return [
        *(_NewSlot(module._parameters, n, p, parameters.get(n), nn.Parameter) for n, p in node.parameters),
        *(_NewSlot(module._buffers, n, p, buffers.get(n), Tensor) for n, p, _ in node.buffers),
    ]


def _renewed(old: Tensor | None, numbers: Tensor, wire: WireTensor, kind: type[Tensor]) -> Tensor:
    """Return the mirror of a tensor: the old one with new numbers if that is possible, otherwise a new one."""
    differentiable = numbers.is_floating_point() or numbers.is_complex()
    mirror: Any = old
    if not isinstance(mirror, kind) or not (differentiable or mirror.is_leaf):
        mirror = (
            nn.Parameter(numbers, False) if kind is nn.Parameter else numbers.clone()
        )  # a buffer must not be a view
    elif (mirror.dtype, mirror.shape) == (numbers.dtype, numbers.shape):
        mirror.copy_(numbers)
    else:
        if not differentiable:
            mirror.requires_grad_(False)
        mirror.data = numbers.clone()
    if mirror.is_leaf:
        mirror.requires_grad_(wire.requires_grad and differentiable)
    return mirror  # type: ignore[no-any-return]


class RemoteModule(nn.Module):
    """A stand-in for a module of the student's, or for a part of one. Its parameters mirror theirs."""

    def __init__(self, mirror: Mirror, path: str, type_name: str):
        nn.Module.__init__(self)  # skips the __init__ of the layer that a subclass stands for
        self.__dict__.update(_mirror=mirror, _path=path, _type_name=type_name)

    @property
    def _link(self) -> RemoteAccess:
        return self.__dict__["_mirror"].link  # type: ignore[no-any-return]

    def _at(self, name: str) -> tuple[int, str, str]:
        """Return the number of the object, the path and the label of an attribute."""
        path = join_path(self.__dict__["_path"], name)
        return self.__dict__["_mirror"].number, path, f"{self._get_name()}.{name or 'forward'}"

    def _get_name(self) -> str:
        return str(self.__dict__["_type_name"])

    def extra_repr(self) -> str:
        """Return nothing: the attributes that torch's layers print are in the worker."""
        return ""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the student's module."""
        return self._link.invoke(*self._at(""), args, kwargs)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the student's module."""
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
            self._refuse(f"set the module {name!r}")
        elif isinstance(value, Tensor) and (name in self._parameters or name in self._buffers):
            super().__setattr__(name, value)
        elif isinstance(value, nn.Parameter):
            self._refuse(f"add a parameter {name!r}")
        else:
            self._link.set(*self._at(name), value)

    def __delattr__(self, name: str) -> None:
        self._refuse(f"delete {name!r}")

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """Raise UsageError."""
        self._refuse(f"add a module {name!r}")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Replace a buffer. Raise UsageError for a new one."""
        if name not in self._buffers:
            self._refuse(f"add a buffer {name!r}")
        super().register_buffer(name, tensor, persistent)

    def _refuse(self, what: str) -> NoReturn:
        raise UsageError(f"A test cannot {what} in {self._get_name()}, which is a module of the submission.")

    def __deepcopy__(self, _: Any) -> Any:
        return self._link.invoke(OPERATIONS, "deepcopy", self._get_name(), (self,), {})

    def register_forward_pre_hook(self, *args: Any, **kwargs: Any) -> Any:
        """Register a hook on the whole module. Raise UsageError for a part of it."""
        return self._hooked(super().register_forward_pre_hook, args, kwargs)

    def register_forward_hook(self, *args: Any, **kwargs: Any) -> Any:
        """Register a hook on the whole module. Raise UsageError for a part of it."""
        return self._hooked(super().register_forward_hook, args, kwargs)

    def register_full_backward_pre_hook(self, *args: Any, **kwargs: Any) -> Any:
        """Register a hook on the whole module. Raise UsageError for a part of it."""
        return self._hooked(super().register_full_backward_pre_hook, args, kwargs)

    def register_full_backward_hook(self, *args: Any, **kwargs: Any) -> Any:
        """Register a hook on the whole module. Raise UsageError for a part of it."""
        return self._hooked(super().register_full_backward_hook, args, kwargs)

    def _hooked(self, register: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.__dict__["_path"]:
            raise UsageError(
                f"A hook on {self.__dict__['_path']}, a part of a submission's module, would not run, since parts are"
                " called in another process; register it on the whole module."
            )
        return register(*args, **kwargs)


class _Slices:
    """Makes slices of a list of modules: plain lists of the stand-ins."""

    _modules: dict[str, Any]

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice):
            return super().__getitem__(key)  # type: ignore[misc]
        modules = list(self._modules.values())[key]
        return nn.Sequential(*modules) if isinstance(self, nn.Sequential) else nn.ModuleList(modules)


_OVERRIDDEN = {"__setattr__", "__getattr__", "__delattr__", "_apply"}  # methods on which a stand-in relies


@lru_cache(maxsize=256)
def _stand_in_class(type_name: str, layer: str) -> type[RemoteModule]:
    """Return a class with the student's name for it, that is a subclass of the same torch layer as theirs."""
    bases: list[type] = [RemoteModule]
    base = getattr(nn, layer, None)
    if isinstance(base, type) and issubclass(base, nn.Module) and base is not nn.Module:
        own = base.__mro__[: base.__mro__.index(nn.Module)]
        if not any(_OVERRIDDEN & vars(each).keys() for each in own):  # nn.RNN and others have their own
            bases += [_Slices, base] if issubclass(base, nn.ModuleList | nn.Sequential) else [base]
    return type(type_name if type_name.isidentifier() else "Module", tuple(bases), {})
