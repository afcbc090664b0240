"""Wrong versions, for the tests of the diagnosis."""

from torch import Tensor

from grader.testing import replaces


@replaces("scale")
def twice(x: Tensor, factor: float) -> Tensor:
    """You applied the factor twice. Once is what the statement asks for."""
    return x * factor * factor


@replaces("mix")
def wrong_axis(scores: Tensor, values: Tensor) -> Tensor:
    """You normalised over the queries. Each query's weights sum to 1, so the softmax runs over the last axis."""
    return scores.softmax(dim=0) @ values


@replaces("pick")
def from_the_end(items: list[int], place: int) -> int:
    """You let Python count from the end. A negative place is not there."""
    return items[place]
