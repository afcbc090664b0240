"""Five tools, one test for each. The points of the tests are powers of two: a score tells which of them passed."""

from torch import Tensor, nn


def scale(x: Tensor, factor: float) -> Tensor:
    """`factor` times x, in the shape and dtype of x."""
    raise NotImplementedError


def mix(scores: Tensor, values: Tensor) -> Tensor:
    """Softmax of scores (T, S) times values (S, D): (T, D)."""
    raise NotImplementedError


def pick(items: list[int], place: int) -> int:
    """The item at a place. IndexError for a place that is not there, also for a negative one."""
    raise NotImplementedError


def merge(parts: dict[str, list[Tensor]]) -> dict[str, Tensor]:
    """The sum of each list of tensors."""
    raise NotImplementedError


class Gate(nn.Module):
    """x (T, D) times the sigmoid of a learned `weight` (D,)."""

    def __init__(self, size: int):
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """(T, D) -> (T, D)"""
        raise NotImplementedError
