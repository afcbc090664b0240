"""Carries out requests on a module: in a worker on the student's, in the judge on a known mistake of the reference.

The student's objects stay here, by number; what crosses is plain. What this side says of itself (an exception's type,
which argument changed) is the student's word where the module is theirs, since their code shares this process.
"""

import inspect
import random
import sys
import types
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from grader.base.outline import outline
from grader.engine.sandbox import modules, objects, source
from grader.engine.sandbox.describe import cut, is_public, name_of
from grader.engine.sandbox.exceptions import threw
from grader.engine.sandbox.memory import MOST
from grader.engine.sandbox.pack import DTYPES, Packer, Unpacker
from grader.engine.sandbox.shared_memory import Blob
from grader.engine.sandbox.snapshot import fingerprint
from grader.engine.sandbox.wire import (
    Context,
    Differentiate,
    Get,
    Invoke,
    Load,
    Loaded,
    NoSuchName,
    NothingToRun,
    Question,
    Reply,
    Returned,
    Set,
    Unsendable,
    WireError,
    WireModule,
    WireObject,
    WireValue,
)

_OURS = {__file__, modules.__file__, objects.__file__, source.__file__}  # no frames between the student's


@dataclass(frozen=True)
class _Record:
    """A call whose results may be differentiated."""

    inputs: list[Tensor]
    outputs: list[Tensor]


@dataclass(frozen=True)
class _Arguments:
    """What a call is given. `inputs` are all tensors by which its results may be differentiated."""

    args: list[Any]
    kwargs: dict[str, Any]
    inputs: list[Tensor]
    tensors: list[Tensor]  # of the arguments

    @property
    def named(self) -> list[tuple[str, Any]]:
        """Each by its place or keyword."""
        return [(str(place), arg) for place, arg in enumerate(self.args)] + list(self.kwargs.items())

    def look(self) -> list[Any]:
        """What changes with an argument that is changed in place."""
        return [fingerprint(arg) for _, arg in self.named]


