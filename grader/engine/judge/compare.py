"""Comparison of the values that a submission returned with the expected ones."""

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
PYTHON_FLOAT = (1e-5, 1e-6)  # a right solution may have computed it in float32
Path = tuple[int | str, ...]


@dataclass(frozen=True)
class Difference:
    """The first difference between two nested values, at `path` inside them."""

    outcome: Outcome
    path: Path
    actual: Any
    expected: Any
    rtol: float = 0.0
    atol: float = 0.0


class Disagreement(AssertionError):
    """Raised where a value of the submission is not the expected one."""

    def __init__(self, difference: Difference, name: str | None, actual: Any):
        self.difference = difference
        self.name = name  # what the test calls the value; None: it is what a call returned
        self.actual = actual  # the whole value that was compared
        super().__init__(difference.outcome.value)

    def __str__(self) -> str:
        """Return a message for a test that runs without a judge."""
        found = self.difference
        where = (self.name or "the result") + "".join(f"[{key!r}]" for key in found.path)
        what = f"{where}: {found.outcome.value.replace('_', ' ')}"
        return f"{what}\n\nyours:\n{found.actual!r}\n\nexpected:\n{found.expected!r}"


def tolerance(actual: torch.dtype, expected: torch.dtype) -> tuple[float, float]:
    """Return the rtol and atol of the coarser of two dtypes; (0, 0) for integers and bools."""
    pairs = [TOLERANCE[d] for d in (actual, expected) if d in TOLERANCE]
    return (max(p[0] for p in pairs), max(p[1] for p in pairs)) if pairs else (0.0, 0.0)


def differs(actual: Tensor, expected: Tensor, rtol: float, atol: float) -> Tensor:
    """Return a bool tensor that is True where two tensors of the same shape differ.

    Equal infinities agree, and so do two NaNs.
    """
    if actual.is_floating_point() or actual.is_complex() or expected.is_floating_point() or expected.is_complex():
        wide = torch.complex128 if actual.is_complex() or expected.is_complex() else torch.float64
        return ~torch.isclose(actual.to(wide), expected.to(wide), rtol=rtol, atol=atol, equal_nan=True)
    return actual != expected


def close(actual: float, expected: float, rtol: float, atol: float) -> bool:
    """Return whether two numbers are equal within these bounds; an infinity is close only to itself."""
    try:
        return actual == expected or abs(actual - expected) <= atol + rtol * abs(expected) < math.inf
    except OverflowError:  # an int too large for a float
        return False


def compare(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    check_dtype: bool = True,
    floats: tuple[float, float] = PYTHON_FLOAT,
) -> Difference | None:
    """Return the first difference between two nested values, or None if they agree.

    A tuple agrees with a list of the same elements. An int agrees with a close float unless both bounds are 0; a bool
    agrees only with a bool. Without `rtol` and `atol` the tolerance is that of the coarser dtype (`TOLERANCE`), and
    `floats` for Python floats.
    """
    return _Comparison(rtol, atol, check_dtype, floats).compare(actual, expected, ())


