"""From what a test raised to the failure that a screen shows."""

import inspect
import re
import time
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
import torch
from numpy import unravel_index
from torch import Tensor

from grader.clean import clean, clean_line
from grader.errors import UsageError
from grader.judge.compare import Difference, Disagreement, Path, compare, differs
from grader.judge.names import names_of_results
from grader.judge.near_miss import near_miss
from grader.judge.replay import Answer, Kept, answers, replay
from grader.judge.reproduce import reproduction
from grader.judge.session import Entry, Fault, Limits
from grader.result import (
    Axis,
    Call,
    Comparison,
    Failure,
    Frame,
    Named,
    Number,
    Operand,
    Outcome,
    Part,
    Raised,
    Row,
    Samples,
    SourceLine,
    Value,
)
from grader.sandbox import wire
from grader.sandbox.describe import describe
from grader.sandbox.mirror import RemoteModule
from grader.sandbox.proxy import RemoteObject

_RAISES = re.compile(r"DID NOT RAISE |<class '(?:\w+\.)*|'>")  # around a name, as pytest 8 and 9 write it
_RESULT = "What "
_ROWS = 400  # rows of a comparison that are kept; a screen shows fewer
_COLUMNS = 8  # numbers of a row
_AROUND = 2  # source lines before and after the one that failed


@dataclass(frozen=True)
class Setting:
    """What an explanation draws on: the submission's text, the reference, the names of the sizes in the test."""

    source: str
    module: str  # the submission's module name: tracebacks name its file by it
    file: str  # the submission's file, as the user named it
    reference: types.ModuleType | None
    right: Callable[[], Sequence[Answer]] | None  # what the reference answers to the log; None: not to be asked
    sizes: dict[int, str]
    log: Sequence[Entry]
    seed: int
    limits: Limits


def size_names(test_locals: dict[str, Any]) -> dict[int, str]:
    """Names of sizes, from the locals of a test: capitalised names of at most four letters, and k.

    A size that two names share has none.
    """
    names: dict[int, str] = {}
    for name, value in test_locals.items():
        if type(value) is int and value >= 1 and len(name) <= 4 and (name[0].isupper() or name == "k"):
            names[value] = name if value not in names else ""
    return {size: name for size, name in names.items() if name}


def explain(error: BaseException, setting: Setting) -> tuple[Outcome, Failure]:
    """The outcome of a test that raised `error`, and why it did not pass."""
    view = _View(setting)
    outcome, failure = _explain(error, view)
    failing = view.failing(error)
    if failing is None:
        return outcome, failure
    made = reproduction(setting.module, setting.log, failing, setting.seed, view.argument_name)
    return outcome, msgspec.structs.replace(failure, reproduction=made)


def _explain(error: BaseException, view: "_View") -> tuple[Outcome, Failure]:
    setting = view.setting
    fault = error if isinstance(error, Fault) else getattr(error, "fault", None)
    if isinstance(fault, Fault):
        return view.fault(fault)
    if isinstance(error, UsageError):  # the test asks for what cannot be had
        return Outcome.ERROR, Failure(str(error))
    if isinstance(error, Disagreement):
        return view.disagreement(error)
    if isinstance(error, pytest.fail.Exception):
        return view.not_raised(error)
    if isinstance(error, AssertionError):
        message = clean(str(error)) or "A check of this test did not hold."
        return Outcome.FAILED, Failure(message, view.last_call())
    reply = setting.log[-1].reply if setting.log else None
    if isinstance(reply, wire.Returned) and reply.value is None:
        label = setting.log[-1].question.label
        return Outcome.RETURNED_NONE, Failure(f"{label} returned None.", view.last_call())
    what = f"{type(error).__name__}: {clean(str(error))}"
    return Outcome.WRONG_TYPE, Failure(f"The test could not use what was returned: {what}", view.last_call())


def raised(threw: wire.Threw, source: str, module: str, file: str, sizes: dict[int, str]) -> Raised:
    """An exception of the student's, with the source around each frame."""
    frames = tuple(_frame(frame, source, module, file, sizes) for frame in threw.frames)
    return Raised(clean_line(threw.type_name), clean(threw.message), frames, threw.hidden_frames)


def _value(described: wire.Described, sizes: dict[int, str]) -> Value:
    shape = None if described.shape is None else tuple(Axis(size, sizes.get(size)) for size in described.shape)
    return Value(clean_line(described.text), shape, described.dtype and clean_line(described.dtype))


