"""Carries out requests on a module: in a worker on the student's, in the judge on a known mistake of the reference.

The student's objects stay here, by number; what crosses is plain. What this side says of itself (an exception's type,
which argument changed) is the student's word where the module is theirs, since their code shares this process.
"""

import builtins
import copy
import inspect
import operator
import random
import sys
import types
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from grader.sandbox import source
from grader.sandbox.describe import arguments_of, cut, is_public, message_of, name_of, position_of, see
from grader.sandbox.large import Blob
from grader.sandbox.look import Look, Slot, fingerprint, look_at, slots_of
from grader.sandbox.pack import DTYPES, Packer, Unpacker
from grader.sandbox.wire import (
    OPERATIONS,
    Context,
    Differentiate,
    Get,
    Invoke,
    Load,
    Loaded,
    Node,
    NoSuchName,
    Placed,
    Question,
    Reply,
    Returned,
    SeenFrame,
    Set,
    Threw,
    Unsendable,
    Update,
    WireError,
    WireModule,
    WireObject,
    WireValue,
)

MODULE = 0  # the number of the module itself
_FRAMES = 20
_OURS = {__file__, source.__file__}  # no frames between the student's


_OPERATIONS = types.SimpleNamespace(
    contains=operator.contains,
    deepcopy=copy.deepcopy,
    equal=operator.eq,
    following=next,
    instance=isinstance,
    item=operator.getitem,
    iterate=iter,
    length=len,
    truth=bool,
)
"""What the judge's stand-ins ask for in place of Python's operators: the attributes of object `OPERATIONS`."""


@dataclass(frozen=True)
class _Record:
    """A call whose results may be differentiated."""

    inputs: list[Tensor]
    outputs: list[Tensor]


