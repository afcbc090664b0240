"""Sentences about where a result is wrong: along an axis, at a diagonal, or by a mask."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from grader.engine.judge.compare import differs, tolerance
from grader.engine.judge.near_miss import ORDINALS

_FEWEST = 4  # wrong elements; fewer would fit any description


def describe_error_positions(
    actual: Tensor, expected: Tensor, sizes: dict[int, str], masks: Sequence[tuple[str, Tensor]]
) -> str | None:
    """Return a sentence such as "Only the last position along T is wrong.", or None if there is no pattern.

    `sizes` are the test's names of sizes, `masks` arguments that hold only two values, with their names.
    """
    if actual.shape != expected.shape or not expected.dim():
        return None
    wrong = differs(actual.detach(), expected.detach(), *tolerance(actual.dtype, expected.dtype))
    if int(wrong.sum()) < _FEWEST or bool(wrong.all()):
        return None
    return next(iter((*_by_mask(wrong, masks), *_by_diagonal(wrong), *_by_axis(wrong, sizes))), None)


def _by_axis(wrong: Tensor, sizes: dict[int, str]) -> Iterator[str]:
    for axis in range(wrong.dim()):
        length = wrong.shape[axis]
        if length < 3 and not (length == 2 and axis == 0):
            continue
        others = [each for each in range(wrong.dim()) if each != axis]
        any_wrong = wrong.any(dim=others) if others else wrong
        at = any_wrong.nonzero().flatten().tolist()
        only = wrong.shape.count(length) == 1  # otherwise the name may be that of another axis
        name = (only and sizes.get(length)) or f"the {ORDINALS[min(axis, 5)]} axis"
        if at == [length - 1]:
            yield f"Only the last position along {name} is wrong."
        elif at == [0]:
            yield f"Only the first position along {name} is wrong."
        elif at == list(range(1, length)):
            yield f"The first position along {name} is right, all others are wrong somewhere."
        elif 1 < len(at) < length and at == list(range(at[0], length)):
            yield f"Along {name} all is right before position {at[0]} (counted from 0), and wrong from there on."
        elif 1 < len(at) < length and at == list(range(at[-1] + 1)):
            yield f"Along {name} all is right from position {at[-1] + 1} on (counted from 0), and wrong before."


def _by_diagonal(wrong: Tensor) -> Iterator[str]:
    if wrong.dim() < 2 or wrong.shape[-1] != wrong.shape[-2] or wrong.shape[-1] < 3:
        return
    any_wrong = wrong.flatten(0, -3).any(0) if wrong.dim() > 2 else wrong
    every = torch.ones_like(any_wrong)
    for cells, words in (
        (torch.eye(len(every), dtype=torch.bool), "on the diagonal of the last two axes"),
        (every.tril(-1), "below the diagonal of the last two axes"),
        (every.triu(1), "above the diagonal of the last two axes"),
    ):
        if not (any_wrong & ~cells).any():
            yield f"It is wrong only {words}."
            return


def _by_mask(wrong: Tensor, masks: Sequence[tuple[str, Tensor]]) -> Iterator[str]:
    for name, mask in masks:
        hidden = mask == 0
        if mask.dim() <= wrong.dim() and mask.shape == wrong.shape[: mask.dim()] and hidden.any() and not hidden.all():
            rows = wrong.flatten(mask.dim()).any(-1) if wrong.dim() > mask.dim() else wrong
            if not (rows & ~hidden).any():
                yield f"It is wrong only where `{name}` is 0."
            elif not (rows & hidden).any():
                yield f"It is wrong only where `{name}` is 1."
