"""The call that a failure is about: its arguments, its result and the expected result."""

import operator
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from grader.base.result import Call, NamedValue, ReturnedPart, Value
from grader.base.text import clean_line
from grader.engine.judge.compare import Difference, Disagreement, compare
from grader.engine.judge.context import FailureContext
from grader.engine.judge.names import named_arguments, names_of_parts
from grader.engine.judge.replay import OpaqueObject, answers
from grader.engine.judge.session import LogEntry
from grader.engine.judge.values import named_axes, value_of
from grader.engine.sandbox import wire
from grader.engine.sandbox.describe import describe

_MAX_PARTS = 6  # of a result that is shown part by part
_MAX_SETTINGS = 400  # characters of a dict of settings that is written out
_NOTHING = object()


def failing_entry(error: BaseException, log: Sequence[LogEntry]) -> LogEntry | None:
    """Return the call that a failure is about: the one that returned the wrong value or a view of it, or the last one.

    None if there was no call, or if the test computed what is wrong from what calls returned.
    """
    if not isinstance(error, AssertionError):  # raised by the last call, or missing there
        return last_entry(log)
    if not isinstance(error, Disagreement):
        return None
    wanted = (error.actual, error.difference.actual)
    for is_same in (operator.is_, _share_memory):
        for entry in reversed(_calls(log)):
            parts = [_dereferenced(part) for part in (entry.question.result, *_nested_values(entry.question.result))]
            if any(is_same(part, value) for part in parts for value in wanted):
                return entry
    return None


def shown_entry(error: BaseException, log: Sequence[LogEntry]) -> LogEntry | None:
    """Return the call that is shown with a failure: the one that it is about, or else the last one."""
    return failing_entry(error, log) or last_entry(log)


def _share_memory(one: Any, two: Any) -> bool:
    """Return whether two values are tensors of which one is a view of the other, or both are of a third."""
    if not isinstance(one, Tensor) or not isinstance(two, Tensor):
        return False
    return 0 != one.untyped_storage().data_ptr() == two.untyped_storage().data_ptr()


def last_entry(log: Sequence[LogEntry]) -> LogEntry | None:
    """Return the last call of a test; None if there was none."""
    return next(reversed(_calls(log)), None)


def last_call(context: FailureContext) -> Call | None:
    """Return the last call of the test as shown on the screen; None if there was none."""
    entry = last_entry(context.log)
    return call_of(entry, context) if entry else None


def call_of(entry: LogEntry, context: FailureContext) -> Call:
    """Return a call with its arguments and the parts of its result, as shown on the screen."""
    question = entry.question
    arguments = [
        NamedValue(name, _describe_argument(arg, context)) for name, arg in named_arguments(context.reference, entry)
    ]
    return Call(question.label, tuple(arguments), _returned_parts(entry, context))


def with_wrong_part(parts: tuple[ReturnedPart, ...], difference: Difference) -> tuple[ReturnedPart, ...]:
    """Return the parts with the one marked that differs."""
    wholes = list(dict.fromkeys(_name_of_whole(part) for part in parts))
    first = difference.path[0] if difference.path else 0
    keys = [f"[{key!r}]" for key in difference.path[:2]]

    def differs(part: ReturnedPart) -> bool:
        whole = _name_of_whole(part)
        if len(wholes) > 1 and wholes.index(whole) != first:
            return False
        return part.name == whole or any(part.name.endswith(key) for key in keys)

    return tuple(ReturnedPart(part.name, part.yours, part.expected, False) if differs(part) else part for part in parts)


def _name_of_whole(part: ReturnedPart) -> str:
    """Return the part of the result that a dict's value belongs to: `cache` for `cache['k']`."""
    return part.name.partition("['")[0]


def is_shown_in_parts(result: Any) -> bool:
    """Return whether a result is shown part by part: a short tuple or list."""
    return isinstance(result, tuple | list) and 0 < len(result) <= _MAX_PARTS


