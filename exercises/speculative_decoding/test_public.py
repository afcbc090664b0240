"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(2)
def test_example_rate(submission):
    """0.1 + 0.4 + 0.2 of the drafts are accepted"""
    p, q = torch.tensor([0.1, 0.6, 0.3]), torch.tensor([0.4, 0.4, 0.2])
    assert_close(submission.acceptance_rate(p, q), torch.tensor(0.7), name="acceptance rate")


@points(2)
def test_example_residual(submission):
    """0.2 and 0.1 are missing: 2/3 and 1/3"""
    p, q = torch.tensor([0.1, 0.6, 0.3]), torch.tensor([0.4, 0.4, 0.2])
    assert_close(submission.residual(p, q), torch.tensor([0.0, 2 / 3, 1 / 3]), name="residual")


@points(2)
def test_example_verify(submission):
    """one row loses its second draft"""
    draft = torch.tensor([[0, 1], [0, 1]])
    q = torch.tensor([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25]]).expand(2, 2, 3)
    p = torch.tensor([[0.25, 0.25, 0.5], [0.25, 0.25, 0.5], [0.0, 0.0, 1.0]]).expand(2, 3, 3)
    u, u_last = torch.tensor([[0.4, 0.6], [0.4, 0.3]]), torch.tensor([0.7, 0.7])
    tokens, accepted = submission.verify(draft, q, p, u, u_last)
    assert_equal(accepted, torch.tensor([1, 2]), name="accepted")
    assert_equal(tokens, torch.tensor([[0, 2, -1], [0, 1, 2]]), name="tokens")


@points(2)
def test_example_mean(submission):
    """3.6 tokens for α = 0.75, and 8 for α = 1"""
    assert_close(submission.expected_tokens(0.75, 7), 3.59954833984375, name="tokens at α = 0.75")
    assert_close(submission.expected_tokens(1.0, 7), 8.0, name="tokens at α = 1")
