"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(2)
def test_example(submission):
    """three tokens, each with 2 of 4 experts"""
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0], [3.0, 1.0, 0.0, -1.0], [0.0, 3.0, 1.0, 2.0]])
    loss = submission.load_balancing_loss(logits, k=2)
    assert_equal(loss.shape, (), name="shape of the loss")
    assert_close(loss, torch.tensor(2.7901), atol=1e-4)  # the example has five digits


@points(2)
@needs(test_example)
def test_example_mask(submission):
    """the first of them alone"""
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0], [3.0, 1.0, 0.0, -1.0], [0.0, 3.0, 1.0, 2.0]])
    loss = submission.load_balancing_loss(logits, k=2, mask=torch.tensor([True, False, False]))
    assert_close(loss, torch.tensor(3.5232), atol=1e-4)  # the example has five digits


@points(2)
def test_example_z(submission):
    """the z-loss of two tokens"""
    loss = submission.router_z_loss(torch.tensor([[0.0, 1.0986], [3.0, 3.0]]))
    assert_equal(loss.shape, (), name="shape of the loss")
    assert_close(loss, torch.tensor(7.7806), atol=1e-4)  # the example has five digits
