"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, points


@points(2)
def test_example_schedule(submission):
    """four linear steps and what is left after them"""
    betas = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    assert_close(submission.linear_betas(4, start=0.1, end=0.4), betas)
    assert_close(submission.alpha_bars(betas), torch.tensor([0.9, 0.72, 0.504, 0.3024], dtype=torch.float64))


@points(2)
def test_example_noise(submission):
    """two rows at two steps, to noise and back"""
    betas = torch.tensor([0.36, 0.4375], dtype=torch.float64)
    t = torch.tensor([0, 1])
    x0, noise = torch.tensor([[2.0], [2.0]]).double(), torch.tensor([[0.5], [0.5]]).double()
    xt = torch.tensor([[1.9], [1.6]], dtype=torch.float64)
    assert_close(submission.q_sample(x0, t, noise, betas), xt)
    assert_close(submission.predict_x0(xt, t, noise, betas), x0)


@points(2)
def test_example_back(submission):
    """the posterior of one number"""
    betas = torch.tensor([0.36, 0.4375], dtype=torch.float64)
    x0, xt = torch.tensor([[2.0]], dtype=torch.float64), torch.tensor([[1.6]], dtype=torch.float64)
    q = submission.posterior(x0, xt, torch.tensor([1]), betas)
    assert_close(q["mean"], torch.tensor([[1.76875]], dtype=torch.float64), name="mean")
    assert_close(float(q["variance"]), 0.24609375, name="variance")
