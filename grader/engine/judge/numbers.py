"""Two tensors that differ, as the table of the numbers in which they do."""

import torch
from numpy import unravel_index
from torch import Tensor

from grader.base.result import Comparison, Number, Row
from grader.engine.judge.compare import Difference, differs
from grader.engine.judge.values import axes

_ROWS = 400  # rows of a comparison that are kept; a screen shows fewer
_COLUMNS = 8  # numbers of a row
_FEW = 8  # rows that are all kept: what agrees is part of the pattern


def comparison(name: str, difference: Difference, sizes: dict[int, str]) -> Comparison:
    """The rows in which two tensors of one shape differ, and how many numbers do, and by how much at most. Of small
    tensors it is all rows.

    `name` is that of the part of a result which they are.
    """
    yours, theirs = difference.actual.detach(), difference.expected.detach()
    wrong = differs(yours, theirs, difference.rtol, difference.atol)
    distances = _distances(yours, theirs).masked_fill(~wrong, -1.0)
    width = theirs.shape[-1] if theirs.dim() else 1
    tables = [t.reshape(-1, width) for t in (yours, theirs, wrong)]
    far = distances.reshape(-1, width)
    worst = int(far.argmax()) // width
    few = len(far) <= _FEW and width <= _COLUMNS
    order = list(range(len(far))) if few else tables[2].any(dim=-1).nonzero().flatten().tolist()
    kept = sorted({*order[: _ROWS - 1], worst})
    starts = (far[kept].argmax(dim=-1) - _COLUMNS // 2).clamp(max=width - _COLUMNS).clamp(min=0)
    columns = starts[:, None] + torch.arange(min(width, _COLUMNS))
    parts = (t[kept].gather(1, columns).tolist() for t in tables)
    plain = all(tensor.is_floating_point() and tensor.isfinite().all() for tensor in (yours, theirs))
    return Comparison(
        name,
        axes(theirs.shape, sizes),
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
