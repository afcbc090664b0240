"""Carries out requests on a module: the student's in a worker; the reference or a known mistake in the judge.

The student's objects stay here and are sent as numbers. In a worker, what this side reports (the type of an exception,
which argument changed) cannot be trusted, since the student's code runs in the same process.
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
from grader.engine.sandbox.describe import is_public, name_of, shorten
from grader.engine.sandbox.exceptions import describe_exception
from grader.engine.sandbox.generator import generator_state, set_generator_state
from grader.engine.sandbox.memory import MAX_STORAGE
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

_OWN_FILES = {__file__, modules.__file__, objects.__file__, source.__file__}  # their frames are not counted


@dataclass(frozen=True)
class _Record:
    """A call whose results may be differentiated."""

    inputs: list[Tensor]
    outputs: list[Tensor]


@dataclass(frozen=True)
class _Arguments:
    """The arguments of a call. `inputs` are all tensors by which its results may be differentiated."""

    args: list[Any]
    kwargs: dict[str, Any]
    inputs: list[Tensor]
    tensors: list[Tensor]  # of the arguments

    def fingerprints(self) -> dict[str, Any]:
        """Return a fingerprint of each argument by its position or keyword, to detect a change in place."""
        named = {str(position): arg for position, arg in enumerate(self.args)} | self.kwargs
        return {name: fingerprint(arg) for name, arg in named.items()}


class Executor:
    """Holds a module and carries out requests on it."""

    def __init__(self, limit: int, module: types.ModuleType | None = None):
        """`limit` bounds the bytes of tensors in one reply. A request may load the module later."""
        self.files: set[str] = set()  # names of the student's files, as in tracebacks
        self._limit = limit
        self._objects = objects.ObjectTable(module)
        self._modules = modules.MirroredModules(self._objects.by_number)
        self._records: dict[int, _Record] = {}
        self._given: dict[int, weakref.ref[Tensor]] = {}  # arguments that require grad, by id()
        self._rng = generator_state()  # that the judge knows

    def handle(self, request: Question, blob: Blob) -> tuple[Reply, list[Any]]:
        """Carry out a request, and return the reply and the buffers of its blob."""
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
            return describe_exception(0, error, self.files, _OWN_FILES)
        return Loaded(
            {
                name: callable(value) and not isinstance(value, nn.Module)
                for name, value in list(vars(module).items())
                if is_public(name) and not isinstance(value, types.ModuleType)
            }
        )

    def begin(self, seed: int) -> None:
        """Begin a test: forget all objects, and seed the random generators."""
        self._objects.clear()
        self._modules.clear()
        self._records.clear()
        self._given.clear()
        torch.default_generator.manual_seed(seed)  # torch.manual_seed formats the stack, for CUDA
        self._rng = generator_state()
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed % (1 << 32))
        torch.set_grad_enabled(True)

    # ------------------------------------------------------------ requests

    def _answer(self, request: Any, blob: Blob, carry_out: Any) -> tuple[Reply, list[Any]]:
        """Return the reply of `carry_out`, or one for the exception that it raises."""
        self._objects.last = request.id << 10  # so that a number shows which answer it came with
        try:
            reply, blobs = carry_out(request, blob)
        except objects.MissingAttribute as missing:
            return NoSuchName(request.id, missing.path, missing.names), []
        except WireError as error:
            return Unsendable(request.id, str(error)), []
        except BaseException as error:
            return describe_exception(request.id, error, self.files, _OWN_FILES), []
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
        self._objects.last_call = objects.NO_CALL  # frees the result of the previous call
        given = self._arguments(request, blob)
        function = self._objects.resolve(request.number, request.path)
        before = given.fingerprints()
        try:
            with _modes(request.context):
                result = function(*given.args, **given.kwargs)
        except TypeError as error:
            if _fits(function, given.args, given.kwargs):
                raise
            signature = shorten(str(inspect.signature(function)), 1000)
            return describe_exception(request.id, error, self.files, _OWN_FILES, signature), []
        after = given.fingerprints()
        changed = [name for name in after if after[name] != before[name]]
        tensors = given.tensors if len(blob) <= MAX_STORAGE else []  # large arguments are not kept
        return self._returned(request.id, result, given.inputs, changed, tensors)

    def _enter(self, context: Context, unpacker: Unpacker) -> list[Tensor]:
        """Set this side to the judge's state, and return the tensors of modules that are differentiated."""
        for released in context.released:
            self._records.pop(released, None)
        if context.rng is not None:
            set_generator_state(context.rng)
            self._rng = generator_state()
        return self._modules.update(context, unpacker)

    def _differentiate(self, request: Differentiate, blob: Blob) -> tuple[Reply, list[Any]]:
        record = self._records[request.of]
        unpacker = Unpacker(blob, self._find)
        grads = [None if grad is None else unpacker.tensor(grad) for grad in request.grads]
        for tensor in unpacker.differentiable:
            tensor.requires_grad_()
        pairs = [(out, grad) for out, grad in zip(record.outputs, grads, strict=True) if grad is not None]
        # The sum of out * grad has the wanted gradients. With grad_outputs torch would import sympy, for 0.3 s.
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
        """Return the reply with a result. `arguments` are the tensors in a call's arguments, None for no call."""
        packer = Packer(self._keep, self._limit, inputs)
        snapshots = dict(self._modules.snapshots)
        try:
            value = packer.value(result)
            updated = self._modules.changed(packer)
        except BaseException:
            self._modules.snapshots = snapshots  # the judge does not get the new ones
            raise
        if packer.differentiable and inputs:
            self._records[id_] = _Record(inputs, packer.differentiable)
        earlier = not inputs and self._depends_on_earlier(packer.differentiable)
        rng = generator_state()
        drawn = rng if rng != self._rng else None
        self._rng = rng
        if arguments is not None:
            results = packer.tensors if packer.size <= MAX_STORAGE else []
            self._objects.last_call = objects.LastCall(value, results, arguments, drawn is None)
        return Returned(id_, value, changed, updated, drawn, earlier), packer.blobs

    def _depends_on_earlier(self, results: list[Tensor]) -> bool:
        """Return whether results were computed from the arguments of an earlier call."""
        waiting = [tensor.grad_fn for tensor in results]
        seen = set(waiting)
        while waiting:
            node = waiting.pop()
            variable = getattr(node, "variable", None)  # of a leaf's node
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
        """Return the wire form of an object that stays here."""
        number = self._objects.number(value)
        if isinstance(value, nn.Module):
            return self._modules.describe(number, packer)
        return WireObject(number, name_of(type(value)))


def _fits(function: Any, args: list[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether a function's signature accepts these arguments."""
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
    """Set grad mode and default dtype as in the judge, and undo what the student's code set after the call."""
    dtype = torch.get_default_dtype()
    if context.dtype != "float32":  # the default, unless a test sets another
        torch.set_default_dtype(DTYPES[context.dtype])
    torch.set_grad_enabled(context.grad)
    try:
        yield
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(dtype)
