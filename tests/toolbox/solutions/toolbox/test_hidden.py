"""The other three tools."""

import pytest
import torch

from grader.testing import assert_close, assert_equal, points

SIZES = {"D": 7}


@points(4)
def test_pick(submission):
    """the item, or IndexError"""
    assert_equal(submission.pick([11, 22, 33], 1), 22)
    for place in (3, -1):
        with pytest.raises(IndexError):
            submission.pick([11, 22, 33], place)


@points(8)
def test_merge(submission, rng):
    """sums by name"""
    parts = {"left": [rng.randn(SIZES["D"]), rng.randn(SIZES["D"])], "right": [rng.randn(SIZES["D"])]}
    assert_close(submission.merge(parts), {name: sum(part) for name, part in parts.items()})


@points(16)
def test_gate(submission, rng):
    """the gate and its gradient"""
    T, D = 4, 6
    weight, x = rng.randn(D), rng.randn(T, D)
    gate = submission.Gate(D)
    gate.load_state_dict({"weight": weight})
    assert_close(gate(x), x * torch.sigmoid(weight))
    gate(x).sum().backward()
    slope = torch.sigmoid(weight) * (1 - torch.sigmoid(weight))
    assert_close(gate.weight.grad, x.sum(dim=0) * slope)
