"""The student's objects by number: they stay in the worker, and the judge refers to them by number and path."""

import copy
import operator
import types
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from grader.engine.sandbox.describe import is_public
from grader.engine.sandbox.memory import Sharing, find_shared
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
"""The operators that the judge's stand-ins call: the attributes of the object `OPERATIONS`."""


class LastCall(NamedTuple):
    """The side effects of a call. `shared` and `generator_kept` are attributes of the object `LAST_CALL`."""

    value: WireValue  # the result
    results: Sequence[Tensor]  # the tensors in it, in order
    arguments: Sequence[Tensor]
    generator_kept: bool  # whether torch's random generator is in the same state as before the call

    @property
    def shared(self) -> list[Sharing]:
        """The results that share memory."""
        return find_shared(self.value, self.results, self.arguments)


NO_CALL = LastCall(None, (), (), generator_kept=True)


class MissingAttribute(Exception):
    """An object has no attribute at `path`; `names` are the attributes that it has."""

    def __init__(self, path: str, names: list[str]):
        self.path = path
        self.names = names


class ObjectTable:
    """Gives numbers to the objects of one test. The number of `module` is always `MODULE`."""

    def __init__(self, module: types.ModuleType | None):
        self.module = module
        self.last = 0  # the latest number
        self.last_call = NO_CALL
        self.by_number: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}  # by id(object)

    def clear(self) -> None:
        """Forget all objects."""
        self.last_call = NO_CALL
        self.by_number.clear()
        self._numbers.clear()

    def number(self, value: Any) -> int:
        """Return the number of an object, a new one if it has none yet."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self.last = self.last + 1
            self._numbers[id(value)] = number
            self.by_number[number] = value
        return number

    def resolve(self, number: int, path: str) -> Any:
        """Return an object or its attribute at `path`. Raise MissingAttribute, or what a property raises."""
        reserved = {MODULE: self.module, OPERATIONS: _OPERATIONS, LAST_CALL: self.last_call}
        value = reserved.get(number) or self.by_number[number]
        for name in path.split(".") if path else []:
            try:
                value = getattr(value, name)
            except AttributeError as error:
                known = [n for n in dir(value) if is_public(n)]
                if name in known:
                    raise  # from a property of the student's
                raise MissingAttribute(path, known[:MAX_NAMES]) from error
        return value