def _calls(log: Sequence[LogEntry]) -> list[LogEntry]:
    return [e for e in log if isinstance(e.request, wire.Invoke | wire.Differentiate)]


def _dereferenced(part: Any) -> Any:
    """Return a part of a result, of which the question has only a weak reference if it is large."""
    return part() if isinstance(part, weakref.ref) else part


def _nested_values(value: Any) -> list[Any]:
    """Return all values nested in a value, without recursion: a hostile value may be deep and wide."""
    found: list[Any] = []
    left = [value]
    while left:
        item = left.pop()
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, tuple | list) else ()
        found += inner
        left += inner
    return found


def _describe_argument(value: Any, context: FailureContext) -> Value:
    """Describe an argument; a dict of settings is written out, since an item may be the cause."""
    if type(value) is dict and 0 < len(value) <= 20 and all(map(_is_plain_item, value, value.values())):
        text = repr(value)
        if len(text) <= _MAX_SETTINGS:
            return Value(clean_line(text))
    return _describe(value, context)


def _is_plain_item(key: Any, value: Any) -> bool:
    plain = value is None or type(value) in (bool, float) or (type(value) is int and value.bit_length() <= 256)
    return type(key) is str and (plain or type(value) is str)


def _describe(value: Any, context: FailureContext) -> Value:
    if isinstance(value, OpaqueObject):
        return Value(clean_line(value.type_name))
    if (
        type(value) is dict
        and 0 < len(value) <= _MAX_PARTS
        and all(isinstance(each, Tensor) for each in value.values())
    ):
        shapes = (f"{key!r:.60}: {_shape_text(each, context)}" for key, each in value.items())
        return Value(clean_line(f"{{{', '.join(shapes)}}}"))
    return value_of(describe(value), context.sizes)


def _shape_text(tensor: Tensor, context: FailureContext) -> str:
    named = (
        f"{axis.name}={axis.size}" if axis.name else str(axis.size) for axis in named_axes(tensor.shape, context.sizes)
    )
    return f"[{', '.join(named)}]"


def _returned_parts(entry: LogEntry, context: FailureContext) -> tuple[ReturnedPart, ...]:
    if not isinstance(entry.reply, wire.Returned) or entry.reply_blob is None:
        return ()
    place = next(i for i, each in enumerate(context.log) if each is entry)
    mine = answers([entry])[0].value
    theirs: Any = _NOTHING
    if context.expected is not None and all(each.is_whole for each in context.log):
        reply, value, _ = context.expected()[place]
        theirs = value if isinstance(reply, wire.Returned) else _NOTHING
    several = is_shown_in_parts(mine)
    mine_parts = list(mine) if several else [mine]
    if several and isinstance(theirs, tuple | list) and len(theirs) == len(mine):
        their_parts = list(theirs)
    elif not several and theirs is not _NOTHING:
        their_parts = [theirs]
    else:
        their_parts = [_NOTHING] * len(mine_parts)
    names = names_of_parts(context.reference, entry.question.label, len(mine_parts))
    return tuple(
        ReturnedPart(
            name,
            _describe(part, context),
            None if other is _NOTHING else _describe(other, context),
            None if other is _NOTHING else compare(part, other) is None,
        )
        for whole, mine, theirs in zip(names, mine_parts, their_parts, strict=True)
        for name, part, other in _split_dict(whole, mine, theirs)
    )


def _split_dict(name: str, mine: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield a part of a result, or the items of a small dict one by one: one may be right and another wrong."""
    if not (
        type(mine) is dict and type(theirs) is dict and 0 < len(mine) <= _MAX_PARTS and mine.keys() == theirs.keys()
    ):
        yield name, mine, theirs
    elif all(isinstance(key, str) for key in mine):
        yield from ((f"{name}[{key!r}]", mine[key], theirs[key]) for key in mine)
    else:
        yield name, mine, theirs
