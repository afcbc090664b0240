"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, points


@points(2)
def test_example_training(submission):
    """two points on their lines, a loss, and four shifted times"""
    x0, noise = torch.tensor([[2.0], [2.0]]), torch.tensor([[-1.0], [0.0]])
    pair = submission.flow_pair(x0, noise, torch.tensor([0.25, 1.0]))
    assert_close(pair, (torch.tensor([[1.25], [0.0]]), torch.tensor([[-3.0], [-2.0]])))
    loss = submission.flow_loss(torch.tensor([[-2.0], [-2.0]]), x0, noise, torch.tensor([0.5, 0.5]))
    assert_close(loss, torch.tensor(0.7978846))
    shifted = submission.shift_time(torch.tensor([0.0, 0.25, 0.5, 1.0]), shift=3.0)
    assert_close(shifted, torch.tensor([0.0, 0.5, 0.75, 1.0]))


@points(2)
def test_example_sampling(submission):
    """two velocities, and two steps of each method"""
    xt, t = torch.tensor([[1.25], [3.0]]), torch.tensor([0.5, 1.0])
    velocity = submission.gaussian_velocity(xt, t, torch.tensor([2.0]), var=1.0)
    assert_close(velocity, torch.tensor([[-2.0], [1.0]]))
    x1, mean = torch.tensor([[1.0], [-1.0]]), torch.tensor([2.0])
    assert_close(submission.sample(x1, mean, 0.25, [1.0, 0.5, 0.0]), torch.tensor([[2.2], [1.8]]))
    found = submission.sample(x1, mean, 0.25, [1.0, 0.5, 0.0], method="heun")
    assert_close(found, torch.tensor([[2.48], [1.52]]))