class Servant:
    """Holds a module and answers requests about it. `limit` bounds the bytes of tensors in one reply."""

    def __init__(self, limit: int, module: types.ModuleType | None = None):
        self.files: set[str] = set()  # names of the student's files, as tracebacks have them
        self._limit = limit
        self._objects = objects.Objects(module)
        self._modules = modules.Modules(self._objects.by_number)
        self._records: dict[int, _Record] = {}
        self._given: dict[int, weakref.ref[Tensor]] = {}  # id(tensor): an argument that requires grad
        self._rng = torch.get_rng_state()  # as the judge knows it

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
        source.install(request.others, self.files)
        code = request.code
        if request.examine:
            fault, _, unwritten, code = outline(request.source, f"{request.name}.py")
            if fault is not None or unwritten is not None:
                return NothingToRun(*(fault or (None, unwritten, None)))
        try:
            module = self._objects.module = source.execute(request.name, request.source, self.files, code=code)
        except BaseException as error:
            return threw(0, error, self.files, _OURS)
        return Loaded(
            {
                name: callable(value) and not isinstance(value, nn.Module)
                for name, value in list(vars(module).items())
                if is_public(name) and not isinstance(value, types.ModuleType)
            }
        )

    def begin(self, seed: int) -> None:
        """A test begins: forgets all objects and seeds the generators."""
        self._objects.clear()
        self._modules.clear()
        self._records.clear()
        self._given.clear()
        torch.default_generator.manual_seed(seed)  # torch.manual_seed formats the stack, for CUDA
        self._rng = torch.get_rng_state()
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed % (1 << 32))
        torch.set_grad_enabled(True)

    # ------------------------------------------------------------ requests

    def _answer(self, request: Any, blob: Blob, carry_out: Any) -> tuple[Reply, list[Any]]:
        self._objects.last = request.id << 10  # so that a number tells which answer it came with
        try:
            reply, blobs = carry_out(request, blob)
        except objects.NoName as missing:
            return NoSuchName(request.id, missing.path, missing.names), []
        except WireError as error:
            return Unsendable(request.id, str(error)), []
        except BaseException as error:
            return threw(request.id, error, self.files, _OURS), []
        return reply, blobs

    def _arguments(self, request: Invoke, blob: Blob) -> _Arguments:
        unpacker = Unpacker(blob, self._find, layout=True)
        parameters = self._enter(request.context, unpacker)
        args = [unpacker.value(arg) for arg in request.args]
        kwargs = {name: unpacker.value(arg) for name, arg in request.kwargs.items()}
        for tensor in unpacker.differentiable:
            tensor.requires_grad_()
            self._given[id(tensor)] = weakref.ref(tensor)
        return _Arguments(args, kwargs, unpacker.differentiable + parameters, unpacker.tensors)

    def _invoke(self, request: Invoke, blob: Blob) -> tuple[Reply, list[Any]]:
        self._objects.last_call = objects.NO_CALL  # what the former one returned is free to go
        given = self._arguments(request, blob)
        function = self._objects.resolve(request.number, request.path)
        before = given.look()
        try:
            with _modes(request.context):
                result = function(*given.args, **given.kwargs)
        except TypeError as error:
            if _fits(function, given.args, given.kwargs):
                raise
            signature = cut(str(inspect.signature(function)), 1000)
            return threw(request.id, error, self.files, _OURS, signature), []
        after = given.look()
        changed = [name for (name, _), was, now in zip(given.named, before, after, strict=True) if now != was]
        tensors = given.tensors if len(blob) <= MOST else []  # what is large is not held
        return self._returned(request.id, result, given.inputs, changed, tensors)

    def _enter(self, context: Context, unpacker: Unpacker) -> list[Tensor]:
        """Brings this side to the judge's state, and returns the tensors of modules that are differentiated."""
        for released in context.released:
            self._records.pop(released, None)
        if context.rng is not None:
            self._rng = torch.frombuffer(bytearray(context.rng), dtype=torch.uint8)
            torch.set_rng_state(self._rng)
        return self._modules.update(context, unpacker)

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
            value = self._objects.resolve(request.number, request.path)
        return self._returned(request.id, value, inputs, [])

    def _set(self, request: Set, blob: Blob) -> tuple[Reply, list[Any]]:
        unpacker = Unpacker(blob, self._find, layout=True)
        self._enter(request.context, unpacker)
        path, _, name = request.path.rpartition(".")
        setattr(self._objects.resolve(request.number, path), name, unpacker.value(request.value))
        return self._returned(request.id, None, [], [])

    def _returned(
        self,
        id_: int,
        result: Any,
        inputs: list[Tensor],
        changed: list[str],
        arguments: Sequence[Tensor] | None = None,
    ) -> tuple[Reply, list[Any]]:
        """The answer to a question. `arguments` are the tensors that went into a call; None: it was none."""
        packer = Packer(lambda kept: self._keep(kept, packer), self._limit, inputs)
        looks = dict(self._modules.looks)
        try:
            value = packer.value(result)
            told = self._modules.changed(packer)
        except BaseException:
            self._modules.looks = looks  # the judge will not hear of the new ones
            raise
        if packer.differentiable and inputs:
            self._records[id_] = _Record(inputs, packer.differentiable)
        earlier = not inputs and self._depends_on_earlier(packer.differentiable)
        rng = torch.get_rng_state()
        drawn = rng.numpy().tobytes() if not torch.equal(rng, self._rng) else None
        self._rng = rng
        if arguments is not None:
            results = packer.tensors if packer.size <= MOST else []
            self._objects.last_call = objects.LastCall(value, results, arguments, drawn is None)
        return Returned(id_, value, changed, told, drawn, earlier), packer.blobs

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
        return self._objects.resolve(wire.number, wire.path if isinstance(wire, WireObject) else "")

    def _keep(self, value: Any, packer: Packer) -> WireValue:
        """The wire form of an object that stays here."""
        number = self._objects.number(value)
        if isinstance(value, nn.Module):
            return self._modules.describe(number, packer)
        return WireObject(number, name_of(type(value)))


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
