"""Near misses: wrong tensors that one common mistake makes of the expected one."""

import itertools
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from grader.engine.judge.compare import differs, tolerance

_MIN_DISTINCT = 3  # different numbers; with fewer, any mistake would fit
_MIN_MASK = 9  # elements of a mask; with fewer, any mistake would fit
_FLOAT32 = 1e-6  # relative errors of a computation in float32
_TWO_DIGITS = 10  # a number rounded to one digit may be right by chance
_ROUNDING = 1e-5  # a smaller factor or offset is a matter of precision
_MAX_ELEMENTS = 1 << 20  # more take too long
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def near_miss(actual: Tensor, expected: Tensor) -> str | None:
    """Return a sentence such as "Your result is the expected one, transposed.", or None if no mistake fits."""
    if expected.numel() > _MAX_ELEMENTS or actual.is_complex() or expected.is_complex():
        return None
    mask = expected.dtype is torch.bool
    too_few = expected.numel() < _MIN_MASK if mask else len(torch.unique(expected)) < _MIN_DISTINCT
    if too_few:
        return None
    if actual.shape != expected.shape:
        misses = _wrong_shapes(actual, expected)
    elif mask:
        misses = _wrong_masks(actual, expected)
    else:
        misses = _wrong_values(actual, expected)
    return next(misses, None)


def _fits(candidate: Tensor, expected: Tensor) -> bool:
    rtol, atol = tolerance(candidate.dtype, expected.dtype)
    return candidate.shape == expected.shape and not differs(candidate, expected, 10 * rtol, 10 * atol).any()


def _axis(tensor: Tensor, axis: int) -> str:
    return "last axis" if axis == tensor.dim() - 1 else f"{ORDINALS[axis]} axis"


def _wrong_shapes(actual: Tensor, expected: Tensor) -> Iterator[str]:
    if sorted(actual.shape) == sorted(expected.shape):
        yield from _permutations(actual, expected)
    if actual.numel() == expected.numel() and _fits(actual.reshape(expected.shape), expected):
        missing = expected.dim() - actual.dim()
        if missing > 0:
            yield f"The numbers are right, but {_count(missing)} missing from the shape."
        elif missing < 0:
            yield f"The numbers are right, but {_count(-missing)} too many in the shape."
        else:
            yield "The numbers are right and in order, but split into other axes."


def _count(axes: int) -> str:
    return "one axis is" if axes == 1 else f"{axes} axes are"


def _permutations(actual: Tensor, expected: Tensor) -> Iterator[str]:
    if actual.dim() == 2:
        if _fits(actual.T, expected):
            yield "Your result is the expected one, transposed."
    elif 2 < actual.dim() <= 4:
        for order in itertools.permutations(range(actual.dim())):
            if order != tuple(range(actual.dim())) and _fits(actual.permute(order), expected):
                yield f"Your result is the expected one with its axes in another order: permute{order} would mend it."


def _wrong_masks(actual: Tensor, expected: Tensor) -> Iterator[str]:
    yield from _permutations(actual, expected)
    if actual.dtype is torch.bool and _fits(~actual, expected):
        yield "Your result is the opposite of the expected one, True for False everywhere."


def _wrong_values(actual: Tensor, expected: Tensor) -> Iterator[str]:
    if not _fits(actual, expected):  # numbers that are nearly right are not in wrong places
        yield from _misplaced(actual, expected)
    if actual.dtype.is_floating_point and expected.dtype.is_floating_point:
        yield from _scaled(actual.double(), expected.double())


def _misplaced(actual: Tensor, expected: Tensor) -> Iterator[str]:
    axes = range(min(expected.dim(), len(ORDINALS)))
    if _fits(actual.flatten().sort().values, expected.flatten().sort().values):  # the right numbers in wrong places
        yield from _permutations(actual, expected)
        for axis in axes:
            yield from _reordered(actual, expected, axis)
    for axis in axes:
        yield from _shifted(actual, expected, axis)


def _reordered(actual: Tensor, expected: Tensor, axis: int) -> Iterator[str]:
    length = expected.shape[axis]
    if length > 1 and _fits(actual.flip(axis), expected):
        yield f"Your result is the expected one, reversed along the {_axis(expected, axis)}."
    if length > 2 and _fits(actual.sort(dim=axis).values, expected.sort(dim=axis).values):
        yield f"The right numbers in another order along the {_axis(expected, axis)}."


def _shifted(actual: Tensor, expected: Tensor, axis: int) -> Iterator[str]:
    length = expected.shape[axis]
    if length < 4:
        return
    for step, where in ((1, "late"), (-1, "early")):
        mine = actual.narrow(axis, max(step, 0), length - 1)
        theirs = expected.narrow(axis, max(-step, 0), length - 1)
        if _fits(mine, theirs) and len(torch.unique(theirs)) >= _MIN_DISTINCT:
            yield f"Your result is the expected one, shifted along the {_axis(expected, axis)}: one step too {where}."


