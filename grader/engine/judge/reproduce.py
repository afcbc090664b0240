"""Reproduction of a failing call as Python source that can be pasted."""

import base64
import keyword
import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.engine.judge.session import LogEntry
from grader.engine.sandbox import wire
from grader.engine.sandbox.mirror import RemoteModule
from grader.engine.sandbox.pack import Unpacker, layout
from grader.engine.sandbox.proxy import RemoteObject, RemoteSubmission

_MAX_LITERAL = 2000  # elements of a tensor; a larger one is written as compressed bytes
_MAX_BYTES = 1 << 20  # of all tensors; a larger call has no reproduction
_MAX_INLINE = 40  # characters of an argument; a longer one gets a variable
_DEFAULT_DTYPES = (torch.int64, torch.bool, torch.float32)  # torch.tensor infers these
_DEFAULT_ARRAY_DTYPES = ("int64", "bool", "float64", "complex128")  # numpy.array infers these
_OPERATIONS = {
    "contains": "{1} in {0}",
    "deepcopy": "__import__('copy').deepcopy({0})",
    "equal": "{0} == {1}",
    "following": "next({0})",
    "instance": "isinstance({0}, {1})",
    "item": "{0}[{1}]",
    "iterate": "iter({0})",
    "length": "len({0})",
    "truth": "bool({0})",
}


class _TooLarge(Exception):
    """Raised if the source text would be too large to paste."""


class _Unknown(Exception):
    """Raised for an object of the student's that no call in the log has returned."""


def reproduction(
    module: str, log: Sequence[LogEntry], failing: LogEntry, seed: int, argument_name: Callable[[LogEntry, str], str]
) -> str | None:
    """Return source text whose last statement is the failing call; the statements before it create the arguments.

    Objects of the student's are created by the calls that created them in the test, with the parameters that the test
    set. Returns None if the tensors are too large to write down.
    """
    try:
        return _Writer(module, log, failing, argument_name).text(seed)
    except (_TooLarge, _Unknown):
        return None


