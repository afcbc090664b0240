"""Five tools, one test for each."""

import torch
from torch import Tensor, nn


def scale(x: Tensor, factor: float) -> Tensor:
    """`factor` times x, in the shape and dtype of x."""
    return x * factor


def mix(scores: Tensor, values: Tensor) -> Tensor:
    """Softmax of scores (T, S) times values (S, D): (T, D)."""
    return torch.softmax(scores, dim=-1) @ values


def pick(items: list[int], place: int) -> int:
    """The item at a place. IndexError for a place that is not there, also for a negative one."""
    if place < 0:
        raise IndexError(f"there is no place {place}")
    return items[place]


def merge(parts: dict[str, list[Tensor]]) -> dict[str, Tensor]:
    """The sum of each list of tensors."""
    return {name: torch.stack(part).sum(dim=0) for name, part in parts.items()}


class Gate(nn.Module):
    """x (T, D) times the sigmoid of a learned `weight` (D,)."""

    def __init__(self, size: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """(T, D) -> (T, D)"""
        return x * torch.sigmoid(self.weight)
