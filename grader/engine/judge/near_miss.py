"""Names a near miss: the usual slip under which a wrong tensor becomes the expected one."""

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from grader.engine.judge.compare import differs, tolerance

_ENOUGH = 3  # different numbers below which any slip would fit
_CELLS = 9  # of a mask, below which the same holds
_ROUNDING = 1e-5  # a factor or a summand so small is precision, not a slip
_LARGEST = 1 << 20  # elements beyond which looking costs more than it tells
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def near_miss(actual: Tensor, expected: Tensor) -> str | None:
    """A sentence such as "Your result is the expected one, transposed.", or None where no slip fits."""
    if expected.numel() > _LARGEST or actual.dtype.is_complex:
        return None
    mask = expected.dtype is torch.bool
    if expected.numel() < _CELLS if mask else len(torch.unique(expected)) < _ENOUGH:
        return None
    if actual.shape != expected.shape:
        slips = _shape_slips(actual, expected)
    else:
        slips = _mask_slips(actual, expected) if mask else _value_slips(actual, expected)
    return next(slips, None)


def _fits(candidate: Tensor, expected: Tensor) -> bool:
    rtol, atol = tolerance(candidate.dtype, expected.dtype)
    return candidate.shape == expected.shape and not differs(candidate, expected, 10 * rtol, 10 * atol).any()


def _axis(tensor: Tensor, axis: int) -> str:
    return "last axis" if axis == tensor.dim() - 1 else f"{ORDINALS[axis]} axis"


def _shape_slips(actual: Tensor, expected: Tensor) -> Iterator[str]:
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


def _mask_slips(actual: Tensor, expected: Tensor) -> Iterator[str]:
    yield from _permutations(actual, expected)
    if actual.dtype is torch.bool and _fits(~actual, expected):
        yield "Your result is the opposite of the expected one, True for False everywhere."


def _value_slips(actual: Tensor, expected: Tensor) -> Iterator[str]:
    axes = range(min(expected.dim(), len(ORDINALS)))
    if _fits(actual.flatten().sort().values, expected.flatten().sort().values):  # the right numbers, elsewhere
        yield from _permutations(actual, expected)
        for axis in axes:
            yield from _reordered(actual, expected, axis)
    for axis in axes:
        yield from _shifted(actual, expected, axis)
    if actual.dtype.is_floating_point and expected.dtype.is_floating_point:
        yield from _scaled(actual.double(), expected.double())


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
        if _fits(mine, theirs) and len(torch.unique(theirs)) >= _ENOUGH:
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
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        if not torch.equal(actual, expected) and torch.equal(actual, expected.to(dtype).double()):
            yield f"Your result is the expected one rounded to {str(dtype).removeprefix('torch.')}."
            return
    error = ((actual - expected).abs() / expected.abs().clamp_min(expected.abs().max() * 1e-3)).max().item()
    if 0 < error < 4e-3 and _to_both_sides(actual, expected):
        why = "digits were lost on the way: by a lower precision, or a difference of nearly equal numbers"
        yield f"Your result is right to within {error:.1g} of each value. A constant may be slightly off, or {why}."


def _to_both_sides(actual: Tensor, expected: Tensor) -> bool:
    """Whether errors are as rounding makes them, some numbers too large and some too small, and not one-sided."""
    larger = ((actual - expected) * expected.sign()).sign()
    up, down = int((larger > 0).sum()), int((larger < 0).sum())
    return min(up, down) >= 1 and 4 * min(up, down) >= up + down - 2


def _constant(of: Callable[[Tensor, Tensor], Tensor], actual: Tensor, expected: Tensor) -> float | None:
    """The one value that `of` has everywhere, unless it has several, or none."""
    large = expected.abs() > expected.abs().max() * 1e-6
    values = of(actual, expected)[large]
    if not values.isfinite().all():
        return None
    middle = values.median()
    close = (values - middle).abs() <= 1e-6 * middle.abs()
    rest = of(actual, expected)[~large]
    zeros = actual[~large].abs() <= 1e-6 * expected.abs().max() if rest.numel() else torch.ones(1, dtype=torch.bool)
    return middle.item() if close.all() and zeros.all() and middle != 0 else None
