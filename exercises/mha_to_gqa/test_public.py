"""The examples of the docstrings."""

import torch

from grader.testing import assert_equal, points

EIGHT = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]


@points(6)
def test_example_pool(submission):
    """4 heads of width 2 become 2: mean and first"""
    t = torch.tensor(EIGHT)
    assert_equal(submission.pool_heads(t, 4, 2), torch.tensor([2.0, 3.0, 6.0, 7.0]))
    assert_equal(submission.pool_heads(t, 4, 2, method="first"), torch.tensor([1.0, 2.0, 5.0, 6.0]))


@points(4)
def test_example_state(submission):
    """keys and values are pooled, queries are not"""
    state = {
        "layers.0.q_proj.bias": torch.tensor([1.0, 3.0]),
        "layers.0.k_proj.bias": torch.tensor([1.0, 3.0]),
        "layers.0.k_proj.weight": torch.tensor([[5.0, 7.0], [6.0, 8.0]]),
        "layers.0.v_proj.bias": torch.tensor([2.0, 5.0]),
    }
    pooled = {
        "layers.0.k_proj.bias": torch.tensor([2.0]),
        "layers.0.k_proj.weight": torch.tensor([[5.5, 7.5]]),
        "layers.0.v_proj.bias": torch.tensor([3.5]),
    }
    assert_equal(submission.convert_state(state, 2, 1), state | pooled)


@points(4)
def test_example_expand(submission):
    """2 heads of width 2 become 4"""
    expanded = torch.tensor([1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0])
    assert_equal(submission.expand_heads(torch.tensor(EIGHT[:4]), 4, 2), expanded)
