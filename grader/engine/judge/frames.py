"""Frames of the student's code for the screen, with the source around them."""

import msgspec

from grader.base.result import Frame, NamedValue, Operand, Raised, Samples, SourceLine
from grader.base.text import clean, clean_line
from grader.engine.judge.context import FailureContext
from grader.engine.judge.faults import Fault
from grader.engine.judge.values import is_size_name, value_of
from grader.engine.sandbox import wire

_CONTEXT_LINES = 2  # before and after the failing line


def exception_of(threw: wire.Threw, source: str, module: str, file: str, sizes: dict[int, str]) -> Raised:
    """Return an exception of the student's with the source around each frame."""
    frames = tuple(_frame(frame, source, module, file, sizes) for frame in threw.frames)
    return Raised(clean_line(threw.type_name), clean(threw.message), frames, threw.hidden_frames)


def samples_of(fault: Fault, context: FailureContext) -> Samples:
    """Return where a call without end was seen most often, and which locals never changed there."""
    seen = fault.samples
    if not seen:
        return Samples(fault.seconds, 0)
    places = [(s.file, s.line) for s in seen]
    place = max(dict.fromkeys(places), key=places.count)
    shown = next(s for s in reversed(seen) if (s.file, s.line) == place)
    same_function = [s for s in seen if (s.file, s.function) == (shown.file, shown.function)]
    still = {
        name: value
        for name, value in shown.locals.items()
        if all(s.locals.get(name) == value for s in same_function) and value.shape is None
    }
    frame = _frame(shown, context.source, context.module, context.file, context.sizes)
    frame = msgspec.structs.replace(frame, locals=tuple(n for n in frame.locals if n.name not in still))
    unchanged = tuple(NamedValue(clean_line(n), value_of(v, context.sizes)) for n, v in list(still.items())[:6])
    return Samples(fault.seconds, len(seen), frame, unchanged if len(seen) > 1 else ())


def _frame(seen: wire.SeenFrame, source: str, module: str, file: str, sizes: dict[int, str]) -> Frame:
    sizes = _undisputed(sizes, seen)
    own = seen.file == f"{module}.py"
    lines = source.split("\n") if own else []
    first = max(1, seen.line - _CONTEXT_LINES)
    shown = [
        SourceLine(n, clean_line(lines[n - 1])) for n in range(first, min(len(lines), seen.line + _CONTEXT_LINES) + 1)
    ]
    line = lines[seen.line - 1] if 0 < seen.line <= len(lines) else ""

    def characters(offset: int | None) -> int | None:
        """Return the column on the screen for an offset in UTF-8."""
        return None if offset is None else len(clean_line(line.encode()[:offset].decode("utf-8", "ignore")))

    return Frame(
        file=file if own else clean_line(seen.file),
        line=seen.line,
        function=clean_line(seen.function),
        source=tuple(shown),
        column=characters(seen.column),
        end_column=characters(seen.end_column) if seen.end_line in (None, seen.line) else None,
        operands=tuple(
            Operand(clean_line(o.expression), characters(o.column) or 0, value_of(o.value, sizes))
            for o in seen.operands[:8]
            if o.line == seen.line
        ),
        locals=tuple(NamedValue(clean_line(n), value_of(v, sizes)) for n, v in list(seen.locals.items())[:40]),
    )


def _undisputed(sizes: dict[int, str], seen: wire.SeenFrame) -> dict[int, str]:
    """Return the names of sizes, without sizes for which the student's code has another name in this frame."""
    theirs = [(value.text, name) for name, value in seen.locals.items() if is_size_name(name)]
    other = {text for text, name in theirs if text.isdecimal() and sizes.get(int(text)) != name}
    return {size: name for size, name in sizes.items() if str(size) not in other}
