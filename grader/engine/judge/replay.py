"""Replay of a test's log on another module: the reference, or a wrong version of it."""

import types
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor

from grader.base.errors import UsageError
from grader.engine.judge.compare import PYTHON_FLOAT, Path, compare
from grader.engine.judge.cpu import JUDGE_CPU_FACTOR, cpu_limit
from grader.engine.judge.faults import has_filled_memory
from grader.engine.judge.session import LogEntry, SessionLimits
from grader.engine.sandbox import wire
from grader.engine.sandbox.executor import Executor
from grader.engine.sandbox.objects import MODULE
from grader.engine.sandbox.pack import Unpacker

Request = wire.Invoke | wire.Get | wire.Set | wire.Differentiate

_HALF = (torch.float16, torch.bfloat16)
_OVERHEAD = 2000  # bytes of an answer besides its tensors


class OpaqueObject:
    """An object that stayed in the worker. All of them compare equal."""

    def __init__(self, type_name: str):
        self.type_name = type_name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpaqueObject)

    __hash__ = None  # type: ignore[assignment]


class Answer(NamedTuple):
    """A reply, unpacked. `value` and `modules` are set only if it is `Returned`."""

    reply: wire.Reply | None
    value: Any = None  # with an OpaqueObject for each object
    modules: tuple[dict[str, Tensor], ...] = ()  # tensors of modules that were created or changed

    @property
    def is_missing(self) -> bool:
        """Whether there is no reply, or memory ran out; versions have more memory, so their answers say nothing."""
        return self.reply is None or (isinstance(self.reply, wire.Threw) and has_filled_memory(self.reply))


def answers(log: Sequence[LogEntry]) -> list[Answer]:
    """Return the submission's answers in a log that was kept whole."""
    return [answer_of(entry.reply, entry.reply_blob or b"") for entry in log]


def replay(log: Sequence[LogEntry], module: types.ModuleType, seed: int, limits: SessionLimits) -> Iterator[Answer]:
    """Yield the answers of `module` to the requests of a log that was kept whole.

    Run one replay at a time: all of them draw from torch's generator. Raises UsageError if a request takes more than
    `JUDGE_CPU_FACTOR` times the limit of a test.
    """
    run = _Replay(module, seed, limits)
    for entry in log:
        yield run.answer(entry)


class _Replay:
    """A module that is sent the requests of a log, one after the other.

    A request names a parameter by its slot in the submission's module; the replay uses the parameter of the same name.
    """

    def __init__(self, module: types.ModuleType, seed: int, limits: SessionLimits):
        self._executor = Executor(limits.memory, module)
        self._executor.begin(seed)
        self._name = module.__name__
        self._max_seconds = JUDGE_CPU_FACTOR * limits.seconds
        self._their_slots: dict[int, list[str]] = {}  # parameters and buffers of the submission's modules, by number
        self._own_slots: dict[int, list[str]] = {}
        self._common: set[int] = set()  # numbers of the objects that both have returned so far

    def answer(self, entry: LogEntry) -> Answer:
        """Return the module's answer to the next request. Raises UsageError if it takes too long.

        The answer is empty if the request is about an object that only the submission has, such as one returned where
        this module returns a tensor.
        """
        if not self._can_be_asked(entry.request):
            return Answer(None)
        what = f"{entry.question.label} of {self._name} takes more than {self._max_seconds:g} s of CPU"
        excess = UsageError(f'{what}; a mistake that does not end says ends="timeout".')
        # Varied calls have sizes that no test has: warnings about them are of no use.
        with warnings.catch_warnings(action="ignore"), cpu_limit(self._max_seconds, excess) as limit:
            request = _with_own_slots(entry.request, self._their_slots, self._own_slots)
            reply, blobs = self._executor.handle(request, bytearray(entry.blob or b""))
        if limit.is_exceeded:
            raise excess
        self._their_slots |= names_of_slots(entry.reply)
        self._own_slots |= names_of_slots(reply)
        for theirs, own in zip(_objects(entry.reply), _objects(reply), strict=False):
            if theirs.number == own.number and type(theirs) is type(own):
                self._common.add(own.number)
        return answer_of(reply, b"".join(blobs))

    def _can_be_asked(self, request: Request) -> bool:
        if isinstance(request, wire.Differentiate):
            return True
        values: list[wire.WireValue] = [wire.WireObject(max(request.number, 0), "")]
        if isinstance(request, wire.Invoke):
            values += [*request.args, *request.kwargs.values()]
        elif isinstance(request, wire.Set):
            values.append(request.value)
        numbers = {each.number for value in values for each in objects_in(value)}
        return numbers <= {MODULE, *self._common}


def objects_in(value: wire.WireValue) -> Iterator[wire.WireObject | wire.WireModule]:
    """Yield the objects and modules in a wire value."""
    items: Iterable[wire.WireValue] = ()
    match value:
        case wire.WireObject() | wire.WireModule():
            yield value
        case wire.WireList(items=items) | wire.WireTuple(items=items) | wire.WireSet(items=items):
            pass
        case wire.WireDict(keys=keys, values=values):
            items = (*keys, *values)
    for item in items:
        if isinstance(item, msgspec.Struct):  # skips plain numbers fast: there may be many
            yield from objects_in(item)


def _objects(reply: wire.Reply | None) -> Iterator[wire.WireObject | wire.WireModule]:
    """Yield the objects and modules that a reply returns."""
    if isinstance(reply, wire.Returned):
        yield from objects_in(reply.value)


