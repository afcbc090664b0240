"""Tables of the numbers in which two tensors differ."""

import torch
from numpy import unravel_index
from torch import Tensor

from grader.base.result import Comparison, Number, Row
from grader.engine.judge.compare import Difference, differs
from grader.engine.judge.values import named_axes

_MAX_ROWS = 400  # of a table; a screen shows fewer
_COLUMNS = 8  # numbers in a row
_FEW_ROWS = 8  # a table so small is kept whole: rows that agree are part of the pattern


def compare_numbers(name: str, difference: Difference, sizes: dict[int, str]) -> Comparison:
    """Return the rows in which two tensors of the same shape differ, with the number and the size of the differences.

    Small tensors are kept whole. `name` is the tensors' name on the screen.
    """
    yours, theirs = difference.actual.detach(), difference.expected.detach()
    wrong = differs(yours, theirs, difference.rtol, difference.atol)
    distances = _distances(yours, theirs).masked_fill(~wrong, -1.0)
    width = theirs.shape[-1] if theirs.dim() else 1
    rows_of = [t.reshape(-1, width) for t in (yours, theirs, wrong)]
    distances = distances.reshape(-1, width)
    worst = int(distances.argmax()) // width
    is_small = len(distances) <= _FEW_ROWS and width <= _COLUMNS
    order = list(range(len(distances))) if is_small else rows_of[2].any(dim=-1).nonzero().flatten().tolist()
    kept = sorted({*order[: _MAX_ROWS - 1], worst})
    starts = (distances[kept].argmax(dim=-1) - _COLUMNS // 2).clamp(max=width - _COLUMNS).clamp(min=0)
    columns = starts[:, None] + torch.arange(min(width, _COLUMNS))
    parts = (t[kept].gather(1, columns).tolist() for t in rows_of)
    are_finite = all(tensor.is_floating_point() and tensor.isfinite().all() for tensor in (yours, theirs))
    return Comparison(
        name,
        named_axes(theirs.shape, sizes),
        tuple(
            Row(
                tuple(map(int, unravel_index(place, theirs.shape[:-1]))),
                start,
                tuple(mine if are_finite else map(_number, mine)),
                tuple(other if are_finite else map(_number, other)),
                tuple(differ),
                place == worst,
            )
            for place, start, mine, other, differ in zip(kept, starts.tolist(), *parts, strict=True)
        ),
        int(wrong.sum()),
        wrong.numel(),
        _number(distances.max().item()),
        difference.rtol,
        difference.atol,
    )


def _distances(yours: Tensor, theirs: Tensor) -> Tensor:
    """Return |yours - theirs| in float64; infinite where only one is infinite or NaN."""
    wide = torch.complex128 if yours.is_complex() or theirs.is_complex() else torch.float64
    return (yours.to(wide) - theirs.to(wide)).abs().nan_to_num(float("inf"), float("inf"))


def _number(value: bool | int | float | complex) -> Number:
    if isinstance(value, bool | complex):
        return str(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "nan" if value != value else ("inf" if value > 0 else "-inf")
    return value if isinstance(value, float) or abs(value) < 2**53 else str(value)
