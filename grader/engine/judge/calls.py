"""The call that a failure is about: which one it is, its arguments, and what it returned beside what was expected."""

import weakref
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from grader.base.result import Call, NamedValue, ReturnedPart, Value
from grader.base.text import clean_line
from grader.engine.judge.compare import Difference, Disagreement, compare
from grader.engine.judge.context import Setting
from grader.engine.judge.names import named_arguments, names_of_parts
from grader.engine.judge.replay import Kept, answers
from grader.engine.judge.session import Entry
from grader.engine.judge.values import axes, value_of
from grader.engine.sandbox import wire
from grader.engine.sandbox.describe import describe

_PARTS = 6  # that a result is taken apart into at most
_SETTINGS = 400  # characters of a dict of settings that is written out
_NOTHING = object()


def failing_entry(error: BaseException, log: Sequence[Entry]) -> Entry | None:
    """The call that a failure is about: that which returned the value in question, or the last one."""
    calls = _calls(log)
    if isinstance(error, Disagreement):
        wanted = [error.actual, error.difference.actual]
        for entry in reversed(calls):
            parts = [_held(part) for part in (entry.question.result, *_inner(entry.question.result))]
            holders = [value for value in wanted if isinstance(value, Tensor | tuple | list | dict)]
            if any(part is value for part in parts for value in holders):
                return entry
    return calls[-1] if calls else None


def last_call(setting: Setting) -> Call | None:
    """The last call of the test."""
    calls = _calls(setting.log)
    return call_of(calls[-1], setting) if calls else None


def call_of(entry: Entry, setting: Setting) -> Call:
    """A call with its arguments and the parts of what it returned, as a screen shows them."""
    question = entry.question
    arguments = [NamedValue(name, _argument(arg, setting)) for name, arg in named_arguments(setting.reference, entry)]
    return Call(question.label, tuple(arguments), _returned(entry, setting))


def marked(parts: tuple[ReturnedPart, ...], difference: Difference) -> tuple[ReturnedPart, ...]:
    """The parts, with the one that a test found wrong marked as such."""
    wholes = list(dict.fromkeys(_whole(part) for part in parts))
    first = difference.path[0] if difference.path else 0
    keys = [f"[{key!r}]" for key in difference.path[:2]]

    def wrong(part: ReturnedPart) -> bool:
        opened = part.name != _whole(part)
        here = len(wholes) == 1 or wholes.index(_whole(part)) == first
        return here and (not opened or any(part.name.endswith(key) for key in keys))

    return tuple(ReturnedPart(part.name, part.yours, part.expected, False) if wrong(part) else part for part in parts)


def _whole(part: ReturnedPart) -> str:
    """The part of the result that this is a value of: `cache` of `cache['k']`."""
    return part.name.partition("['")[0]


def in_parts(result: Any) -> bool:
    """Whether a result is shown part by part: a tuple or list of a few."""
    return isinstance(result, tuple | list) and 0 < len(result) <= _PARTS


def _calls(log: Sequence[Entry]) -> list[Entry]:
    return [e for e in log if isinstance(e.request, wire.Invoke | wire.Differentiate)]


def _held(part: Any) -> Any:
    """Return a part of a result, also if it is too large to be held by the question that gave it."""
    return part() if isinstance(part, weakref.ref) else part


def _inner(value: Any) -> list[Any]:
    """All that a nested value holds. One pass: a hostile one may be deep and wide."""
    found: list[Any] = []
    left = [value]
    while left:
        item = left.pop()
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, tuple | list) else ()
        found += inner
        left += inner
    return found


def _argument(value: Any, setting: Setting) -> Value:
    """As any other value, but a dict of settings is written out: what it holds, or lacks, may be the cause."""
    if type(value) is dict and 0 < len(value) <= 20 and all(map(_is_setting, value, value.values())):
        text = repr(value)
        if len(text) <= _SETTINGS:
            return Value(clean_line(text))
    return _value(value, setting)


def _is_setting(key: Any, value: Any) -> bool:
    plain = value is None or type(value) in (bool, float) or (type(value) is int and value.bit_length() <= 256)
    return type(key) is str and (plain or type(value) is str)


def _value(value: Any, setting: Setting) -> Value:
    if isinstance(value, Kept):
        return Value(clean_line(value.type_name))
    if type(value) is dict and 0 < len(value) <= _PARTS and all(isinstance(each, Tensor) for each in value.values()):
        shapes = (f"{key!r:.60}: {_shape(each, setting)}" for key, each in value.items())
        return Value(clean_line(f"{{{', '.join(shapes)}}}"))
    return value_of(describe(value), setting.sizes)


def _shape(tensor: Tensor, setting: Setting) -> str:
    """`[T=4, 8]`"""
    named = (f"{axis.name}={axis.size}" if axis.name else str(axis.size) for axis in axes(tensor.shape, setting.sizes))
    return f"[{', '.join(named)}]"


def _returned(entry: Entry, setting: Setting) -> tuple[ReturnedPart, ...]:
    if not isinstance(entry.reply, wire.Returned) or entry.reply_blob is None:
        return ()
    place = next(i for i, each in enumerate(setting.log) if each is entry)
    mine = answers([entry])[0].value
    theirs: Any = _NOTHING
    if setting.right is not None and all(each.whole for each in setting.log):
        reply, value, _ = setting.right()[place]
        theirs = value if isinstance(reply, wire.Returned) else _NOTHING
    several = in_parts(mine)
    mine_parts = list(mine) if several else [mine]
    if several and isinstance(theirs, tuple | list) and len(theirs) == len(mine):
        their_parts = list(theirs)
    elif not several and theirs is not _NOTHING:
        their_parts = [theirs]
    else:
        their_parts = [_NOTHING] * len(mine_parts)
    names = names_of_parts(setting.reference, entry.question.label, len(mine_parts))
    return tuple(
        ReturnedPart(
            name,
            _value(part, setting),
            None if other is _NOTHING else _value(other, setting),
            None if other is _NOTHING else compare(part, other) is None,
        )
        for whole, mine, theirs in zip(names, mine_parts, their_parts, strict=True)
        for name, part, other in _opened(whole, mine, theirs)
    )


def _opened(name: str, mine: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    """A part of a result; of a dict of a few each value for itself, since one may be right and another wrong."""
    if not (type(mine) is dict and type(theirs) is dict and 0 < len(mine) <= _PARTS and mine.keys() == theirs.keys()):
        yield name, mine, theirs
    elif all(isinstance(key, str) for key in mine):
        yield from ((f"{name}[{key!r}]", mine[key], theirs[key]) for key in mine)
    else:
        yield name, mine, theirs
