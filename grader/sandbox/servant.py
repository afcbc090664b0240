"""Carries out requests on a module: in a worker on the student's, in the judge on a known mistake of the reference.

The student's objects stay here, by number; what crosses is plain. What this side says of itself (an exception's type,
which argument changed) is the student's word where the module is theirs, since their code shares this process.
"""

import ast
import builtins
import hashlib
import inspect
import linecache
import random
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from grader.sandbox.wire import (
    Described,
    Differentiate,
    Get,
    Invoke,
    Load,
    Loaded,
    Node,
    NoSuchName,
    NotLoaded,
    Packer,
    Question,
    Reply,
    Returned,
    SeenFrame,
    SeenOperand,
    Set,
    Threw,
    Unpacker,
    Unsendable,
    WireError,
    WireModule,
    WireObject,
    WireValue,
)
from grader.submission.examine import examine

MODULE = 0  # the number of the module itself
_MESSAGE = 100_000  # characters of an exception's message that are sent
_TEXT = 80  # characters of a value's text
_FRAMES = 50


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
        self._modules: dict[int, tuple[Any, ...]] = {}  # number: how a module looked when it was last described
        self._records: dict[int, _Record] = {}
        self._next = 0

    def handle(self, request: Question, blob: bytearray) -> tuple[Reply, list[Any]]:
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
        finding = examine(request.source, f"{request.name}.py")
        if finding is not None:
            return NotLoaded(finding.outcome, finding.message, finding.line, finding.column)
        sys.meta_path.insert(0, _Others(request.others, self._files))
        try:
            self._module = execute(request.name, request.source, self._files)
        except BaseException as error:
            return self._threw(0, error)
        return Loaded(
            {
                name: callable(value)
                for name, value in list(vars(self._module).items())
                if isinstance(name, str) and not name.startswith("_") and not isinstance(value, types.ModuleType)
            }
        )

    def begin(self, seed: int) -> None:
        """A test begins: forgets all objects and seeds the generators."""
        self._objects.clear()
        self._numbers.clear()
        self._modules.clear()
        self._records.clear()
        torch.manual_seed(seed)
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed % (1 << 32))
        torch.set_grad_enabled(True)

    # ------------------------------------------------------------ requests

    def _answer(self, request: Any, blob: bytearray, carry_out: Any) -> tuple[Reply, list[Any]]:
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

    def _invoke(self, request: Invoke, blob: bytearray) -> tuple[Reply, list[Any]]:
        for released in request.released:
            self._records.pop(released, None)
        unpacker = Unpacker(blob, self._find)
        for update in request.updates:
            target = self._tensors(self._objects[update.number])[update.position]
            if update.tensor is not None:
                target.data = unpacker.numbers(update.tensor).clone()
            target.requires_grad_(update.requires_grad)
        args = [unpacker.value(arg) for arg in request.args]
        kwargs = {name: unpacker.value(arg) for name, arg in request.kwargs.items()}
        inputs = unpacker.differentiable
        for tensor in inputs:
            tensor.requires_grad_()
        inputs = inputs + [self._tensors(self._objects[number])[place] for number, place in request.parameters]
        function = self._resolve(request.number, request.path)

        named = [(str(i), arg) for i, arg in enumerate(args)] + list(kwargs.items())
        before = [_fingerprint(arg) for _, arg in named]
        torch.set_grad_enabled(request.grad)
        try:
            result = function(*args, **kwargs)
        except TypeError as error:
            if self._fits(function, args, kwargs):
                raise
            return self._threw(request.id, error, signature=str(inspect.signature(function))), []
        finally:
            torch.set_grad_enabled(True)
        changed = [name for (name, arg), was in zip(named, before, strict=True) if _fingerprint(arg) != was]
        return self._returned(request.id, result, inputs, changed)

    def _differentiate(self, request: Differentiate, blob: bytearray) -> tuple[Reply, list[Any]]:
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

    def _get(self, request: Get, _: bytearray) -> tuple[Reply, list[Any]]:
        return self._returned(request.id, self._resolve(request.number, request.path), [], [])

    def _set(self, request: Set, blob: bytearray) -> tuple[Reply, list[Any]]:
        path, _, name = request.path.rpartition(".")
        setattr(self._resolve(request.number, path), name, Unpacker(blob, self._find).value(request.value))
        return self._returned(request.id, None, [], [])

    def _returned(self, id_: int, result: Any, inputs: list[Tensor], changed: list[str]) -> tuple[Reply, list[Any]]:
        packer = Packer(lambda kept: self._keep(kept, packer), self._limit)
        value = packer.value(result)
        if packer.differentiable and inputs:
            self._records[id_] = _Record(inputs, packer.differentiable)
        modules = [
            self._describe(number, packer)
            for number, looked in list(self._modules.items())
            if _looks(self._objects[number]) != looked
        ]
        return Returned(id_, value, changed, modules), packer.blobs

    # ------------------------------------------------------------ objects

    def _find(self, wire: WireObject | WireModule, _: Unpacker) -> Any:
        return self._module if wire.number == MODULE else self._objects[wire.number]

    def _keep(self, value: Any, packer: Packer) -> WireValue:
        """The wire form of an object that stays here."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._next = self._next + 1
            self._numbers[id(value)] = number
            self._objects[number] = value
        if isinstance(value, nn.Module):
            return self._describe(number, packer)
        return WireObject(number, type(value).__name__, callable(value))

    def _describe(self, number: int, packer: Packer) -> WireModule:
        module = self._objects[number]
        self._modules[number] = _looks(module)
        tensors = self._tensors(module)
        places = {id(tensor): place for place, tensor in enumerate(tensors)}
        nodes = [
            Node(
                path,
                type(child).__name__,
                bool(child.training),
                [(name, places[id(p)]) for name, p in child._parameters.items() if p is not None],
                [
                    (name, places[id(b)], name not in child._non_persistent_buffers_set)
                    for name, b in child._buffers.items()
                    if b is not None
                ],
            )
            for path, child in module.named_modules(remove_duplicate=False)
        ]
        return WireModule(number, nodes, [packer.numbers(tensor) for tensor in tensors])

    @staticmethod
    def _tensors(module: nn.Module) -> list[Tensor]:
        """The distinct parameters and buffers of a module, in the order of their names."""
        return list({id(t): t for t in (*module.parameters(), *module.buffers())}.values())

    def _resolve(self, number: int, path: str) -> Any:
        value = self._module if number == MODULE else self._objects[number]
        for name in path.split(".") if path else []:
            try:
                value = getattr(value, name)
            except AttributeError as error:
                known = [n for n in dir(value) if isinstance(n, str) and not n.startswith("_")]
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
        bases = [base.__name__ for base in kind.__mro__ if getattr(builtins, base.__name__, None) is base]
        frames, hidden = self._frames(error)
        return Threw(id_, kind.__name__, bases, _message(error), frames, hidden, signature)

    def _frames(self, error: BaseException) -> tuple[list[SeenFrame], int]:
        """The frames of the student's code, innermost last, and how many others there were."""
        frames: list[SeenFrame] = []
        hidden = 0
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._files:
                positions = list(trace.tb_frame.f_code.co_positions())
                frames.append(see(trace.tb_frame, trace.tb_lineno, positions[trace.tb_lasti // 2]))
            elif trace.tb_frame.f_code.co_filename != __file__:
                hidden += 1
            trace = trace.tb_next
        return frames[-_FRAMES:], hidden + len(frames[:-_FRAMES])

    def student_frame(self, frame: types.FrameType | None) -> types.FrameType | None:
        """The innermost frame of the student's code, from `frame` outwards."""
        while frame is not None and frame.f_code.co_filename not in self._files:
            frame = frame.f_back
        return frame


class _NoName(Exception):
    def __init__(self, path: str, names: list[str]):
        self.path = path
        self.names = names


class _Others:
    """Imports the student's own earlier exercises, from source text."""

    def __init__(self, sources: Mapping[str, str], files: set[str]):
        self._sources = sources
        self._files = files

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self) if name in self._sources else None  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        execute(module.__name__, self._sources[module.__name__], self._files, module)


def execute(
    name: str, source: str, files: set[str] | None = None, module: types.ModuleType | None = None
) -> types.ModuleType:
    """Runs source text as module `name`, and adds its file name to `files`. Raises whatever the source raises.

    The module stands in `sys.modules` before it runs: dataclasses with postponed annotations look themselves up there.
    """
    file = f"{name}.py"
    if files is not None:
        files.add(file)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    if module is None:
        module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = file
    exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    return module


# ---------------------------------------------------------------- looking at values


def _leaves(value: Any) -> Iterator[bytes | memoryview]:
    """The bytes by which a change of a value can be told."""
    if isinstance(value, Tensor):
        plain = value.detach().contiguous()
        yield repr((plain.dtype, plain.shape)).encode()
        if plain.numel():
            yield memoryview(plain.view(-1).view(torch.uint8).numpy())
    elif isinstance(value, list | tuple):
        yield f"{type(value).__name__}{len(value)}".encode()
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        yield f"dict{len(value)}".encode()
        for key, item in value.items():
            yield repr(key).encode() if isinstance(key, str | int) else b"key"
            yield from _leaves(item)
    elif type(value).__module__ == "numpy" and type(value).__name__ == "ndarray":
        yield value.tobytes()
    elif isinstance(value, int | float | str | bool | None):
        yield repr(value).encode()


def _fingerprint(value: Any) -> bytes | None:
    """A digest of a value that can be changed in place; None for one that cannot."""
    if value is None or isinstance(value, bool | int | float | str):
        return None
    digest = hashlib.blake2b(digest_size=16)
    for leaf in _leaves(value):
        digest.update(leaf)
    return digest.digest()


def _looks(module: nn.Module) -> tuple[Any, ...]:
    """What changes when a tensor of a module is changed, replaced, added or removed."""
    tensors = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    return tuple((name, id(t), t.data_ptr(), t._version, t.requires_grad) for name, t in tensors)


def _message(error: BaseException) -> str:
    """An exception's text. Its `__str__` is the student's and may do anything."""
    try:
        text = str(error)
    except BaseException as again:
        return f"(its message could not be made: {type(again).__name__})"
    return text[:_MESSAGE].encode("utf-8", "replace").decode()


def describe(value: Any) -> Described:
    """A value in words, without calling any code of the student's."""
    kind = type(value)
    if issubclass(kind, Tensor):
        with torch._C.DisableTorchFunctionSubclass():
            return Described("tensor", tuple(value.shape), str(value.dtype).removeprefix("torch."))
    if value is None or kind in (bool, int, float, str, torch.dtype, torch.Size):
        if kind is int and value.bit_length() > 256:
            return Described("an int of many digits")
        return Described(_cut(repr(value[:_TEXT] if kind is str else value)))
    if kind in (list, tuple) and len(value) <= 8 and all(type(v) in (bool, int, float, type(None)) for v in value):
        return Described(_cut(repr(value)) if all(type(v) is not int or v.bit_length() < 64 for v in value) else "…")
    if kind in (list, tuple, dict, set):
        return Described(f"{kind.__name__} of {len(value)}")
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        return Described("array", tuple(value.shape), str(value.dtype))
    return Described(_cut(kind.__name__))


def _cut(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"


Position = tuple[int | None, int | None, int | None, int | None]


def see(frame: types.FrameType, line: int, position: Position | None = None) -> SeenFrame:
    """A frame of the student's code, with its locals and the operands of the expression at `position`."""
    start, end, column, end_column = position or (line, None, None, None)
    scope = {name: value for name, value in frame.f_locals.items() if isinstance(name, str)}
    code = frame.f_code
    return SeenFrame(
        file=code.co_filename,
        line=line,
        function=_cut(code.co_name),
        end_line=end,
        column=column,
        end_column=end_column,
        operands=_operands(frame, start, end, column, end_column) if position else [],
        locals={_cut(n): describe(v) for n, v in list(scope.items())[:40] if not n.startswith("__")},
    )


def _operands(
    frame: types.FrameType, line: int | None, end: int | None, column: int | None, end_column: int | None
) -> list[SeenOperand]:
    """The names and attributes that take part in the failing expression, left to right, with their values."""
    source = "".join(linecache.getlines(frame.f_code.co_filename))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    place = (line, end, column, end_column)
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == place:
            break
    else:
        return []
    found: list[SeenOperand] = []
    for part in ast.iter_child_nodes(node):
        for operand in [part, *ast.iter_child_nodes(part)] if isinstance(part, ast.keyword | ast.Attribute) else [part]:
            text = ast.unparse(operand) if isinstance(operand, ast.Name | ast.Attribute) else ""
            value = _look_up(frame, text)
            if text and value is not _NOTHING and not callable(value) and not isinstance(value, types.ModuleType):
                found.append(SeenOperand(_cut(text), operand.lineno, operand.col_offset, describe(value)))
    return found[:6]


_NOTHING = object()


def _look_up(frame: types.FrameType, dotted: str) -> Any:
    first, *rest = dotted.split(".")
    value = frame.f_locals.get(first, frame.f_globals.get(first, _NOTHING))
    for name in rest:
        # vars(), not getattr(): a module's parameters are found, and no property of the student's runs
        own = getattr(value, "__dict__", {})
        value = next((d[name] for d in (own, own.get("_parameters"), own.get("_buffers")) if d and name in d), _NOTHING)
    return value

