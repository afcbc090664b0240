"""The student's `nn.Module`s in the judge: stand-ins that are modules too, and whose tensors mirror theirs."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

import torch
from torch import Tensor, nn

from grader.base.errors import UsageError
from grader.engine.sandbox.pack import Packer, Unpacker, checksum
from grader.engine.sandbox.wire import OPERATIONS, Node, Placed, Update, WireError, WireModule, WireTensor

if TYPE_CHECKING:
    from grader.engine.sandbox.proxy import Link


def joined(path: str, name: str) -> str:
    """The path of an attribute of what stands at `path`; "" is the object itself."""
    return f"{path}.{name}" if path and name else path or name


def distinct(tensors: list[Tensor]) -> list[tuple[int, Tensor]]:
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


class Mirror:
    """A module of the worker: the tree of stand-ins, and which of their tensors the worker knows.

    A slot is a place where a tensor stands: a name in the parameters or buffers of a module of the tree.
    """

    def __init__(self, link: "Link", number: int):
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
        """Takes over how the module looks in the worker now. Its tensors stay the same objects.

        WireError where it has tensors that were never sent; the rest was checked when it arrived.
        """
        before = [tensor for _, tensor in distinct([known.tensor for known in self._known])]
        if not all(0 <= tensor < len(before) for tensor in wire.tensors if isinstance(tensor, int)):
            raise WireError("a module of tensors that were never sent")
        fresh = [None if isinstance(tensor, int) else unpacker.numbers(tensor) for tensor in wire.tensors]
        made: dict[int, Tensor] = {}  # by position in `wire.tensors`
        taken: set[int] = set()  # ids of what was made
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
                    old = None if id(old) in taken else old
                    made[position] = _renewed(old, numbers, described, kind)
                taken.add(id(made[position]))
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


def _renewed(old: Any, numbers: Tensor, wire: WireTensor, kind: type[Tensor]) -> Tensor:
    """The mirror of a tensor: the old one with new numbers, or a new one."""
    differentiable = numbers.is_floating_point() or numbers.is_complex()
    if not isinstance(old, kind) or not (differentiable or old.is_leaf):
        old = nn.Parameter(numbers, False) if kind is nn.Parameter else numbers.clone()  # lest a buffer be a view
    elif (old.dtype, old.shape) == (numbers.dtype, numbers.shape):
        old.copy_(numbers)
    else:
        if not differentiable:
            old.requires_grad_(False)
        old.data = numbers.clone()
    return old.requires_grad_(wire.requires_grad and differentiable) if old.is_leaf else old  # type: ignore[no-any-return]


class RemoteModule(nn.Module):
    """A stand-in for a module of the student's, or for a part of one. Its parameters are mirrors of theirs."""

    def __init__(self, mirror: Mirror, path: str, type_name: str):
        nn.Module.__init__(self)  # and not that of the layer which a subclass stands for
        self.__dict__.update(_mirror=mirror, _path=path, _type_name=type_name)

    @property
    def _link(self) -> "Link":
        return self.__dict__["_mirror"].link  # type: ignore[no-any-return]

    def _at(self, name: str) -> tuple[int, str, str]:
        """Object, path and label of an attribute."""
        path = joined(self.__dict__["_path"], name)
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
