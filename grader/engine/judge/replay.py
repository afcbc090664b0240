"""Replays the log of a test on another module: the reference, or a known mistake of it."""

import types
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor

from grader.base.errors import UsageError
from grader.engine.judge.compare import Path, compare
from grader.engine.judge.cpu import OWN_CPU, bounded_cpu
from grader.engine.judge.session import Entry, Limits, filled_memory
from grader.engine.sandbox import wire
from grader.engine.sandbox.executor import Executor
from grader.engine.sandbox.objects import MODULE
from grader.engine.sandbox.pack import Unpacker

Asked = wire.Invoke | wire.Get | wire.Set | wire.Differentiate

_HALF = (torch.float16, torch.bfloat16)
_FRAME = 2000  # bytes of an answer beside its numbers


class Kept:
    """Stands for an object that did not cross: two of them are never told apart."""

    def __init__(self, type_name: str):
        self.type_name = type_name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kept)

    __hash__ = None  # type: ignore[assignment]


class Answer(NamedTuple):
    """A reply, and if it is `Returned`: its value, objects left out, and the tensors by which modules changed."""

    reply: wire.Reply | None
    value: Any = None
    modules: tuple[dict[str, Tensor], ...] = ()

    @property
    def missing(self) -> bool:
        """Whether there is none, or memory was not enough: versions have more, and none has an answer like that."""
        return self.reply is None or (isinstance(self.reply, wire.Threw) and filled_memory(self.reply))


def answers(log: Sequence[Entry]) -> list[Answer]:
    """What the submission answered. All of it was kept."""
    return [answer_of(entry.reply, entry.reply_blob or b"") for entry in log]


def replay(log: Sequence[Entry], module: types.ModuleType, seed: int, limits: Limits) -> Iterator[Answer]:
    """What `module` answers to the same questions, each asked when its answer is wanted.

    Only one replay goes on at a time, since all draw from torch's generator. The log was kept whole. Raises UsageError
    where a question keeps it busy for ten times the limit of a test.
    """
    asked = Replay(module, seed, limits)
    for entry in log:
        yield asked.answer(entry)


class Replay:
    """Asks a module the questions of a log, one after the other.

    The questions give a parameter by its place among the submission's; here it is the one of the same name.
    """

    def __init__(self, module: types.ModuleType, seed: int, limits: Limits):
        self._executor = Executor(limits.memory, module)
        self._executor.begin(seed)
        self._name = module.__name__
        self._most = OWN_CPU * limits.seconds
        self._theirs: dict[int, list[str]] = {}  # number of a module of the submission: its parameters and buffers
        self._own: dict[int, list[str]] = {}
        self._common: set[int] = set()  # numbers of the objects that both have given so far

    def answer(self, entry: Entry) -> Answer:
        """Ask the module the next question. Raise UsageError where that keeps it busy for too long.

        There is no answer to a question about an object that only the submission has: one that it returned where this
        module returns a tensor, for example. What the module warns of concerns nobody: sizes that no test has are asked
        for as well.
        """
        if not self._can_be_asked(entry.request):
            return Answer(None)
        what = f"{entry.question.label} of {self._name} takes more than {self._most:g} s of CPU"
        excess = UsageError(f'{what}; a mistake that does not end says ends="timeout".')
        with warnings.catch_warnings(action="ignore"), bounded_cpu(self._most, excess) as bound:
            request = _by_name(entry.request, self._theirs, self._own)
            reply, blobs = self._executor.handle(request, bytearray(entry.blob or b""))
        if bound.passed:
            raise excess
        self._theirs |= names_of_slots(entry.reply)
        self._own |= names_of_slots(reply)
        for theirs, own in zip(_objects(entry.reply), _objects(reply), strict=False):
            if theirs.number == own.number and type(theirs) is type(own):
                self._common.add(own.number)
        return answer_of(reply, b"".join(blobs))

    def _can_be_asked(self, request: Asked) -> bool:
        if isinstance(request, wire.Differentiate):
            return True
        values: list[wire.WireValue] = [wire.WireObject(max(request.number, 0), "")]
        if isinstance(request, wire.Invoke):
            values += [*request.args, *request.kwargs.values()]
        elif isinstance(request, wire.Set):
            values.append(request.value)
        numbers = {each.number for value in values for each in held(value)}
        return numbers <= {MODULE, *self._common}


def held(value: wire.WireValue) -> Iterator[wire.WireObject | wire.WireModule]:
    """The objects and modules in a wire value."""
    items: Iterable[wire.WireValue] = ()
    match value:
        case wire.WireObject() | wire.WireModule():
            yield value
        case wire.WireList(items=items) | wire.WireTuple(items=items) | wire.WireSet(items=items):
            pass
        case wire.WireDict(keys=keys, values=values):
            items = (*keys, *values)
    for item in items:
        if isinstance(item, msgspec.Struct):  # of plain numbers there may be many
            yield from held(item)


