"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(2)
def test_example_mask(submission):
    """t = 0.5 masks one token, and t = 1 all"""
    ids, u = torch.tensor([[5, 6, 7], [5, 6, 7]]), torch.tensor([[0.2, 0.5, 0.9], [0.2, 0.5, 0.9]])
    noisy = submission.mask_tokens(ids, torch.tensor([0.5, 1.0]), u, mask_id=9)
    assert_equal(noisy, torch.tensor([[9, 6, 7], [9, 9, 9]]), name="noisy")


@points(2)
def test_example_loss(submission):
    """(2 ln 2) / 0.25 / 4"""
    ids, noisy = torch.tensor([[0, 1, 1, 0]]), torch.tensor([[2, 2, 1, 0]])
    loss = submission.diffusion_loss(torch.zeros(1, 4, 3), ids, noisy, torch.tensor([0.25]), mask_id=2)
    assert_close(loss, torch.tensor(1.3863), atol=1e-4, name="loss")  # the example has four digits


@points(2)
def test_example_schedule(submission):
    """8 masks in 3 steps: 3, 3, 2"""
    assert_equal(list(submission.unmask_schedule(8, 3)), [3, 3, 2], name="schedule")


@points(2)
def test_example_step(submission):
    """0.7 is surer than 0.6, and 0.9 is no mask"""
    p = torch.tensor([[[0.6, 0.4, 0.0], [0.1, 0.9, 0.0], [0.3, 0.7, 0.0]]]) + 1e-6
    tokens = submission.unmask_step(torch.tensor([[2, 0, 2]]), p.log(), torch.tensor([1]), mask_id=2)
    assert_equal(tokens, torch.tensor([[2, 0, 1]]), name="tokens")