class _Writer:
    """The statements that have been written so far, and the state that they leave."""

    def __init__(
        self, module: str, log: Sequence[LogEntry], failing: LogEntry, argument_name: Callable[[LogEntry, str], str]
    ):
        self._module = module
        self._log = log[: next(i for i, entry in enumerate(log) if entry is failing) + 1]
        self._failing = failing
        self._argument_name = argument_name
        self._lines: list[str] = []
        self._taken: set[str] = {"torch", "np", module}
        self._uses_numpy = False
        self._objects: dict[int, str] = {0: module}  # expressions for objects, by number
        self._owners = _owners(self._log)
        self._slots: dict[int, list[str]] = {}  # accesses to parameters and buffers of modules, by number and slot
        self._rng_state: bytes | None = None  # None: as the seed left it
        self._modes = True, "float32"  # grad mode and default dtype
        self._bytes_left = _MAX_BYTES

    def text(self, seed: int) -> str:
        """Return the whole text."""
        target: LogEntry = self._failing
        note = ""
        if isinstance(target.request, wire.Differentiate):
            of = target.request.of
            target = next(e for e in self._log if e.request.id == of)
            note = "  # the failing test differentiates this"
        self._write_calls(self._needed(target), target)
        call = self._call(target)
        numpy = ["import numpy as np"] if self._uses_numpy else []
        head = [*numpy, "import torch", f"import {self._module}", "", f"torch.manual_seed({seed})"]
        return "\n".join([*head, *self._lines, call + note]) + "\n"

    # ------------------------------------------------------------ the calls that are needed

    def _needed(self, target: LogEntry) -> list[LogEntry]:
        """Return the earlier calls that created or changed the objects of a call, in order."""
        wanted = self._objects_of(target)
        chosen: list[LogEntry] = []
        before = self._log[: next(i for i, entry in enumerate(self._log) if entry is target)]
        for entry in reversed(before):
            if isinstance(entry.request, wire.Differentiate):
                continue
            creates = any(number >> 10 == entry.request.id for number in wanted)
            uses = self._objects_of(entry) & wanted - {0}
            changes_nothing = (
                isinstance(entry.reply, wire.Returned) and not entry.reply.modules and self._is_forward(entry)
            )
            if creates or (uses and not changes_nothing):
                chosen.insert(0, entry)
                wanted |= self._objects_of(entry)
        return chosen

    def _objects_of(self, entry: LogEntry) -> set[int]:
        """Return the numbers of the objects that a call uses, and of those whose attributes they are."""
        numbers = _numbers(entry)
        while more := {self._owners[number] for number in numbers if number in self._owners} - numbers:
            numbers |= more
        return numbers

    def _is_forward(self, entry: LogEntry) -> bool:
        if isinstance(entry.request, wire.Get):
            return True
        return isinstance(entry.request, wire.Invoke) and entry.question.label.endswith(".forward")

    def _write_calls(self, entries: Sequence[LogEntry], target: LogEntry) -> None:
        """Write the calls before the target, and what the test changed in their objects."""
        pending: list[str] = []
        rng_state: bytes | None = None  # in the worker
        for entry in self._log:
            rng_state = _rng_state(entry.request) or rng_state
            chosen = entry is target or any(entry is each for each in entries)
            pending += self._updates(entry)
            if chosen:
                self._lines += pending
                pending = []
                drawn = entry.reply.rng if isinstance(entry.reply, wire.Returned) else None
                if drawn is not None and rng_state != self._rng_state and rng_state is not None:
                    self._lines.append(f"torch.set_rng_state({self._packed(bytes(rng_state), torch.uint8)})")
                self._rng_state = drawn or self._rng_state
            if entry is target:
                return
            if chosen:
                self._write(entry)
            if isinstance(entry.reply, wire.Returned):
                rng_state = entry.reply.rng or rng_state
                self._note_slots(entry.reply)

    def _write(self, entry: LogEntry) -> None:
        """Write an earlier call, and name the objects that it returned."""
        found = dict(_objects_in(entry.reply.value)) if isinstance(entry.reply, wire.Returned) else {}
        call = self._call(entry)
        fresh = {access: number for access, number in found.items() if number not in self._objects}
        if fresh and not isinstance(entry.request, wire.Get):
            name = self._variable(entry.question.label.rpartition(".")[2].lower())
            self._lines.append(f"{name} = {call}")
            call = name
        elif not isinstance(entry.request, wire.Get):
            self._lines.append(call)
        for access, number in fresh.items():
            self._objects[number] = call + access

    def _note_slots(self, reply: wire.Returned) -> None:
        """Note the names of the tensors in the modules of a reply."""
        for described in [*_modules_in(reply.value), *reply.modules]:
            names = []
            for place, node in enumerate(described.nodes):
                if node.first == place:
                    tensors = [*node.parameters, *((name, position) for name, position, _ in node.buffers)]
                    names += [_access(f"{node.path}.{name}".lstrip(".")) for name, _ in tensors]
            self._slots[described.number] = names

    # ------------------------------------------------------------ one call

    def _call(self, entry: LogEntry) -> str:
        request = entry.request
        if isinstance(request, wire.Get):
            return self._owner(request.number) + _access(request.path)
        if isinstance(request, wire.Set):
            wanted = self._literal(entry.question.args[0] if entry.question.args else None)
            return f"{self._owner(request.number)}{_access(request.path)} = {wanted}"
        assert isinstance(request, wire.Invoke)
        args = [self._argument(entry, str(i), value) for i, value in enumerate(entry.question.args)]
        if request.number == wire.OPERATIONS:
            return _OPERATIONS[request.path].format(*args)
        args += [f"{k}={self._argument(entry, k, value)}" for k, value in entry.question.kwargs.items()]
        modes = request.context.grad, request.context.dtype
        if modes[0] != self._modes[0]:
            self._lines.append(f"torch.set_grad_enabled({modes[0]})")
        if modes[1] != self._modes[1]:
            self._lines.append(f"torch.set_default_dtype(torch.{modes[1]})")
        self._modes = modes
        return f"{self._owner(request.number)}{_access(request.path)}({', '.join(args)})"

    def _owner(self, number: int) -> str:
        if number not in self._objects:
            raise _Unknown
        return self._objects[number]

    def _updates(self, entry: LogEntry) -> list[str]:
        """Return lines for the changes that the test made to modules before this call."""
        context = getattr(entry.request, "context", None)
        lines = []
        if entry.blob is None:
            raise _TooLarge
        unpacker = Unpacker(bytearray(entry.blob), lambda *_: None)
        for update in context.updates if context else []:
            numbers = None if update.tensor is None else unpacker.numbers(update.tensor)
            if update.number not in self._objects or update.number not in self._slots:
                continue
            owner, slots = self._objects[update.number], self._slots[update.number]
            first, *rest = [owner + slots[slot] for slot in update.slots]
            if numbers is not None and update.placed is wire.Placed.SAME:
                lines.append(f"{first}.data = {self._tensor(numbers)}")
            elif numbers is not None:
                lines.append(f"{first} = torch.nn.Parameter({self._tensor(numbers)})")
                lines += [f"{other} = {first}" for other in rest]
            if numbers is None or not update.requires_grad:
                lines.append(f"{first}.requires_grad_({update.requires_grad})")
        return lines

    # ------------------------------------------------------------ values

    def _argument(self, entry: LogEntry, place: str, value: Any) -> str:
        """Return an argument: written out if it is short, or else the name of a variable that is set before."""
        text = self._literal(value)
        if len(text) <= _MAX_INLINE:
            return text
        name = self._variable(self._argument_name(entry, place).replace(" ", "_"))
        self._lines.append(f"{name} = {text}")
        return name

    def _variable(self, wanted: str) -> str:
        wanted = wanted if wanted.isidentifier() and not keyword.iskeyword(wanted) else "value"
        name, count = wanted, 2
        while name in self._taken:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        return name

    def _literal(self, value: Any) -> str:
        if isinstance(value, Tensor):
            return self._tensor(value.detach()) + (".requires_grad_()" if value.requires_grad else "")
        if isinstance(value, RemoteObject):
            return self._owner(value._number) + _access(value._path)
        if isinstance(value, RemoteModule):
            return self._owner(value.__dict__["_mirror"].number) + _access(value.__dict__["_path"])
        if isinstance(value, RemoteSubmission):
            return self._module
        if isinstance(value, list):
            return f"[{', '.join(map(self._literal, value))}]"
        if isinstance(value, tuple) and not isinstance(value, torch.Size):
            items = f"({', '.join(map(self._literal, value))}{',' if len(value) == 1 else ''})"
            fields = getattr(value, "_fields", None)
            return f"__import__('collections').namedtuple('Result', {fields!r})(*{items})" if fields else items
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{self._literal(k)}: {self._literal(v)}" for k, v in value.items()) + "}"
        if isinstance(value, float):
            return repr(float(value)) if math.isfinite(value) else f"float('{float(value)}')"
        if isinstance(value, int) and not isinstance(value, bool):
            return repr(int(value))
        if type(value).__module__ == "numpy":
            return self._array(value) if isinstance(value, np.ndarray) else self._literal(value.item())
        return repr(value)

    def _array(self, array: "np.ndarray[Any, Any]") -> str:
        if array.size > _MAX_LITERAL or not np.isfinite(array).all():
            return f"{self._tensor(torch.as_tensor(array))}.numpy()"
        self._uses_numpy = True
        self._bytes_left -= array.nbytes
        if self._bytes_left < 0:
            raise _TooLarge
        name = array.dtype.name
        dtype = f", dtype={name if name == 'bool' else f'np.{name}'}"
        if not array.size:
            return f"np.empty({array.shape}{dtype})"
        return f"np.array({array.tolist()!r}{'' if name in _DEFAULT_ARRAY_DTYPES else dtype})"

    def _tensor(self, tensor: Tensor) -> str:
        self._bytes_left -= tensor.numel() * tensor.element_size()
        if self._bytes_left < 0:
            raise _TooLarge
        if tensor.numel() == 0:
            return f"torch.empty({tuple(tensor.shape)}, dtype={tensor.dtype})"
        text = self._numbers(tensor)
        strides = () if tensor.is_contiguous() else layout(tensor)
        if not strides:
            return text
        once = tuple(size if stride else 1 for size, stride in zip(tensor.shape, strides, strict=True))
        if once != tuple(tensor.shape):
            return f"{text}[{', '.join(':' if stride else ':1' for stride in strides)}].expand{tuple(tensor.shape)}"
        return f"torch.empty_strided({once}, {strides}, dtype={tensor.dtype}).copy_({text})"

    def _numbers(self, tensor: Tensor) -> str:
        if tensor.is_complex():
            return f"torch.complex({self._numbers(tensor.real)}, {self._numbers(tensor.imag)})"
        if tensor.numel() <= _MAX_LITERAL:
            text = repr(tensor.tolist())
            if not tensor.isfinite().all():
                text = text.replace("inf", "float('inf')").replace("nan", "float('nan')")
            return f"torch.tensor({text}{'' if tensor.dtype in _DEFAULT_DTYPES else f', dtype={tensor.dtype}'})"
        raw = tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        return f"{self._packed(raw, tensor.dtype)}.reshape({tuple(tensor.shape)})"

    @staticmethod
    def _packed(raw: bytes, dtype: torch.dtype) -> str:
        packed = base64.b85encode(zlib.compress(raw)).decode()
        unpack = f"__import__('zlib').decompress(__import__('base64').b85decode({packed!r}))"
        return f"torch.frombuffer(bytearray({unpack}), dtype={dtype})"