def _frame(seen: wire.SeenFrame, source: str, module: str, file: str, sizes: dict[int, str]) -> Frame:
    own = seen.file == f"{module}.py"
    lines = source.split("\n") if own else []
    first = max(1, seen.line - _AROUND)
    shown = [SourceLine(n, clean_line(lines[n - 1])) for n in range(first, min(len(lines), seen.line + _AROUND) + 1)]
    line = lines[seen.line - 1] if 0 < seen.line <= len(lines) else ""

    def characters(offset: int | None) -> int | None:
        """A column in the line as shown, from an offset in UTF-8."""
        return None if offset is None else len(clean_line(line.encode()[:offset].decode("utf-8", "ignore")))

    return Frame(
        file=file if own else clean_line(seen.file),
        line=seen.line,
        function=clean_line(seen.function),
        source=tuple(shown),
        column=characters(seen.column),
        end_column=characters(seen.end_column) if seen.end_line in (None, seen.line) else None,
        operands=tuple(
            Operand(clean_line(o.expression), characters(o.column) or 0, _value(o.value, sizes))
            for o in seen.operands[:8]
            if o.line == seen.line
        ),
        locals=tuple(Named(clean_line(n), _value(v, sizes)) for n, v in list(seen.locals.items())[:40]),
    )


class _View:
    def __init__(self, setting: Setting):
        self.setting = setting

    # ------------------------------------------------------------ kinds of failure

    def fault(self, fault: Fault) -> tuple[Outcome, Failure]:
        """A call that did not come back with a value."""
        setting = self.setting
        message = fault.message
        call = self.last_call()
        exception = None
        if fault.threw is not None:
            exception = raised(fault.threw, setting.source, setting.module, setting.file, setting.sizes)
        if fault.outcome is Outcome.WRONG_SIGNATURE and fault.threw is not None:
            function = setting.log[-1].question.label
            message = f"{function} cannot be called as the exercise says: {message}."
            if fault.threw.signature:
                message += f" Yours is {function}{clean_line(fault.threw.signature)}"
                theirs = self._signature(function)
                message += f", the exercise's {function}{theirs}." if theirs else "."
        elif fault.outcome is Outcome.ARGUMENT_CHANGED:
            names = [self.argument_name(setting.log[-1], name) for name in fault.message.split(", ")]
            them = "it" if len(names) == 1 else "them"
            message = f"Your code changed {_and(names)} in place. The caller still needs {them}."
        elif fault.outcome is Outcome.TIMEOUT and (taken := self._reference_seconds()) is not None:
            message = f"{message.removesuffix('.')}; the reference takes {max(1, round(taken * 1e3)):,} ms."
        elif fault.outcome is Outcome.EXCEPTION and exception is not None:
            message = _mismatch(fault.threw) or message
        samples = self._samples(fault) if fault.outcome is Outcome.TIMEOUT else None
        return fault.outcome, Failure(message, call, exception=exception, samples=samples)

    def disagreement(self, error: Disagreement) -> tuple[Outcome, Failure]:
        """A value that is not the expected one."""
        difference = error.difference
        entry = self._source_of(error)
        name = error.name or self._part_name(entry, difference.path)
        compared = None
        miss = None
        if isinstance(difference.actual, Tensor) and isinstance(difference.expected, Tensor):
            if difference.outcome in (Outcome.WRONG_VALUES, Outcome.NAN):
                compared = self._comparison("result" if name.startswith(_RESULT) else name, difference)
            if difference.outcome in (Outcome.WRONG_VALUES, Outcome.WRONG_SHAPE):
                miss = near_miss(difference.actual.detach(), difference.expected.detach())
        call = self._call(entry) if entry else None
        if call and error.name is None:
            call = Call(call.function, call.arguments, self._mark(call.returned, difference, entry))
        return difference.outcome, Failure(self._sentence(name, difference, compared), call, compared, miss)

    def not_raised(self, error: BaseException) -> tuple[Outcome, Failure]:
        """`pytest.raises` saw no exception, or pytest.fail was called."""
        text = str(error)
        if not text.startswith("DID NOT RAISE"):
            return Outcome.FAILED, Failure(clean(text), self.last_call())
        kind = _RAISES.sub("", text)
        label = self.setting.log[-1].question.label if self.setting.log else "The call"
        return Outcome.NO_EXCEPTION, Failure(f"{label} should raise {kind} here, and returned.", self.last_call())

    def _reference_seconds(self) -> float | None:
        """How long the reference takes for all that the test asked, the call that did not end included."""
        setting = self.setting
        if setting.reference is None or setting.right is None or not all(entry.whole for entry in setting.log):
            return None
        begun = time.perf_counter()
        list(replay(setting.log, setting.reference, setting.seed, setting.limits))
        return time.perf_counter() - begun

    def _samples(self, fault: Fault) -> Samples:
        seen = fault.samples or []
        setting = self.setting
        if not seen:
            return Samples(setting.limits.seconds, 0)
        places = [(s.file, s.line) for s in seen]
        place = max(dict.fromkeys(places), key=places.count)
        shown = next(s for s in reversed(seen) if (s.file, s.line) == place)
        same_function = [s for s in seen if (s.file, s.function) == (shown.file, shown.function)]
        still = {
            name: value
            for name, value in shown.locals.items()
            if all(s.locals.get(name) == value for s in same_function) and value.shape is None
        }
        frame = _frame(shown, setting.source, setting.module, setting.file, setting.sizes)
        frame = msgspec.structs.replace(frame, locals=tuple(n for n in frame.locals if n.name not in still))
        unchanged = tuple(Named(clean_line(n), _value(v, setting.sizes)) for n, v in list(still.items())[:6])
        return Samples(setting.limits.seconds, len(seen), frame, unchanged if len(seen) > 1 else ())

    # ------------------------------------------------------------ sentences

    def _sentence(self, name: str, difference: Difference, compared: Comparison | None) -> str:
        """The first failing fact."""
        yours, theirs = difference.actual, difference.expected
        inner = name[0].lower() + name[1:] if name.startswith(_RESULT) else name  # within a sentence
        match difference.outcome:
            case Outcome.RETURNED_NONE:
                return f"{name} is None."
            case Outcome.WRONG_SHAPE:
                yours, theirs = _shape_of(yours), _shape_of(theirs)
                return f"{name} is {self._shape(yours)}, expected {self._shape(theirs)}.{self._axes(yours, theirs)}"
            case Outcome.WRONG_DTYPE:
                return f"{name} is {_dtype(yours)}, expected {_dtype(theirs)}."
            case Outcome.WRONG_TYPE:
                return f"{name} is {_kind(yours)}, expected {_kind(theirs)}."
            case Outcome.NAN if compared is not None:
                count = int(yours.isnan().sum())
                return f"{count} of {compared.total} numbers of {inner} {'is' if count == 1 else 'are'} NaN."
            case _ if compared is not None:
                size = f", by at most {_digits(compared.largest)}" if _measured(yours) else ""
                few = "differs" if compared.differing == 1 else "differ"
                return f"{compared.differing} of {compared.total} numbers of {inner} {few}{size}."
            case _:
                return f"{name} is {_short(yours)}, expected {_short(theirs)}."

    def _shape(self, shape: Sequence[int]) -> str:
        axes = [f"{self.setting.sizes[d]}={d}" if d in self.setting.sizes else str(d) for d in shape]
        return f"[{', '.join(axes)}]"

    def _axes(self, yours: Sequence[int], theirs: Sequence[int]) -> str:
        """Which axes are missing, by their names."""
        missing = [d for d in theirs if d not in yours and d in self.setting.sizes]
        named = [f"{self.setting.sizes[d]}={d}" for d in missing]
        return f" No axis of yours has length {_and(named)}." if named else ""

    # ------------------------------------------------------------ comparisons

    def _comparison(self, name: str, difference: Difference) -> Comparison:
        yours, theirs = difference.actual.detach(), difference.expected.detach()
        wrong = differs(yours, theirs, difference.rtol, difference.atol)
        sizes = _distances(yours, theirs).masked_fill(~wrong, -1.0)
        width = theirs.shape[-1] if theirs.dim() else 1
        tables = [t.reshape(-1, width) for t in (yours, theirs, wrong)]
        far = sizes.reshape(-1, width)
        worst = int(far.argmax()) // width
        order = tables[2].any(dim=-1).nonzero().flatten().tolist()
        kept = sorted({*order[: _ROWS - 1], worst})
        starts = (far[kept].argmax(dim=-1) - _COLUMNS // 2).clamp(max=width - _COLUMNS).clamp(min=0)
        columns = starts[:, None] + torch.arange(min(width, _COLUMNS))
        parts = (t[kept].gather(1, columns).tolist() for t in tables)
        plain = all(tensor.is_floating_point() and tensor.isfinite().all() for tensor in (yours, theirs))
        return Comparison(
            name,
            tuple(Axis(size, self.setting.sizes.get(size)) for size in theirs.shape),
            tuple(
                Row(
                    tuple(map(int, unravel_index(place, theirs.shape[:-1]))),
                    start,
                    tuple(mine if plain else map(_number, mine)),
                    tuple(other if plain else map(_number, other)),
                    tuple(differ),
                    place == worst,
                )
                for place, start, mine, other, differ in zip(kept, starts.tolist(), *parts, strict=True)
            ),
            int(wrong.sum()),
            wrong.numel(),
            _number(far.max().item()),
            difference.rtol,
            difference.atol,
        )

    # ------------------------------------------------------------ calls

    def failing(self, error: BaseException) -> Entry | None:
        """The call that a failure is about."""
        if isinstance(error, Disagreement):
            return self._source_of(error)
        return self._calls[-1] if self._calls else None

    def last_call(self) -> Call | None:
        """The last call of the test."""
        return self._call(self._calls[-1]) if self._calls else None

    @property
    def _calls(self) -> list[Entry]:
        return [e for e in self.setting.log if isinstance(e.request, wire.Invoke | wire.Differentiate)]

    def _source_of(self, error: Disagreement) -> Entry | None:
        """The call that returned the value in question, or the last one."""
        wanted = [error.actual, error.difference.actual]
        for entry in reversed(self._calls):
            parts = [entry.question.result, *_parts(entry.question.result)]
            holders = [value for value in wanted if isinstance(value, Tensor | tuple | list | dict)]
            if any(part is value for part in parts for value in holders):
                return entry
        return self._calls[-1] if self._calls else None

    def _call(self, entry: Entry) -> Call:
        question = entry.question
        arguments = []
        for place, arg in enumerate(question.args):
            arguments.append(Named(self.argument_name(entry, str(place)), self._described(arg)))
        arguments += [Named(name, self._described(arg)) for name, arg in question.kwargs.items()]
        return Call(question.label, tuple(arguments), self._returned(entry))

    def _described(self, value: Any) -> Value:
        if isinstance(value, Kept):
            return Value(clean_line(value.type_name))
        return _value(describe(value), self.setting.sizes)

    def _returned(self, entry: Entry) -> tuple[Part, ...]:
        if not isinstance(entry.reply, wire.Returned) or entry.reply_blob is None:
            return ()
        place = next(i for i, each in enumerate(self.setting.log) if each is entry)
        mine = answers([entry])[0].value
        theirs: Any = _NOTHING
        if self.setting.right is not None and all(each.whole for each in self.setting.log):
            reply, value, _ = self.setting.right()[place]
            theirs = value if isinstance(reply, wire.Returned) else _NOTHING
        tuples = isinstance(mine, tuple | list) and 0 < len(mine) <= 6
        mine_parts = list(mine) if tuples else [mine]
        if tuples and isinstance(theirs, tuple | list) and len(theirs) == len(mine):
            their_parts = list(theirs)
        elif not tuples and theirs is not _NOTHING:
            their_parts = [theirs]
        else:
            their_parts = [_NOTHING] * len(mine_parts)
        names = self._names_of_parts(entry.question.label, len(mine_parts))
        return tuple(
            Part(
                name,
                self._described(part),
                None if other is _NOTHING else self._described(other),
                None if other is _NOTHING else compare(part, other) is None,
            )
            for name, part, other in zip(names, mine_parts, their_parts, strict=True)
        )

    @staticmethod
    def _mark(parts: tuple[Part, ...], difference: Difference, entry: Entry | None) -> tuple[Part, ...]:
        """The parts, with the one that a test found wrong marked as such."""
        first = difference.path[0] if difference.path else 0
        whole = entry is not None and len(parts) == 1
        return tuple(
            Part(part.name, part.yours, part.expected, False) if whole or place == first else part
            for place, part in enumerate(parts)
        )

    def _resolve(self, label: str) -> Any:
        value: Any = self.setting.reference
        for name in label.removesuffix(".backward").split("."):
            value = getattr(value, name, None)
        return value

    def _signature(self, label: str) -> str | None:
        try:
            return str(inspect.signature(self._resolve(label)))
        except (TypeError, ValueError):
            return None

    def argument_name(self, entry: Entry, place: str) -> str:
        if not place.isdecimal():
            return place
        if isinstance(entry.request, wire.Differentiate):
            return "grad"
        try:
            names = list(inspect.signature(self._resolve(entry.question.label)).parameters)
        except (TypeError, ValueError):
            names = []
        names = names[1:] if names[:1] == ["self"] else names
        return names[int(place)] if int(place) < len(names) else f"argument {int(place) + 1}"

    def _names_of_parts(self, label: str, count: int) -> list[str]:
        """What the reference calls what it returns: the names in its last return statement."""
        function = self._resolve(label)
        names = names_of_results(function) if inspect.isroutine(function) else ()
        if len(names) != count:
            names = ("",) * count
        return [name or ("result" if count == 1 else f"result[{place}]") for place, name in enumerate(names)]

    def _part_name(self, entry: Entry | None, path: Path) -> str:
        if entry is None:
            return "The value"
        result = entry.question.result
        count = len(result) if isinstance(result, tuple | list) and 0 < len(result) <= 6 else 1
        names = self._names_of_parts(entry.question.label, count)
        rest = path
        if count == 1:
            name = names[0] if names[0] != "result" else f"{_RESULT}{entry.question.label} returns"
            name += " at " if path and name.startswith(_RESULT) else ""
        elif path and isinstance(path[0], int) and path[0] < count:
            name, rest = names[path[0]], path[1:]
        else:
            name = f"{_RESULT}{entry.question.label} returns"
        return name + "".join(f"[{key!r}]" for key in rest)


_NOTHING = object()


def _shape_of(value: Any) -> Sequence[int]:
    """The shape of a tensor; a shape itself."""
    return value.shape if isinstance(value, Tensor) else tuple(value)


def _parts(value: Any) -> list[Any]:
    """All that a nested value holds. One pass: a hostile one may be deep and wide."""
    found: list[Any] = []
    left = [value]
    while left:
        item = left.pop()
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, tuple | list) else ()
        found += inner
        left += inner
    return found


