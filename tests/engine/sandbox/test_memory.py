"""Which tensors of a result share memory."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from grader.engine.sandbox.memory import Sharing, find_shared
from grader.engine.sandbox.pack import Packer


def found(value: Any, *arguments: Tensor) -> list[Sharing]:
    """Return what is reported about a result of a call with these arguments."""
    packer = Packer(lambda kept, packer: None, 1 << 30)
    wire = packer.value(value)
    return find_shared(wire, packer.tensors, arguments)


X = torch.arange(12.0).view(3, 4)
BOTH = [((0,), (1,), None), ((1,), (0,), None)]
LARGE = torch.empty((1 << 22) + 1, dtype=torch.uint8)


OWN = {
    "one tensor": X,
    "a transposed one": X.T,
    "one with gaps": X[::2, 1:3],
    "a copy": (X, X.clone()),
    "rows of one storage": torch.stack([X, X]).unbind(),
    "columns of one storage": torch.cat([X, X], dim=1).chunk(2, dim=1),
    "every other column": (X[:, ::2], X[:, 1::2]),
    "strides between each other": torch.as_strided(X, (3, 2), (2, 3)),  # numbers 0 3 2 5 4 7 of the storage
    "an axis of one": X[:1].expand(1, 4),
    "no numbers": torch.empty(0, 3).expand(2, 0, 3),
    "a sparse one": X.to_sparse(),
    "parameters": [nn.Parameter(X), nn.Parameter(X.clone())],
    "too large to be examined": (LARGE, LARGE),
    "no tensors": {"a": 1, "b": None},
}


@pytest.mark.parametrize("value", OWN.values(), ids=OWN)
def test_tensors_with_separate_memory_are_not_reported(value: Any) -> None:
    assert found(value) == []


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        (X[0].expand(2, 4), [((), (), 0)]),
        (X[:, :1].expand(3, 5), [((), (), 1)]),
        (nn.Parameter(X)[None].expand(2, -1, -1), [((), (), 0)]),
        (torch.arange(5.0).unfold(0, 3, 1), [((), (), None)]),
        ((X, X), BOTH),
        ((X[:, :3], X[:, 2:]), BOTH),
        ({"a": X, "b": [X.T]}, [(("a",), ("b", 0), None), (("b", 0), ("a",), None)]),
        ((X, X.view(torch.int32)[1]), BOTH),
        ((X[:, :2], X.view(torch.uint8)[:, 7:9]), BOTH),
        ([nn.Parameter(X), X], BOTH),
    ],
)
def test_tensors_that_share_memory_are_reported(value: Any, facts: list[Sharing]) -> None:
    assert found(value) == facts


def test_memory_shared_with_an_argument_is_reported() -> None:
    other = torch.zeros(3)
    assert found(X[1:], X, other) == [((), None, None)]
    assert found({"a": X + 1, "b": X}, other, X) == [(("b",), None, None)]
    assert found(X[:2], X[2:]) == []
    assert found(X[:2], X[2:], X[2:], X) == [((), None, None)]
    assert found(other[0].expand(2), other) == [((), (), 0), ((), None, None)]