def _objects(reply: wire.Reply | None) -> Iterator[wire.WireObject | wire.WireModule]:
    """Yield the objects and modules that a reply gives."""
    if isinstance(reply, wire.Returned):
        yield from held(reply.value)


def names_of_slots(reply: wire.Reply | None) -> dict[int, list[str]]:
    """The modules that a reply describes: for each number the names of its parameters and buffers, slot by slot."""
    if not isinstance(reply, wire.Returned):
        return {}
    modules = [*(each for each in held(reply.value) if isinstance(each, wire.WireModule)), *reply.modules]
    return {
        module.number: [
            f"{node.path}.{name}"
            for position, node in enumerate(module.nodes)
            if node.first == position  # a module that stands in two places has its slots once
            for name in (*(name for name, _ in node.parameters), *(name for name, _, _ in node.buffers))
        ]
        for module in modules
    }


def _by_name(request: Asked, theirs: Mapping[int, list[str]], own: Mapping[int, list[str]]) -> Asked:
    """The request, with its slots counted as in `own`. A name that does not occur there has none."""
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
    """What a reply says that was checked, or is our own."""
    if not isinstance(reply, wire.Returned):
        return Answer(reply)
    modules: list[dict[str, Tensor]] = []

    def keep(wired: wire.WireObject | wire.WireModule, unpacker: Unpacker) -> Kept:
        if isinstance(wired, wire.WireObject):
            return Kept(wired.type_name)
        numbers = [unpacker.numbers(t) if isinstance(t, wire.WireTensor) else None for t in wired.tensors]
        found: dict[str, Tensor | None] = {}
        for node in wired.nodes:
            names = [*node.parameters, *((name, place) for name, place, _ in node.buffers)]
            found |= {f"{node.path}.{name}": numbers[place] for name, place in names}
        modules.append({name: tensor for name, tensor in found.items() if tensor is not None})
        return Kept(wired.nodes[0].type_name)

    unpacker = Unpacker(bytearray(blob), keep)
    value = unpacker.value(reply.value)
    for tensor in unpacker.differentiable:
        tensor.requires_grad_()
    for module in reply.modules:
        keep(module, unpacker)
    return Answer(reply, value, tuple(modules))


def size(answer: Answer) -> int:
    """About how many bytes an answer takes up."""
    tensors = [tensor for _, tensor in tensors_in(answer.value)]
    tensors += [tensor for module in answer.modules for tensor in module.values()]
    return _FRAME + sum(tensor.nbytes for tensor in tensors)


def same(mine: Answer, other: Answer) -> bool:
    """Whether two answers say the same: equal values up to rounding, or exceptions of one kind, in whatever words.

    In half precision not a bit may differ: there the rounding is what a mistake can be about.
    """
    if isinstance(mine.reply, wire.Returned) and isinstance(other.reply, wire.Returned):
        exact = {"rtol": 0.0, "atol": 0.0} if _holds_half(mine.value) else {}
        return compare(mine.value, other.value, **exact) is None  # type: ignore[arg-type]
    if isinstance(mine.reply, wire.Threw) and isinstance(other.reply, wire.Threw):
        return mine.reply.bases[:1] == other.reply.bases[:1]
    return type(mine.reply) is type(other.reply)


def same_gradients(mine: Answer, other: Answer) -> bool:
    """Whether gradients lead from the same tensors of two answers."""
    return _differentiable(mine.value) == _differentiable(other.value)


def same_arguments(mine: Answer, other: Answer) -> bool:
    """Whether the same arguments were changed in place."""
    return _changed(mine) == _changed(other)


def same_words(mine: Answer, other: Answer) -> bool:
    """Whether two exceptions also read the same; True for other answers. Two of one kind alone prove little."""
    if isinstance(mine.reply, wire.Threw) and isinstance(other.reply, wire.Threw):
        return mine.reply.message == other.reply.message
    return True


def same_modules(mine: Answer, other: Answer) -> bool:
    """Whether two answers leave modules with the same numbers: fresh from a constructor, or trained."""
    return compare(mine.modules, other.modules) is None


def _changed(answer: Answer) -> list[str]:
    return answer.reply.changed if isinstance(answer.reply, wire.Returned) else []


def _holds_half(value: Any) -> bool:
    return any(tensor.dtype in _HALF for _, tensor in tensors_in(value))


def _differentiable(value: Any) -> set[Path]:
    return {path for path, tensor in tensors_in(value) if tensor.requires_grad}


def tensors_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, Tensor]]:
    """The tensors in a nested value, each with what leads to it."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for place, item in items:
        if isinstance(item, Tensor | dict | list | tuple):  # of plain numbers there may be many
            yield from tensors_in(item, (*path, place))
