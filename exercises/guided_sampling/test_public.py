"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(3)
def test_example_guide(submission):
    """scale 4, from 0.2 past 0.5"""
    eps_cond, eps_uncond = torch.tensor([[0.5], [-1.0]]), torch.tensor([[0.2], [0.0]])
    assert_close(submission.guide(eps_cond, eps_uncond, 4.0), torch.tensor([[1.4], [-4.0]]))


@points(3)
def test_example_drop(submission):
    """the label whose u is below p"""
    u = torch.tensor([0.75, 0.05, 0.25])
    labels = submission.drop_labels(torch.tensor([3, 1, 0]), null_label=10, p=0.25, u=u)
    assert_equal(labels, torch.tensor([3, 10, 0]))


@points(3)
def test_example_eps(submission):
    """one number, in a class and in a mixture"""
    means, weights = torch.tensor([[2.0], [-2.0]]), torch.tensor([0.25, 0.75])
    xt = torch.tensor([[1.9], [0.1]])
    # the examples have four digits
    assert_close(submission.gaussian_eps(xt[:1], 0.64, means[0], 0.25), torch.tensor([[0.3462]]), atol=1e-4)
    assert_close(submission.mixture_eps(xt, 0.64, means, 0.25, weights), torch.tensor([[0.3462], [0.5530]]), atol=1e-4)
