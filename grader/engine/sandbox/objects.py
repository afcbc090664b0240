"""The student's objects by number: what stays in the worker, and what the judge can ask of it by name."""

import copy
import operator
import types
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from grader.engine.sandbox.describe import is_public
from grader.engine.sandbox.memory import Sharing, shared
from grader.engine.sandbox.wire import LAST_CALL, MAX_NAMES, OPERATIONS, WireValue

MODULE = 0  # the number of the module itself

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


class LastCall(NamedTuple):
    """What a call did beside returning a value: `shared` and `generator_kept` are attributes of object `LAST_CALL`."""

    value: WireValue  # what it returned
    results: Sequence[Tensor]  # the tensors in that, in their order
    arguments: Sequence[Tensor]
    generator_kept: bool  # torch's own is in the state in which the call found it

    @property
    def shared(self) -> list[Sharing]:
        """What of its results shares memory."""
        return shared(self.value, self.results, self.arguments)


NO_CALL = LastCall(None, (), (), generator_kept=True)


class NoName(Exception):
    """An object of the student's has no attribute at `path`; `names` are those that it has."""

    def __init__(self, path: str, names: list[str]):
        self.path = path
        self.names = names


class Objects:
    """Numbers for the objects of one test, beside `module`, whose number stays `MODULE`."""

    def __init__(self, module: types.ModuleType | None):
        self.module = module
        self.last = 0  # the number that was given last; the next one is one more
        self.last_call = NO_CALL
        self.by_number: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}  # id(object): number

    def clear(self) -> None:
        """Forgets all objects."""
        self.last_call = NO_CALL
        self.by_number.clear()
        self._numbers.clear()

    def number(self, value: Any) -> int:
        """The number of an object, a new one if it has none yet."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self.last = self.last + 1
            self._numbers[id(value)] = number
            self.by_number[number] = value
        return number

    def resolve(self, number: int, path: str) -> Any:
        """The object of a number, or its attribute at `path`. Raises NoName, or what a property of theirs raises."""
        ours = {MODULE: self.module, OPERATIONS: _OPERATIONS, LAST_CALL: self.last_call}
        value = ours.get(number) or self.by_number[number]
        for name in path.split(".") if path else []:
            try:
                value = getattr(value, name)
            except AttributeError as error:
                known = [n for n in dir(value) if is_public(n)]
                if name in known:
                    raise  # a property of the student's that raises
                raise NoName(path, known[:MAX_NAMES]) from error
        return value
