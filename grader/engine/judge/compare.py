"""Compares what a submission returned with what was expected, and says what differs first."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy import ndarray
from torch import Tensor

from grader.base.result import Outcome

TOLERANCE = {  # dtype: (rtol, atol); a few hundred rounding errors of the dtype, or one in half precision
    torch.float64: (1e-9, 1e-9),
    torch.float32: (1e-5, 1e-5),
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.complex128: (1e-9, 1e-9),
    torch.complex64: (1e-5, 1e-5),
}
Path = tuple[int | str, ...]


@dataclass(frozen=True)
class Difference:
    """The first thing in which two values differ. `path` leads to it inside nested values."""

    outcome: Outcome
    path: Path
    actual: Any
    expected: Any
    rtol: float = 0.0
    atol: float = 0.0


class Disagreement(AssertionError):
    """A value of the submission is not the expected one."""

    def __init__(self, difference: Difference, name: str | None, actual: Any):
        self.difference = difference
        self.name = name  # what the test calls the value; None: it is what a call returned
        self.actual = actual  # the whole value that was compared
        super().__init__(difference.outcome.value)

    def __str__(self) -> str:
        """What differs, for those who run a test without a judge."""
        found = self.difference
        where = (self.name or "the result") + "".join(f"[{key!r}]" for key in found.path)
        what = f"{where}: {found.outcome.value.replace('_', ' ')}"
        return f"{what}\n\nyours:\n{found.actual!r}\n\nexpected:\n{found.expected!r}"


def tolerance(actual: torch.dtype, expected: torch.dtype) -> tuple[float, float]:
    """rtol and atol for two dtypes: those of the coarser one; (0, 0) for integers and bools."""
    pairs = [TOLERANCE[d] for d in (actual, expected) if d in TOLERANCE]
    return (max(p[0] for p in pairs), max(p[1] for p in pairs)) if pairs else (0.0, 0.0)


def differs(actual: Tensor, expected: Tensor, rtol: float, atol: float) -> Tensor:
    """Where two tensors of one shape differ: bool, of that shape. Equal infinities and NaN against NaN agree."""
    if actual.is_floating_point() or actual.is_complex() or expected.is_floating_point() or expected.is_complex():
        wide = torch.complex128 if actual.is_complex() or expected.is_complex() else torch.float64
        return ~torch.isclose(actual.to(wide), expected.to(wide), rtol=rtol, atol=atol, equal_nan=True)
    return actual != expected


def close(actual: float, expected: float, rtol: float, atol: float) -> bool:
    """Whether two numbers are equal up to these bounds. Nothing is close to an infinity but itself."""
    try:
        return actual == expected or abs(actual - expected) <= atol + rtol * abs(expected) < math.inf
    except OverflowError:  # an int beyond all floats
        return False


def compare(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    check_dtype: bool = True,
    path: Path = (),
) -> Difference | None:
    """The first difference between two nested values, or None where they agree.

    Tuples and lists agree with one another element by element. An int agrees with a close float unless both bounds are
    0, and a bool only with a bool. Without `rtol` and `atol` the tolerance is that of the coarser dtype (`TOLERANCE`).
    """

    def differ(outcome: Outcome, **bounds: float) -> Difference:
        return Difference(outcome, path, actual, expected, **bounds)

    if actual is None and expected is not None:
        return differ(Outcome.RETURNED_NONE)
    if isinstance(expected, ndarray) and isinstance(actual, ndarray):
        actual, expected = torch.from_numpy(actual), torch.from_numpy(expected)
    if isinstance(expected, Tensor):
        if not isinstance(actual, Tensor):
            return differ(Outcome.WRONG_TYPE)
        actual, expected = actual.detach(), expected.detach()
        if actual.shape != expected.shape:
            return differ(Outcome.WRONG_SHAPE)
        if check_dtype and actual.dtype != expected.dtype:
            return differ(Outcome.WRONG_DTYPE)
        if actual.dtype == expected.dtype and actual.equal(expected):  # most are: and this is the quickest to find out
            return None
        default_rtol, default_atol = tolerance(actual.dtype, expected.dtype)
        bounds = {"rtol": default_rtol if rtol is None else rtol, "atol": default_atol if atol is None else atol}
        if actual.isnan().logical_and(~expected.isnan()).any():
            return differ(Outcome.NAN, **bounds)
        return differ(Outcome.WRONG_VALUES, **bounds) if differs(actual, expected, **bounds).any() else None
    if isinstance(actual, torch.Size) and isinstance(expected, Sequence) and not isinstance(expected, str | bytes):
        if not all(type(size) is int for size in expected):
            return differ(Outcome.WRONG_TYPE)
        return None if list(actual) == list(expected) else differ(Outcome.WRONG_SHAPE)
    if isinstance(actual, range) and isinstance(expected, range):
        return None if actual == expected else differ(Outcome.WRONG_VALUES)
    if isinstance(expected, Mapping):
        if not isinstance(actual, Mapping):
            return differ(Outcome.WRONG_TYPE)
        if actual.keys() != expected.keys():
            return differ(Outcome.WRONG_VALUES)
        items = [(key, actual[key], expected[key]) for key in expected]
    elif isinstance(expected, Sequence) and not isinstance(expected, str | bytes):
        if not isinstance(actual, Sequence) or isinstance(actual, str | bytes):
            return differ(Outcome.WRONG_TYPE)
        if len(actual) != len(expected):
            return differ(Outcome.WRONG_VALUES)
        items = list(zip(range(len(expected)), actual, expected, strict=True))
    elif isinstance(expected, bool) or not isinstance(expected, int | float):
        if type(actual) is not type(expected):
            return differ(Outcome.WRONG_TYPE)
        return None if actual == expected else differ(Outcome.WRONG_VALUES)
    else:
        if not isinstance(actual, int | float) or isinstance(actual, bool):
            return differ(Outcome.WRONG_TYPE)
        whole = isinstance(actual, int) and isinstance(expected, int)
        default_rtol, default_atol = (0.0, 0.0) if whole else TOLERANCE[torch.float64]
        bounds = {"rtol": default_rtol if rtol is None else rtol, "atol": default_atol if atol is None else atol}
        if actual != actual:  # NaN against NaN agrees, as in tensors
            return differ(Outcome.NAN, **bounds) if expected == expected else None
        if rtol == atol == 0 and isinstance(actual, int) != isinstance(expected, int):
            return differ(Outcome.WRONG_TYPE)
        return None if close(actual, expected, **bounds) else differ(Outcome.WRONG_VALUES, **bounds)
    for key, mine, theirs in items:
        below = (*path, key)
        found = compare(mine, theirs, rtol=rtol, atol=atol, check_dtype=check_dtype, path=below)
        if found:
            return found
    return None