def _access(path: str) -> str:
    """Return a path into a module as Python source: ".blocks[0].norm"."""
    return "".join(f"[{name}]" if name.isdecimal() else f".{name}" for name in path.split(".") if name)


def _rng_state(request: Any) -> bytes | None:
    context: wire.Context | None = getattr(request, "context", None)
    return context.rng if context else None


def _owners(log: Sequence[LogEntry]) -> dict[int, int]:
    """Return, for each object that is an attribute of another, such as a method, the number of the other."""
    found = {}
    for entry in log:
        if isinstance(entry.request, wire.Get) and isinstance(entry.reply, wire.Returned):
            found.update({number: entry.request.number for _, number in _objects_in(entry.reply.value)})
    return found


def _numbers(entry: LogEntry) -> set[int]:
    """Return the numbers of the objects that a call uses."""
    request = entry.request
    numbers = {getattr(request, "number", 0)}
    if isinstance(request, wire.Invoke):
        for arg in [*request.args, *request.kwargs.values()]:
            numbers |= {number for _, number in _objects_in(arg)}
    return numbers - {wire.OPERATIONS}


def _objects_in(value: wire.WireValue, access: str = "") -> Iterator[tuple[str, int]]:
    """Yield for each object of the student's in a value the Python source that accesses it, and its number."""
    match value:
        case wire.WireObject(number=number) | wire.WireModule(number=number):
            yield access, number
        case wire.WireList(items) | wire.WireTuple(items):
            for place, item in enumerate(items):
                yield from _objects_in(item, f"{access}[{place}]")
        case wire.WireDict(keys, values):
            for key, item in zip(keys, values, strict=True):
                if isinstance(key, str | int):
                    yield from _objects_in(item, f"{access}[{key!r}]")


def _modules_in(value: wire.WireValue) -> Iterator[wire.WireModule]:
    match value:
        case wire.WireModule():
            yield value
        case wire.WireList(items) | wire.WireTuple(items):
            for item in items:
                yield from _modules_in(item)
        case wire.WireDict(_, values):
            for item in values:
                yield from _modules_in(item)
