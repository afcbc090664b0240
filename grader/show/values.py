"""Values and shapes in words."""

from collections.abc import Iterable, Sequence

from grader.base.result import Axis, ReturnedPart, Value


def shape_text(axes: Sequence[Axis]) -> str:
    """Return `[T=4, D=8]`; an axis without a name is shown by its size."""
    return "[" + ", ".join(f"{a.name}={a.size}" if a.name else str(a.size) for a in axes) + "]"


def describe_value(value: Value, dtype: bool = False) -> str:
    """Return a tensor's shape, and its dtype if asked for; the text of any other value."""
    if value.shape is None:
        return value.text
    kind = "numpy " if value.text == "array" else ""
    return kind + shape_text(value.shape) + (f" {value.dtype}" if dtype and value.dtype else "")


def axes_sentence(parts: Iterable[ReturnedPart]) -> str | None:
    """Return which axis is missing or unexpected in the parts with a wrong shape; None if there are none."""
    wrong = [
        (part.name, part.yours.shape, part.expected.shape)
        for part in parts
        if part.yours.shape is not None and part.expected and part.expected.shape is not None
    ]
    wrong = [(name, yours, expected) for name, yours, expected in wrong if _sizes(yours) != _sizes(expected)]
    if not wrong:
        return None
    sentences = {_axes_sentence("result", yours, expected) for _, yours, expected in wrong}
    return sentences.pop() if len(sentences) == 1 else _axes_sentence(*wrong[0])


def _axes_sentence(name: str, yours: Sequence[Axis], expected: Sequence[Axis]) -> str:
    missing, extra = _without(expected, yours), _without(yours, expected)
    if not missing and not extra:
        return f"Your {name} has the expected axes in another order."
    if not missing:
        which = "One axis" if len(extra) == 1 else f"{len(extra)} axes"
        return f"{which} of your {name} should not be there: {_lengths(extra)}."
    subject = "No axis" if len(missing) == 1 else "No axes"
    verb = "has" if len(missing) == 1 else "have"
    instead = f"; {_lengths(extra)} should not be there" if extra else ""
    return f"{subject} of your {name} {verb} length {_lengths(missing)}{instead}."


def _sizes(axes: Sequence[Axis]) -> list[int]:
    return [axis.size for axis in axes]


def _without(axes: Sequence[Axis], others: Sequence[Axis]) -> list[Axis]:
    """Return the axes that are left after each of `others` has taken one of its size."""
    taken = _sizes(others)
    left = []
    for axis in axes:
        if axis.size in taken:
            taken.remove(axis.size)
        else:
            left.append(axis)
    return left


def _lengths(axes: Sequence[Axis]) -> str:
    return " and ".join(shape_text([axis])[1:-1] for axis in axes)
