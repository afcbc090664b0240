"""Carries out requests on a module: in a worker on the student's, in the judge on a known mistake of the reference.

The student's objects stay here, by number; what crosses is plain. What this side says of itself (an exception's type,
which argument changed) is the student's word where the module is theirs, since their code shares this process.
"""

import ast
import builtins
import copy
import inspect
import itertools
import linecache
import operator
import random
import sys
import types
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from xxhash import xxh3_64_intdigest

from grader.sandbox.large import Blob
from grader.sandbox.wire import (
    DTYPES,
    MAX_DEPTH,
    OPERATIONS,
    Context,
    Described,
    Differentiate,
    Get,
    Invoke,
    Load,
    Loaded,
    Node,
    NoSuchName,
    Packer,
    Placed,
    Question,
    Reply,
    Returned,
    SeenFrame,
    SeenOperand,
    Set,
    Threw,
    Unpacker,
    Unsendable,
    Update,
    WireError,
    WireModule,
    WireObject,
    WireValue,
    bare,
    checksum,
)

_Slot = tuple[dict[str, Any], str]  # where a tensor stands: a dict of a module's, and a key of it

MODULE = 0  # the number of the module itself
_MESSAGE = 100_000  # characters of an exception's message that are sent
_TEXT = 80  # characters of a value's text
_FRAMES = 20


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
        self._looks: dict[int, _Look] = {}  # number: how a module looked when the judge last knew
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
        install(request.others, self._files)
        try:
            self._module = execute(request.name, request.source, self._files)
        except BaseException as error:
            return self._threw(0, error)
        return Loaded(
            {
                name: callable(value) and not isinstance(value, nn.Module)
                for name, value in list(vars(self._module).items())
                if _is_public(name) and not isinstance(value, types.ModuleType)
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
        before = [_fingerprint(arg) for _, arg in named]
        try:
            with _modes(request.context):
                result = function(*args, **kwargs)
        except TypeError as error:
            if self._fits(function, args, kwargs):
                raise
            return self._threw(request.id, error, signature=_cut(str(inspect.signature(function)), 1000)), []
        changed = [name for (name, arg), was in zip(named, before, strict=True) if _fingerprint(arg) != was]
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
        slots = {number: _slots(self._objects[number]) for number in concerned}
        for update in context.updates:
            self._update(update, slots[update.number], unpacker)
        for number in updated:
            self._looks[number] = _look(self._objects[number])
        return [holder[name] for holder, name in (slots[number][slot] for number, slot in context.parameters)]

    def _update(self, update: Update, slots: list[_Slot], unpacker: Unpacker) -> None:
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
                if not _look(self._objects[number]).same(look)
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
        return WireObject(number, _name_of(type(value)))

    def _describe(self, number: int, packer: Packer) -> WireModule:
        module = self._objects[number]
        old, look = self._looks.get(number), _look(module)
        self._looks[number] = look
        self._homes = {key: home for key, home in self._homes.items() if key[0] != number}
        known = {} if old is None else {state: place for place, state in enumerate(old.states)}
        places = {id(tensor): place for place, tensor in enumerate(look.tensors)}
        firsts: dict[int, int] = {}
        nodes = [
            Node(
                path,
                firsts.setdefault(id(child), place),
                _name_of(type(child)),
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
                known = [n for n in dir(value) if _is_public(n)]
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
        bases = [name for base in mro if getattr(builtins, name := _name_of(base), None) is base]
        try:
            frames, hidden = self._frames(error)
        except BaseException:  # the student's objects may resist being looked at
            frames, hidden = [], 0
        return Threw(id_, _name_of(kind), bases, _message(error), frames, hidden, signature, _arguments(error))

    def _frames(self, error: BaseException) -> tuple[list[SeenFrame], int]:
        """The frames of the student's code, innermost last, and how many others there were."""
        own: list[types.TracebackType] = []
        hidden = 0
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._files:
                own.append(trace)
            elif trace.tb_frame.f_code.co_filename != __file__:
                hidden += 1
            trace = trace.tb_next
        frames = [see(trace.tb_frame, trace.tb_lineno, _position(trace), trace is own[-1]) for trace in own[-_FRAMES:]]
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


def install(others: Mapping[str, str], files: set[str] | None = None) -> None:
    """Makes source texts importable by module name, and adds their file names to `files` as they are imported."""
    if others:
        sys.meta_path.insert(0, _Others(others, files if files is not None else set()))


class _Others:
    """Imports earlier exercises, from source text."""

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


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    """That by which a change of a value can be told."""
    if depth > MAX_DEPTH:  # no argument is: it was made to hold itself
        yield "deep"
    elif isinstance(value, Tensor):
        yield checksum(value)
    elif isinstance(value, list | tuple):
        yield type(value).__name__, len(value)
        for item in value:
            yield from _leaves(item, depth + 1)
    elif isinstance(value, dict):
        yield "dict", len(value)
        for key, item in value.items():
            yield repr(key) if isinstance(key, str | int) else "key"
            yield from _leaves(item, depth + 1)
    elif type(value).__module__ == "numpy" and type(value).__name__ == "ndarray":
        yield xxh3_64_intdigest(value.tobytes())
    elif isinstance(value, int | float | str | bool | None):
        yield repr(value)


def _fingerprint(value: Any) -> tuple[Any, ...] | None:
    """What changes with a value that can be changed in place; None for one that cannot."""
    return None if value is None or isinstance(value, bool | int | float | str) else tuple(_leaves(value))


def _slots(module: nn.Module) -> list[_Slot]:
    """Where the tensors of a module stand, in the order of their names."""
    return [
        (holder, name)
        for child in module.modules()
        for holder in (child._parameters, child._buffers)
        for name, tensor in holder.items()
        if tensor is not None
    ]


class _Look(NamedTuple):
    """How a module looks, as far as the judge is told of it. The tensors are kept, lest an `id` be used again."""

    structure: tuple[Any, ...]
    states: tuple[Any, ...]  # of the distinct tensors: what changes when one is changed
    tensors: tuple[Tensor, ...]

    def same(self, other: "_Look") -> bool:
        return (self.structure, self.states) == (other.structure, other.states)


def _look(module: nn.Module) -> _Look:
    slots = _slots(module)
    tensors = tuple({id(holder[name]): holder[name] for holder, name in slots}.values())
    children = [(path, id(child), child.training) for path, child in module.named_modules(remove_duplicate=False)]
    return _Look(
        (*children, *((name, id(holder[name])) for holder, name in slots)),
        tuple((id(tensor), checksum(tensor), tensor.requires_grad) for tensor in tensors),
        tensors,
    )


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


def _arguments(error: BaseException) -> list[str | int | float | bool | None] | None:
    """What an exception was made of, where that is plain and short."""
    args: Any = BaseException.__dict__["args"].__get__(error)
    if len(args) > 8:
        return None
    for arg in args:
        whole = type(arg) is int and arg.bit_length() < 64
        text = type(arg) is str and len(arg) <= _MESSAGE and arg.isprintable()
        if not (whole or text or arg is None or type(arg) in (bool, float)):
            return None
    return list(args)


def _message(error: BaseException) -> str:
    """An exception's text. Its `__str__` is the student's and may do anything."""
    try:
        text = str(error)
        start = str.__getitem__(text, slice(_MESSAGE)).encode("utf-8", "replace").decode()
        more = str.__len__(text) - _MESSAGE
    except BaseException as again:
        return f"(its message could not be made: {_name_of(type(again))})"
    return start if more <= 0 else f"{start} [+{more:,} characters]"


def describe(value: Any) -> Described:
    """A value in words, without calling any code of the student's."""
    kind = type(value)
    if issubclass(kind, Tensor):
        plain = bare(value)
        shape = None if plain.is_nested else tuple(plain.shape)
        return Described("tensor", shape, str(plain.dtype).removeprefix("torch."))
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
    return Described(_name_of(kind))


def _name_of(kind: type) -> str:
    """The name of a class, whatever its metaclass says."""
    return _cut(type.__dict__["__name__"].__get__(kind))


def _is_public(name: Any) -> bool:
    return isinstance(name, str) and not name.startswith("_") and name.isidentifier() and len(name) <= _TEXT


def _cut(text: str, most: int = _TEXT) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= most else text[: most - 1] + "…"


Position = tuple[int | None, int | None, int | None, int | None]


def _position(trace: types.TracebackType) -> Position:
    return next(itertools.islice(trace.tb_frame.f_code.co_positions(), trace.tb_lasti // 2, None))


def see(
    frame: types.FrameType, line: int | None, position: Position | None = None, operands: bool = False
) -> SeenFrame:
    """A frame of the student's code, with its locals and, if asked for, the operands of what stands at `position`.

    `line` is None or negative in an instruction that belongs to no line: then it is that of the whole function.
    """
    if line is None or line < 1:
        line = frame.f_code.co_firstlineno
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
        operands=_operands(frame, start, end, column, end_column) if operands else [],
        locals={_cut(n): describe(v) for n, v in list(scope.items())[:40] if not n.startswith("__")},
    )


def _operands(
    frame: types.FrameType, line: int | None, end: int | None, column: int | None, end_column: int | None
) -> list[SeenOperand]:
    """The names and attributes that take part in the failing expression, left to right, with their values."""
    if line is None:
        return []
    try:
        tree = _tree("".join(linecache.getlines(frame.f_code.co_filename)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    place = (line, end, column, end_column)
    for node in _around(tree, line):
        if isinstance(node, ast.expr) and (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == place:
            break
    else:
        return []
    found: list[SeenOperand] = []
    for part in ast.iter_child_nodes(node):
        operand: ast.AST = part.value if isinstance(part, ast.keyword) else part
        while isinstance(operand, ast.Attribute) and _look_up(frame, ast.unparse(operand)) is _NOTHING:
            operand = operand.value  # of x.shape, which is a property, x is shown
        if not isinstance(operand, ast.Name | ast.Attribute):
            continue
        text = ast.unparse(operand)
        value = _look_up(frame, text)
        if value is not _NOTHING and not callable(value) and not isinstance(value, types.ModuleType):
            found.append(SeenOperand(_cut(text), operand.lineno, operand.col_offset, describe(value)))
    return found[:6]


@lru_cache(maxsize=4)
def _tree(source: str) -> ast.Module:
    """A file as `ast` reads it. Some tests make it raise again and again."""
    return ast.parse(source)


def _around(tree: ast.AST, line: int) -> Iterator[ast.AST]:
    """The nodes of a tree that can hold what stands in a line, in the order of `ast.walk`."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if _reaches(child, line)]


def _reaches(node: ast.AST, line: int) -> bool:
    """Whether a node goes over a line. It begins with its decorators, if there are any."""
    parts = [*getattr(node, "decorator_list", ()), node]
    return min(getattr(part, "lineno", line) for part in parts) <= line <= getattr(node, "end_lineno", line)


_NOTHING = object()


def _look_up(frame: types.FrameType, dotted: str) -> Any:
    first, *rest = dotted.split(".")
    value = frame.f_locals.get(first, frame.f_globals.get(first, _NOTHING))
    for name in rest:
        if type(value) is Tensor and name in ("T", "mT"):
            value = getattr(value, name)
            continue
        # vars(), not getattr(): a module's parameters are found, and no property of the student's runs
        own = getattr(value, "__dict__", {})
        value = next((d[name] for d in (own, own.get("_parameters"), own.get("_buffers")) if d and name in d), _NOTHING)
    return value