@dataclass(frozen=True)
class _Comparison:
    """The options of a comparison, and a method for each kind of value."""

    rtol: float | None
    atol: float | None
    check_dtype: bool
    floats: tuple[float, float]

    def compare(self, actual: Any, expected: Any, path: Path) -> Difference | None:
        if actual is None and expected is not None:
            return Difference(Outcome.RETURNED_NONE, path, actual, expected)
        if isinstance(actual, ndarray) and isinstance(expected, ndarray):
            return self._compare_tensors(torch.from_numpy(actual), torch.from_numpy(expected), path)
        if isinstance(expected, Tensor):
            return self._compare_tensors(actual, expected, path)
        if isinstance(actual, torch.Size) and _is_sequence(expected):
            return self._compare_shapes(actual, expected, path)
        if isinstance(actual, range) and isinstance(expected, range):
            return self._compare_plain(actual, expected, path)
        if isinstance(expected, Mapping):
            return self._compare_mappings(actual, expected, path)
        if _is_sequence(expected):
            return self._compare_sequences(actual, expected, path)
        if _is_number(expected):
            return self._compare_numbers(actual, expected, path)
        return self._compare_plain(actual, expected, path)

    def _compare_tensors(self, actual: Any, expected: Tensor, path: Path) -> Difference | None:
        if not isinstance(actual, Tensor):
            return Difference(Outcome.WRONG_TYPE, path, actual, expected)
        actual, expected = actual.detach(), expected.detach()
        if actual.shape != expected.shape:
            return Difference(Outcome.WRONG_SHAPE, path, actual, expected)
        if self.check_dtype and actual.dtype != expected.dtype:
            return Difference(Outcome.WRONG_DTYPE, path, actual, expected)
        if actual.dtype == expected.dtype and actual.equal(expected):  # the usual case, and the fastest test
            return None
        rtol, atol = self._bounds(tolerance(actual.dtype, expected.dtype))
        if actual.isnan().logical_and(~expected.isnan()).any():
            return Difference(Outcome.NAN, path, actual, expected, rtol, atol)
        if differs(actual, expected, rtol, atol).any():
            return Difference(Outcome.WRONG_VALUES, path, actual, expected, rtol, atol)
        return None

    def _compare_shapes(self, actual: torch.Size, expected: Sequence[Any], path: Path) -> Difference | None:
        if not all(type(size) is int for size in expected):
            return Difference(Outcome.WRONG_TYPE, path, actual, expected)
        return None if list(actual) == list(expected) else Difference(Outcome.WRONG_SHAPE, path, actual, expected)

    def _compare_mappings(self, actual: Any, expected: Mapping[Any, Any], path: Path) -> Difference | None:
        if not isinstance(actual, Mapping):
            return Difference(Outcome.WRONG_TYPE, path, actual, expected)
        if actual.keys() != expected.keys():
            return Difference(Outcome.WRONG_VALUES, path, actual, expected)
        for key in expected:
            if found := self.compare(actual[key], expected[key], (*path, key)):
                return found
        return None

    def _compare_sequences(self, actual: Any, expected: Sequence[Any], path: Path) -> Difference | None:
        if not _is_sequence(actual):
            return Difference(Outcome.WRONG_TYPE, path, actual, expected)
        if len(actual) != len(expected):
            return Difference(Outcome.WRONG_VALUES, path, actual, expected)
        for place, (mine, theirs) in enumerate(zip(actual, expected, strict=True)):
            if found := self.compare(mine, theirs, (*path, place)):
                return found
        return None

    def _compare_numbers(self, actual: Any, expected: float, path: Path) -> Difference | None:
        if not _is_number(actual):
            return Difference(Outcome.WRONG_TYPE, path, actual, expected)
        if isinstance(expected, float):
            default = self.floats
        else:
            default = (0.0, 0.0) if isinstance(actual, int) else TOLERANCE[torch.float64]
        rtol, atol = self._bounds(default)
        if actual != actual:  # two NaNs agree, as in tensors
            return Difference(Outcome.NAN, path, actual, expected, rtol, atol) if expected == expected else None
        if self.rtol == self.atol == 0 and isinstance(actual, int) != isinstance(expected, int):
            return Difference(Outcome.WRONG_TYPE, path, actual, expected)
        if close(actual, expected, rtol, atol):
            return None
        return Difference(Outcome.WRONG_VALUES, path, actual, expected, rtol, atol)

    def _compare_plain(self, actual: Any, expected: Any, path: Path) -> Difference | None:
        if type(actual) is not type(expected):
            return Difference(Outcome.WRONG_TYPE, path, actual, expected)
        return None if actual == expected else Difference(Outcome.WRONG_VALUES, path, actual, expected)

    def _bounds(self, default: tuple[float, float]) -> tuple[float, float]:
        rtol, atol = default
        return rtol if self.rtol is None else self.rtol, atol if self.atol is None else self.atol


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