def names_of_slots(reply: wire.Reply | None) -> dict[int, list[str]]:
    """Return the names of parameters and buffers, by slot, of the modules in a reply, by number."""
    if not isinstance(reply, wire.Returned):
        return {}
    modules = [*(each for each in objects_in(reply.value) if isinstance(each, wire.WireModule)), *reply.modules]
    return {
        module.number: [
            f"{node.path}.{name}"
            for position, node in enumerate(module.nodes)
            if node.first == position  # a module in two places has its slots only once
            for name in (*(name for name, _ in node.parameters), *(name for name, _, _ in node.buffers))
        ]
        for module in modules
    }


def _with_own_slots(request: Request, theirs: Mapping[int, list[str]], own: Mapping[int, list[str]]) -> Request:
    """Return the request with slots as in `own`, by name; a name that is missing there is dropped."""
    if isinstance(request, wire.Differentiate) or theirs == own:
        return request

    def slots(number: int, slots_there: Iterable[int]) -> list[int]:
        names = [theirs[number][slot] for slot in slots_there]
        return [own[number].index(name) for name in names if name in own.get(number, ())]

    context = request.context
    parameters = [(number, here) for number, slot in context.parameters for here in slots(number, [slot])]
    updates = [msgspec.structs.replace(each, slots=slots(each.number, each.slots)) for each in context.updates]
    context = msgspec.structs.replace(context, parameters=parameters, updates=updates)
    return msgspec.structs.replace(request, context=context)


def answer_of(reply: wire.Reply | None, blob: bytes) -> Answer:
    """Return an unpacked reply. It must have been checked, or come from this process."""
    if not isinstance(reply, wire.Returned):
        return Answer(reply)
    modules: list[dict[str, Tensor]] = []

    def keep(wired: wire.WireObject | wire.WireModule, unpacker: Unpacker) -> OpaqueObject:
        if isinstance(wired, wire.WireObject):
            return OpaqueObject(wired.type_name)
        numbers = [unpacker.numbers(t) if isinstance(t, wire.WireTensor) else None for t in wired.tensors]
        found: dict[str, Tensor | None] = {}
        for node in wired.nodes:
            names = [*node.parameters, *((name, place) for name, place, _ in node.buffers)]
            found |= {f"{node.path}.{name}": numbers[place] for name, place in names}
        modules.append({name: tensor for name, tensor in found.items() if tensor is not None})
        return OpaqueObject(wired.nodes[0].type_name)

    unpacker = Unpacker(bytearray(blob), keep)
    value = unpacker.value(reply.value)
    for tensor in unpacker.differentiable:
        tensor.requires_grad_()
    for module in reply.modules:
        keep(module, unpacker)
    return Answer(reply, value, tuple(modules))


def size(answer: Answer) -> int:
    """Return about how many bytes of memory an answer takes up."""
    tensors = [tensor for _, tensor in tensors_in(answer.value)]
    tensors += [tensor for module in answer.modules for tensor in module.values()]
    return _OVERHEAD + sum(tensor.nbytes for tensor in tensors)


def same(mine: Answer, other: Answer, *, floats: tuple[float, float] = PYTHON_FLOAT) -> bool:
    """Return whether two answers agree: equal values up to rounding, or exceptions of the same class.

    Values in half precision must be identical, because there the rounding can be the mistake. `floats` are rtol and
    atol of Python floats.
    """
    if isinstance(mine.reply, wire.Returned) and isinstance(other.reply, wire.Returned):
        if _holds_half(mine.value):
            return compare(mine.value, other.value, rtol=0.0, atol=0.0) is None
        return compare(mine.value, other.value, floats=floats) is None
    if isinstance(mine.reply, wire.Threw) and isinstance(other.reply, wire.Threw):
        return mine.reply.bases[:1] == other.reply.bases[:1]
    return type(mine.reply) is type(other.reply)


def same_gradients(mine: Answer, other: Answer) -> bool:
    """Return whether the same tensors of two answers require grad."""
    return _differentiable(mine.value) == _differentiable(other.value)


def same_arguments(mine: Answer, other: Answer) -> bool:
    """Return whether the same arguments were changed in place."""
    return _changed(mine) == _changed(other)


def same_words(mine: Answer, other: Answer) -> bool:
    """Return whether two exceptions have the same message; True for other answers."""
    if isinstance(mine.reply, wire.Threw) and isinstance(other.reply, wire.Threw):
        return mine.reply.message == other.reply.message
    return True


def same_modules(mine: Answer, other: Answer) -> bool:
    """Return whether the modules that two answers created or changed hold the same numbers."""
    return compare(mine.modules, other.modules) is None


def layouts(answer: Answer) -> list[dict[str, tuple[int, ...]]]:
    """Return the names and shapes of parameters and buffers in the modules that an answer created or changed."""
    return [{name: tuple(tensor.shape) for name, tensor in module.items()} for module in answer.modules]


def _changed(answer: Answer) -> list[str]:
    return answer.reply.changed if isinstance(answer.reply, wire.Returned) else []


def _holds_half(value: Any) -> bool:
    return any(tensor.dtype in _HALF for _, tensor in tensors_in(value))


def _differentiable(value: Any) -> set[Path]:
    return {path for path, tensor in tensors_in(value) if tensor.requires_grad}


def tensors_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, Tensor]]:
    """Yield the tensors in a nested value, each with its path."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for place, item in items:
        if isinstance(item, Tensor | dict | list | tuple):  # skips plain numbers fast: there may be many
            yield from tensors_in(item, (*path, place))