def _scaled(actual: Tensor, expected: Tensor) -> Iterator[str]:
    if not (actual.isfinite().all() and expected.isfinite().all()):
        return
    if _fits(-actual, expected):
        yield "Your result is the expected one, negated."
        return
    ratio = _constant(lambda a, e: a / e, actual, expected)
    if ratio is not None and abs(ratio - 1) > _ROUNDING:
        yield f"Your result is the expected one times {ratio:.4g}, everywhere."
        return
    offset = _constant(lambda a, e: a - e, actual, expected)
    if offset is not None and abs(offset) > _ROUNDING * expected.abs().max():
        yield f"Your result is the expected one plus {offset:.4g}, everywhere."
        return
    for axis in range(expected.dim()):
        total = actual.sum(axis, keepdim=True)
        if expected.shape[axis] > 1 and (total != 0).all() and _fits(actual / total, expected):
            yield f"Your result is the expected one once divided by its sum along the {_axis(expected, axis)}."
            return
    rounding = _rounding(actual, expected)
    if rounding is not None:
        yield f"Your result is the expected one rounded to {rounding}."
        return
    error = ((actual - expected).abs() / expected.abs().clamp_min(expected.abs().max() * 1e-3)).max().item()
    if 0 < error < 4e-3 and _errs_both_ways(actual, expected):
        size = f"Your result is right to within {_rounded_up(error):.1g} of each value"
        if error < _FLOAT32:
            why = "is anything converted to float32, or are nearly equal numbers subtracted?"
            yield f"{size}, which is about the precision of float32: {why}"
        else:
            why = "digits were lost on the way: by a lower precision, or a difference of nearly equal numbers"
            yield f"{size}. A constant may be slightly off, a function may be only nearly right, or {why}."


def rounded_number(actual: float, expected: float) -> str | None:
    """Return a sentence if a number is the expected one rounded to fewer digits; None otherwise."""
    if not (math.isfinite(actual) and math.isfinite(expected)):
        return None
    rounding = _rounding(torch.tensor([actual], dtype=torch.float64), torch.tensor([expected], dtype=torch.float64))
    if rounding is None and actual == math.trunc(expected) and abs(actual) >= _TWO_DIGITS:
        return "That is the expected number without the digits after the point."
    return None if rounding is None else f"That is the expected number rounded to {rounding}."


def _rounding(actual: Tensor, expected: Tensor) -> str | None:
    """Return the dtype, or the number of decimals, to which the expected values are rounded; None if they are not."""
    if torch.equal(actual, expected) or not (actual != 0).any():
        return None
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        if torch.equal(actual, expected.to(dtype).double()):
            return str(dtype).removeprefix("torch.")
    for decimals in range(8, -1, -1):
        digits_left = expected.abs().max() * 10**decimals
        rounded = expected.round(decimals=decimals)
        if digits_left >= _TWO_DIGITS and _are_much_nearer(actual, expected, rounded):
            return "whole numbers" if decimals == 0 else f"{decimals} decimal{'s' * (decimals > 1)}"
    return None


def _rounded_up(number: float) -> float:
    """Return a positive number rounded up to one digit."""
    digit = 10.0 ** math.floor(math.log10(number))
    return math.ceil(number / digit) * digit


def _are_much_nearer(actual: Tensor, one: Tensor, other: Tensor) -> bool:
    """Return whether numbers are at least a hundred times nearer to `other` than `one` is."""
    return bool((actual - other).abs().max() < 0.01 * (one - other).abs().max())


def _errs_both_ways(actual: Tensor, expected: Tensor) -> bool:
    """Return whether some numbers are too large and others too small, as after rounding."""
    larger = ((actual - expected) * expected.sign()).sign()
    up, down = int((larger > 0).sum()), int((larger < 0).sum())
    return min(up, down) >= 1 and 4 * min(up, down) >= up + down - 2


def _constant(of: Callable[[Tensor, Tensor], Tensor], actual: Tensor, expected: Tensor) -> float | None:
    """Return the value of `of` if it is the same everywhere; None otherwise."""
    large = expected.abs() > expected.abs().max() * 1e-6
    values = of(actual, expected)[large]
    if not values.isfinite().all():
        return None
    middle = values.median()
    close = (values - middle).abs() <= 1e-6 * middle.abs()
    near_zero = actual[~large].abs() <= 1e-6 * expected.abs().max()  # where `of` would be inaccurate
    return middle.item() if close.all() and near_zero.all() and middle != 0 else None
