"""The examples of the docstrings."""

import math

import torch

from grader.testing import assert_close, points


@points(2)
def test_example_previous(submission):
    """0.75 and 0.25: the token before gets half"""
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.75, 0.25, 0.0], [0.125, 0.25, 0.625]]).view(1, 1, 1, 3, 3)
    assert_close(submission.previous_token_score(weights), torch.tensor([[0.5]]), name="score")


@points(2)
def test_example_induction(submission):
    """0.7 and 0.9 at period 2"""
    rows = [[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.1, 0.7, 0.2, 0.0], [0.0, 0.1, 0.9, 0.0]]
    score = submission.induction_score(torch.tensor(rows).view(1, 1, 1, 4, 4), period=2)
    assert_close(score, torch.tensor([[0.8]]), name="score")


@points(2)
def test_example_entropy(submission):
    """0 and ln 2: (ln 2) / 2"""
    weights = torch.tensor([[1.0, 0.0], [0.5, 0.5]]).view(1, 1, 1, 2, 2)
    assert_close(submission.attention_entropy(weights), torch.tensor([[math.log(2) / 2]]), name="entropy")


@points(2)
def test_example_ablation(submission):
    """two heads, and one of them cut"""
    per_head = torch.tensor([1.0, 2.0, 10.0, 20.0]).view(1, 2, 1, 2)
    w_o = torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.5]])
    assert_close(submission.ablate_heads(per_head, w_o, []), torch.tensor([[[33.0, 12.0]]]), name="no head cut")
    assert_close(submission.ablate_heads(per_head, w_o, [1]), torch.tensor([[[3.0, 2.0]]]), name="head 1 cut")
