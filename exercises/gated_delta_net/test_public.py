"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, points


def written():
    """q, k, v, g, beta of the example: one key twice, another half."""
    T, K = 3, 2
    k = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).view(1, T, 1, K)
    v, g = torch.tensor([4.0, 6.0, 10.0]).view(1, T, 1, 1), torch.zeros(1, T, 1)
    return torch.ones(1, T, 1, K), k, v, g, torch.tensor([1.0, 1.0, 0.5]).view(1, T, 1)


READ, STATE = torch.tensor([4.0, 6.0, 11.0]).view(1, 3, 1, 1), torch.tensor([6.0, 5.0]).view(1, 1, 2, 1)


@points(3)
def test_examples(submission):
    """two rows normalised, two gates, and one key written twice"""
    normal = submission.l2_normalize(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    assert_close(normal, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    a, b = torch.tensor([[[0.0, 1000.0]]]), torch.tensor([[[0.0, 1.0]]])
    gates = submission.gates(a, b, torch.tensor([0.0, -2.3025851]), torch.tensor([0.0, 0.0]))
    assert_close(gates, (torch.tensor([[[-0.6931472, -100.0]]]), torch.tensor([[[0.5, 0.7310586]]])))
    assert_close(submission.gated_delta_recurrent(*written()), (READ, STATE))


@points(3)
def test_example_chunked(submission):
    """the same writes in a chunk of two tokens and one of one"""
    assert_close(submission.gated_delta_chunked(*written(), chunk=2), (READ, STATE))