class Servant:
    """Holds a module and answers requests about it. `limit` bounds the bytes of tensors in one reply."""

    def __init__(self, limit: int, module: types.ModuleType | None = None):
        self._limit = limit
        self._module = module
        self._files: set[str] = set()  # names of the student's files, as tracebacks have them
        self._objects: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}  # id(object): number
        self._looks: dict[int, Look] = {}  # number: how a module looked when the judge last knew
        self._records: dict[int, _Record] = {}
        self._given: dict[int, weakref.ref[Tensor]] = {}  # id(tensor): an argument that requires grad
        self._homes: dict[tuple[int, int], Tensor] = {}  # object and slot: what gave way to a tensor of the test's
        self._rng = torch.get_rng_state()  # as the judge knows it
        self._next = 0

    def handle(self, request: Question, blob: Blob) -> tuple[Reply, list[Any]]:
        """The reply to a request, and the buffers of its blob."""
        match request:
            case Load():
                return self._load(request), []
            case Invoke():
                return self._answer(request, blob, self._invoke)
            case Differentiate():
                return self._answer(request, blob, self._differentiate)
            case Get():
                return self._answer(request, blob, self._get)
            case Set():
                return self._answer(request, blob, self._set)

    # ------------------------------------------------------------ loading

    def _load(self, request: Load) -> Reply:
        source.install(request.others, self._files)
        try:
            self._module = source.execute(request.name, request.source, self._files)
        except BaseException as error:
            return self._threw(0, error)
        return Loaded(
            {
                name: callable(value) and not isinstance(value, nn.Module)
                for name, value in list(vars(self._module).items())
                if is_public(name) and not isinstance(value, types.ModuleType)
            }
        )

    def begin(self, seed: int) -> None:
        """A test begins: forgets all objects and seeds the generators."""
        self._objects.clear()
        self._numbers.clear()
        self._looks.clear()
        self._records.clear()
        self._given.clear()
        self._homes.clear()
        torch.default_generator.manual_seed(seed)  # torch.manual_seed formats the stack, for CUDA
        self._rng = torch.get_rng_state()
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed % (1 << 32))
        torch.set_grad_enabled(True)

    # ------------------------------------------------------------ requests

    def _answer(self, request: Any, blob: Blob, carry_out: Any) -> tuple[Reply, list[Any]]:
        self._next = request.id << 10
        try:
            reply, blobs = carry_out(request, blob)
        except _NoName as missing:
            return NoSuchName(request.id, missing.path, missing.names), []
        except WireError as error:
            return Unsendable(request.id, str(error)), []
        except BaseException as error:
            return self._threw(request.id, error), []
        return reply, blobs

    def _invoke(self, request: Invoke, blob: Blob) -> tuple[Reply, list[Any]]:
        unpacker = Unpacker(blob, self._find, layout=True)
        parameters = self._enter(request.context, unpacker)
        args = [unpacker.value(arg) for arg in request.args]
        kwargs = {name: unpacker.value(arg) for name, arg in request.kwargs.items()}
        for tensor in unpacker.differentiable:
            tensor.requires_grad_()
            self._given[id(tensor)] = weakref.ref(tensor)
        inputs = unpacker.differentiable + parameters
        function = self._resolve(request.number, request.path)

        named = [(str(i), arg) for i, arg in enumerate(args)] + list(kwargs.items())
        before = [fingerprint(arg) for _, arg in named]
        try:
            with _modes(request.context):
                result = function(*args, **kwargs)
        except TypeError as error:
            if self._fits(function, args, kwargs):
                raise
            return self._threw(request.id, error, signature=cut(str(inspect.signature(function)), 1000)), []
        changed = [name for (name, arg), was in zip(named, before, strict=True) if fingerprint(arg) != was]
        return self._returned(request.id, result, inputs, changed)

    def _enter(self, context: Context, unpacker: Unpacker) -> list[Tensor]:
        """Brings this side to the judge's state, and returns the tensors of modules that are differentiated."""
        for released in context.released:
            self._records.pop(released, None)
        if context.rng is not None:
            self._rng = torch.frombuffer(bytearray(context.rng), dtype=torch.uint8)
            torch.set_rng_state(self._rng)
        updated = {update.number for update in context.updates}
        concerned = updated | {number for number, _ in context.parameters}
        slots = {number: slots_of(self._objects[number]) for number in concerned}
        for update in context.updates:
            self._update(update, slots[update.number], unpacker)
        for number in updated:
            self._looks[number] = look_at(self._objects[number])
        return [holder[name] for holder, name in (slots[number][slot] for number, slot in context.parameters)]

    def _update(self, update: Update, slots: list[Slot], unpacker: Unpacker) -> None:
        """Puts a tensor that changed in the judge into its module, whose slots are these."""
        numbers = None if update.tensor is None else unpacker.numbers(update.tensor)
        if not update.slots:  # in a replay: the submission has a tensor that this module has not
            return
        for slot in update.slots:
            holder, name = slots[slot]
            if update.placed is Placed.NEW:
                self._homes.setdefault((update.number, slot), holder[name])
            elif update.placed is Placed.BACK:
                holder[name] = self._homes.pop((update.number, slot))
        holder, name = slots[update.slots[0]]
        target = holder[name]
        if update.placed is Placed.NEW and numbers is not None:
            target = nn.Parameter(numbers.clone(), False) if isinstance(target, nn.Parameter) else numbers.clone()
            for slot in update.slots:
                holder, name = slots[slot]
                holder[name] = target
        elif numbers is not None and (target.dtype, target.shape) == (numbers.dtype, numbers.shape):
            with torch.no_grad():
                target.copy_(numbers)
        elif numbers is not None:
            target.data = numbers.clone()
        target.requires_grad_(update.requires_grad)

    def _differentiate(self, request: Differentiate, blob: Blob) -> tuple[Reply, list[Any]]:
        record = self._records[request.of]
        unpacker = Unpacker(blob, self._find)
        grads = [None if grad is None else unpacker.tensor(grad) for grad in request.grads]
        for tensor in unpacker.differentiable:
            tensor.requires_grad_()
        pairs = [(out, grad) for out, grad in zip(record.outputs, grads, strict=True) if grad is not None]
        # <out, grad> has the gradients asked for; given as grad_outputs they would make torch import sympy, 0.3 s
        products = [(out * grad.conj()).sum() for out, grad in pairs]
        result = torch.autograd.grad(
            [p.real if p.is_complex() else p for p in products],
            record.inputs,
            retain_graph=True,
            create_graph=request.create_graph,
            allow_unused=True,
        )
        return self._returned(request.id, list(result), unpacker.differentiable + record.inputs, [])

    def _get(self, request: Get, blob: Blob) -> tuple[Reply, list[Any]]:
        inputs = self._enter(request.context, Unpacker(blob, self._find))
        with _modes(request.context):
            value = self._resolve(request.number, request.path)
        return self._returned(request.id, value, inputs, [])

    def _set(self, request: Set, blob: Blob) -> tuple[Reply, list[Any]]:
        unpacker = Unpacker(blob, self._find, layout=True)
        self._enter(request.context, unpacker)
        path, _, name = request.path.rpartition(".")
        setattr(self._resolve(request.number, path), name, unpacker.value(request.value))
        return self._returned(request.id, None, [], [])

    def _returned(self, id_: int, result: Any, inputs: list[Tensor], changed: list[str]) -> tuple[Reply, list[Any]]:
        packer = Packer(lambda kept: self._keep(kept, packer), self._limit, inputs)
        looks = dict(self._looks)
        try:
            value = packer.value(result)
            modules = [
                self._describe(number, packer)
                for number, look in list(self._looks.items())
                if not look_at(self._objects[number]).same(look)
            ]
        except BaseException:
            self._looks = looks  # the judge will not hear of the new ones
            raise
        if packer.differentiable and inputs:
            self._records[id_] = _Record(inputs, packer.differentiable)
        earlier = not inputs and self._depends_on_earlier(packer.differentiable)
        rng = torch.get_rng_state()
        drawn = rng.numpy().tobytes() if not torch.equal(rng, self._rng) else None
        self._rng = rng
        return Returned(id_, value, changed, modules, drawn, earlier), packer.blobs

    def _depends_on_earlier(self, results: list[Tensor]) -> bool:
        """Whether results were computed from what an earlier call was given."""
        waiting = [tensor.grad_fn for tensor in results]
        seen = set(waiting)
        while waiting:
            node = waiting.pop()
            variable = getattr(node, "variable", None)  # of a node that stands for a leaf
            if variable is not None and id(variable) in self._given and self._given[id(variable)]() is variable:
                return True
            following = {each for each, _ in getattr(node, "next_functions", ()) if each is not None} - seen
            seen |= following
            waiting += following
        return False

    # ------------------------------------------------------------ objects

    def _find(self, wire: WireObject | WireModule, _: Unpacker) -> Any:
        return self._resolve(wire.number, wire.path if isinstance(wire, WireObject) else "")

    def _keep(self, value: Any, packer: Packer) -> WireValue:
        """The wire form of an object that stays here."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._next = self._next + 1
            self._numbers[id(value)] = number
            self._objects[number] = value
        if isinstance(value, nn.Module):
            return self._describe(number, packer)
        return WireObject(number, name_of(type(value)))

    def _describe(self, number: int, packer: Packer) -> WireModule:
        module = self._objects[number]
        old, look = self._looks.get(number), look_at(module)
        self._looks[number] = look
        self._homes = {key: home for key, home in self._homes.items() if key[0] != number}
        known = {} if old is None else {state: place for place, state in enumerate(old.states)}
        places = {id(tensor): place for place, tensor in enumerate(look.tensors)}
        firsts: dict[int, int] = {}
        nodes = [
            Node(
                path,
                firsts.setdefault(id(child), place),
                name_of(type(child)),
                next(base.__name__ for base in type(child).__mro__ if getattr(nn, base.__name__, None) is base),
                bool(child.training),
                [(name, places[id(p)]) for name, p in child._parameters.items() if p is not None],
                [
                    (name, places[id(b)], name not in child._non_persistent_buffers_set)
                    for name, b in child._buffers.items()
                    if b is not None
                ],
            )
            for place, (path, child) in enumerate(module.named_modules(remove_duplicate=False))
        ]
        states = zip(look.states, look.tensors, strict=True)
        return WireModule(number, nodes, [known[s] if s in known else packer.numbers(t) for s, t in states])

    def _resolve(self, number: int, path: str) -> Any:
        value = {MODULE: self._module, OPERATIONS: _OPERATIONS}.get(number) or self._objects[number]
        for name in path.split(".") if path else []:
            try:
                value = getattr(value, name)
            except AttributeError as error:
                known = [n for n in dir(value) if is_public(n)]
                if name in known:
                    raise  # a property of the student's that raises
                raise _NoName(path, known[:1000]) from error
        return value

    @staticmethod
    def _fits(function: Any, args: list[Any], kwargs: Mapping[str, Any]) -> bool:
        """Whether a function's signature takes these arguments."""
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # builtins have none
            return True
        try:
            signature.bind(*args, **kwargs)
        except TypeError:
            return False
        return True

    # ------------------------------------------------------------ exceptions

    def _threw(self, id_: int, error: BaseException, signature: str | None = None) -> Threw:
        kind = type(error)
        mro = type.__dict__["__mro__"].__get__(kind)
        bases = [name for base in mro if getattr(builtins, name := name_of(base), None) is base]
        try:
            frames, hidden = self._frames(error)
        except BaseException:  # the student's objects may resist being looked at
            frames, hidden = [], 0
        return Threw(id_, name_of(kind), bases, message_of(error), frames, hidden, signature, arguments_of(error))

    def _frames(self, error: BaseException) -> tuple[list[SeenFrame], int]:
        """The frames of the student's code, innermost last, and how many others there were."""
        own: list[types.TracebackType] = []
        hidden = 0
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._files:
                own.append(trace)
            elif trace.tb_frame.f_code.co_filename not in _OURS:
                hidden += 1
            trace = trace.tb_next
        last = own[-_FRAMES:]
        frames = [see(trace.tb_frame, trace.tb_lineno, position_of(trace), trace is own[-1]) for trace in last]
        return frames, hidden + len(own[:-_FRAMES])

    def student_frame(self, frame: types.FrameType | None) -> types.FrameType | None:
        """The innermost frame of the student's code, from `frame` outwards."""
        while frame is not None and frame.f_code.co_filename not in self._files:
            frame = frame.f_back
        return frame


class _NoName(Exception):
    def __init__(self, path: str, names: list[str]):
        self.path = path
        self.names = names


@contextmanager
def _modes(context: Context) -> Iterator[None]:
    """Grad mode and default dtype as they are in the judge. Whatever the student's code sets ends with the call."""
    dtype = torch.get_default_dtype()
    if context.dtype != "float32":  # what the judge has unless a test sets another
        torch.set_default_dtype(DTYPES[context.dtype])
    torch.set_grad_enabled(context.grad)
    try:
        yield
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(dtype)
