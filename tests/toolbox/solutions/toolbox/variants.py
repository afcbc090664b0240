"""Right versions in other styles."""

import torch
from torch import Tensor

from grader.testing import replaces


@replaces("scale")
def by_addition(x: Tensor, factor: float) -> Tensor:
    """x added up, and the rest of the factor."""
    whole = int(factor)
    return sum((x for _ in range(whole)), torch.zeros_like(x)) + x * (factor - whole)


@replaces("mix")
def by_einsum(scores: Tensor, values: Tensor) -> Tensor:
    """The definition of softmax, and one einsum."""
    weights = (scores - scores.logsumexp(dim=1, keepdim=True)).exp()
    return torch.einsum("ts,sd->td", weights, values)


@replaces("merge")
def by_loops(parts: dict[str, list[Tensor]]) -> dict[str, Tensor]:
    """Loops."""
    return {name: sum(part[1:], part[0]) for name, part in parts.items()}
