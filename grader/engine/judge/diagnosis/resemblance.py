"""Resemblance of a wrong version to a submission: wrong in the same places, with numbers that are near."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from grader.engine.judge.compare import differs, tolerance
from grader.engine.judge.diagnosis.evidence import Case, MismatchedAnswer

FARTHEST = 0.2  # distance from the version, in units of the distance from the reference
FEWEST = 6  # wrong numbers; fewer are near to those of some version by chance


class _Wrong(NamedTuple):
    """The wrong numbers of a submission with those of a version and the right ones: three vectors in float64."""

    mine: Tensor
    version: Tensor
    right: Tensor


def distance(case: Case, answers: Iterable[MismatchedAnswer | None]) -> float | None:
    """Return how far a version's wrong answers are from the submission's, in units of their distance from the right.

    The largest over all calls. None if the version is wrong in other places, if too few numbers are wrong, or if it is
    farther than `FARTHEST`.
    """
    found: list[float] = []
    count = 0
    for place, version in zip(range(case.answered), answers, strict=True):
        if case.is_right[place] != (version is None):
            return None
        if version is None:
            continue
        parts = list(_wrong_parts(case.answers[place].value, version.answer.value, case.expected[place].value))
        if None in parts:
            return None
        wrong = _Wrong(*(torch.cat(vectors) for vectors in zip(*filter(None, parts), strict=True)))
        count += len(wrong.mine)
        found.append(float((wrong.mine - wrong.version).norm() / (wrong.mine - wrong.right).norm()))
    farthest = max(found, default=None)
    return farthest if farthest is not None and farthest <= FARTHEST and count >= FEWEST else None


def _wrong_parts(mine: Any, version: Any, right: Any) -> Iterator[_Wrong | None]:
    """Yield the wrong numbers of each part of an answer; None for a part that is of another kind or wrong elsewhere."""
    if isinstance(mine, int | float) and isinstance(version, int | float) and isinstance(right, int | float):
        mine, version, right = (torch.tensor(float(each), dtype=torch.float64) for each in (mine, version, right))
    if isinstance(mine, Tensor) and isinstance(version, Tensor) and isinstance(right, Tensor):
        yield _wrong_numbers(mine.detach(), version.detach(), right.detach())
    elif isinstance(mine, list | tuple) and isinstance(version, list | tuple) and isinstance(right, list | tuple):
        if len(mine) != len(version) or len(mine) != len(right):
            yield None
        for parts in zip(mine, version, right, strict=False):
            yield from _wrong_parts(*parts)
    elif isinstance(mine, dict) and isinstance(version, dict) and isinstance(right, dict):
        if mine.keys() != version.keys() or mine.keys() != right.keys():
            yield None
        for key in mine.keys() & version.keys() & right.keys():
            yield from _wrong_parts(mine[key], version[key], right[key])
    else:
        yield None


def _wrong_numbers(mine: Tensor, version: Tensor, right: Tensor) -> _Wrong | None:
    if mine.shape != right.shape or version.shape != right.shape or mine.is_complex() or right.is_complex():
        return None
    bounds = tolerance(mine.dtype, right.dtype)
    wrong = differs(mine, right, *bounds)
    if not wrong.equal(differs(version, right, *bounds)):
        return None
    found = _Wrong(*(each[wrong].double() for each in (mine, version, right)))
    return found if all(bool(each.isfinite().all()) for each in found) else None
