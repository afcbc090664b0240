"""Fingerprints of answers: small, kept by the thousand, and near each other where answers are equal up to rounding."""

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from grader.errors import UsageError
from grader.judge.compare import TOLERANCE
from grader.judge.replay import Answer
from grader.sandbox import wire
from grader.sandbox.exceptions import builtin_bases

_LOOSE = 10  # times the tolerance of a dtype: prints only choose what is then compared


class Print(NamedTuple):
    """`kind` is compared exactly, each of `sums` up to its own bound."""

    kind: int
    sums: tuple[tuple[float, float], ...]  # a weighted sum of the numbers of a tensor, and how far it may be off


def print_of(answer: Answer) -> Print:
    """The fingerprint of an answer, gradients and modules left out."""
    reply = answer.reply
    if isinstance(reply, wire.Returned):
        return _print_of_value(answer.value)
    return _print_of_error(*reply.bases[:1]) if isinstance(reply, wire.Threw) else Print(hash(type(reply)), ())


def print_of_call(call: Callable[[], Any]) -> Print:
    """The fingerprint of what a call gives, a value or an exception."""
    try:
        return _print_of_value(call())
    except UsageError:
        raise
    except Exception as error:
        return _print_of_error(*builtin_bases(type(error))[:1])


def _print_of_error(base: str = "") -> Print:
    """The fingerprint of an exception, by the nearest of Python's own classes."""
    return Print(hash(base), ())


def _print_of_value(value: Any) -> Print:
    """The fingerprint of what a call returned."""
    kinds: list[Any] = []
    sums = list(_sums(value, kinds))
    return Print(hash(tuple(kinds)), tuple(sums))


def alike(one: Print, other: Print) -> bool:
    """Whether the answers may be equal."""
    if one.kind != other.kind or len(one.sums) != len(other.sums):
        return False
    return all(abs(a - b) <= bound + more for (a, bound), (b, more) in zip(one.sums, other.sums, strict=True))


def _sums(value: Any, kinds: list[Any]) -> Iterator[tuple[float, float]]:
    if isinstance(value, Tensor):
        kinds += [value.dtype, value.shape]
        if value.is_floating_point() or value.is_complex():
            yield _sum(value.detach())
        else:
            kinds.append(value.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(value, dict):
        for key, item in value.items():
            kinds.append(key)
            yield from _sums(item, kinds)
    elif isinstance(value, list | tuple):
        kinds.append(len(value))
        for item in value:
            yield from _sums(item, kinds)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, int) or not math.isfinite(value):
            kinds.append(str(value) if abs(value) < 1e300 else "huge")
        else:
            yield value, 1e-8 * (1 + abs(value))
    elif isinstance(value, bool | str | torch.dtype | torch.Size | None):
        kinds.append(repr(value))
    else:
        kinds.append("object")


def _sum(tensor: Tensor) -> tuple[float, float]:
    wide = torch.view_as_real(tensor.to(torch.complex128)) if tensor.is_complex() else tensor.to(torch.float64)
    flat = wide.reshape(-1)
    size = float(flat.abs().sum())
    if not math.isfinite(size):
        flat = flat.nan_to_num(nan=12345.0, posinf=54321.0, neginf=-54321.0)
        size = float(flat.abs().sum())
    rtol, atol = TOLERANCE[tensor.dtype]
    return float(flat @ _weights(len(flat))), _LOOSE * (rtol * size + atol * len(flat))


@lru_cache(maxsize=256)
def _weights(count: int) -> Tensor:
    return torch.linspace(1.0, 2.0, count, dtype=torch.float64)