def _distances(yours: Tensor, theirs: Tensor) -> Tensor:
    """|yours - theirs|, float64; infinite where only one is infinite or NaN."""
    wide = torch.complex128 if yours.is_complex() or theirs.is_complex() else torch.float64
    return (yours.to(wide) - theirs.to(wide)).abs().nan_to_num(float("inf"), float("inf"))


def _number(value: bool | int | float | complex) -> Number:
    if isinstance(value, bool | complex):
        return str(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "nan" if value != value else ("inf" if value > 0 else "-inf")
    return value if isinstance(value, float) or abs(value) < 2**53 else str(value)


def _digits(number: Number) -> str:
    return f"{number:.4g}" if isinstance(number, float) else str(number)


def _measured(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)} of {_dtype(value)}"
    kept = isinstance(value, RemoteObject | RemoteModule)
    name = value.__dict__["_type_name"] or "object" if kept else type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {clean_line(name[:60])}"


def _short(value: Any) -> str:
    if isinstance(value, torch.Size):
        value = tuple(value)
    if isinstance(value, dict):
        return f"a dict with keys {_and([repr(k)[:40] for k in list(value)[:8]]) or '(none)'}"
    if isinstance(value, tuple | list) and any(isinstance(v, Tensor | dict | tuple | list) for v in value):
        return f"a {type(value).__name__} of {len(value)}"
    text = clean_line(repr(value))
    return text if len(text) <= 200 else f"{text[:199]}…"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _mismatch(threw: wire.Threw | None) -> str | None:
    """What a refused matrix product is about, by the axes that met."""
    if threw is None or "shapes cannot be multiplied" not in threw.message or not threw.frames:
        return None
    tensors = [o for o in threw.frames[-1].operands if o.value.shape]
    if len(tensors) != 2 or not all(o.value.shape for o in tensors):
        return None
    left, right = tensors[0].value.shape or (), tensors[1].value.shape or ()
    meets = right[-2] if len(right) > 1 else right[-1]
    if left[-1] == meets:  # the operands were others than these
        return None
    both = "" if left[-1] != right[-1] else " Both of your tensors carry the same size last."
    return f"a @ b sums over the last axis of a and the one before last of b: here {left[-1]} meets {meets}.{both}"
