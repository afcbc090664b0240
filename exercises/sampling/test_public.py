"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points

INF = float("inf")


@points(2)
def test_example_tau(submission):
    """temperature 0.5 doubles the logits"""
    logits = torch.tensor([2.0, 1.0, -1.0])
    assert_close(submission.apply_temperature(logits, 0.5), torch.tensor([4.0, 2.0, -2.0]))


@points(2)
def test_example_top_k(submission):
    """2 of 4 stay, and both of two equal ones"""
    logits = torch.tensor([1.0, 3.0, 0.0, 2.0])
    assert_close(submission.top_k_filter(logits, 2), torch.tensor([-INF, 3.0, -INF, 2.0]))
    tie = torch.tensor([3.0, 1.0, 3.0])
    assert_close(submission.top_k_filter(tie, 1), torch.tensor([3.0, -INF, 3.0]))


@points(2)
def test_example_top_p(submission):
    """0.5 and 0.25 reach 0.7, and it takes two more for 0.9"""
    logits = torch.tensor([0.125, 0.5, 0.25, 0.0625, 0.0625]).log()
    expected = torch.tensor([-2.0794, -0.6931, -1.3863, -2.7726, -INF])
    assert_close(submission.top_p_filter(logits, 0.9), expected, atol=1e-4)
    expected = torch.tensor([-INF, -0.6931, -1.3863, -INF, -INF])
    assert_close(submission.top_p_filter(logits, 0.7), expected, atol=1e-4)  # the example has four digits


@points(2)
def test_example_chain(submission):
    """all three filters leave 2 of 4 tokens"""
    logits = torch.tensor([0.2, 0.4, 0.1, 0.3]).log()
    probs = submission.next_token_distribution(logits, temperature=2.0, top_k=3, top_p=0.42)
    expected = torch.tensor([0.0, 0.5359, 0.0, 0.4641])
    assert_close(probs, expected, atol=1e-4, name="probabilities")  # the example has four digits


@points(2)
def test_example_sample(submission):
    """u = 0 gives token 0, u = 0.25 token 2"""
    probs = torch.tensor([[0.25, 0.0, 0.75], [0.25, 0.0, 0.75]])
    tokens = submission.sample(probs, torch.tensor([0.0, 0.25]))
    assert_equal(tokens, torch.tensor([0, 2]), name="tokens")
