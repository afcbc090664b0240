"""The shapes, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points

NAN = float("nan")


@points(2)
def test_shapes(submission, rng):
    """(T k,), (E + 1,), (M, O) and (T, D)"""
    T, E, k, D, F = 7, 5, 2, 3, 4
    indices = rng.rand(T, E).argsort(-1)[:, :k]
    result = submission.sort_by_expert(indices, E)
    assert isinstance(result, tuple | list), "sort_by_expert returns a pair: order, then offsets."
    assert len(result) == 2, "sort_by_expert returns a pair: order, then offsets."
    order, offsets = result
    assert_equal(order.shape, (T * k,), name="shape of order")
    assert_equal(offsets.shape, (E + 1,), name="shape of offsets")
    assert_equal(order.dtype, torch.int64, name="dtype of order")
    assert_equal(offsets.dtype, torch.int64, name="dtype of offsets")
    rows = submission.grouped_matmul(rng.randn(6, D), rng.randn(2, F, D), torch.tensor([0, 2, 6]))
    assert_equal(rows.shape, (6, F), name="shape of the product")
    w1, w2, w3 = rng.randn(E, F, D), rng.randn(E, D, F), rng.randn(E, F, D)
    y = submission.dropless_forward(rng.randn(T, D), indices, rng.rand(T, k), w1, w2, w3)
    assert_equal(y.shape, (T, D), name="shape of y")
    assert_equal(y.dtype, torch.float64, name="dtype of y")


@points(2)
def test_examples(submission):
    """the examples of the docstrings"""
    indices = torch.tensor([[2, 0], [2, 3], [0, 2]])
    assert_equal(
        submission.sort_by_expert(indices, num_experts=4),
        (torch.tensor([1, 4, 0, 2, 5, 3]), torch.tensor([0, 2, 2, 5, 6])),
    )

    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    weight = torch.tensor([[[1.0, 1.0]], [[NAN, 0.0]], [[10.0, 0.0]]])
    expected = torch.tensor([[3.0], [7.0], [50.0]])
    assert_close(submission.grouped_matmul(rows, weight, torch.tensor([0, 2, 2, 3])), expected)

    x, one = torch.tensor([[100.0], [200.0]]), torch.ones(2, 1, 1)
    indices, weights = torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0.5, 0.25], [1.0, 0.0]])
    y = submission.dropless_forward(x, indices, weights, one, torch.tensor([[[1.0]], [[2.0]]]), one)
    assert_close(y, torch.tensor([[10000.0], [80000.0]]))

    expected = {"rows": 8, "blocks": 4, "block_rows": 16, "capacity_rows": 20}
    assert_equal(submission.padded_rows(torch.tensor([0, 2, 2, 7, 8]), block=4), expected)
