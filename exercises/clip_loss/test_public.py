"""The examples of the docstrings."""

import math

import torch

from grader.testing import assert_close, points

IMAGES = [[2.0, 0.0], [3.0, 4.0]]
TEXTS = [[4.0, 3.0], [-3.0, 4.0]]


@points(2)
def test_example_logits(submission):
    """two images and two texts at a scale of 5"""
    logits = submission.clip_logits(torch.tensor(IMAGES), torch.tensor(TEXTS), torch.tensor(math.log(5)))
    assert_close(logits, torch.tensor([[4.0, -3.0], [4.8, 1.4]]), name="logits")


@points(2)
def test_example_loss(submission):
    """the loss of these two pairs"""
    loss = submission.clip_loss(torch.tensor(IMAGES), torch.tensor(TEXTS), torch.tensor(math.log(5)))
    assert_close(loss, torch.tensor(1.1543), atol=1e-4, name="loss")  # the example has five digits


@points(2)
def test_example_zero_shot(submission):
    """two images, two classes of two prompts"""
    prompts = torch.tensor([[[3.0, 4.0], [1.0, 0.0]], [[0.0, 2.0], [4.0, 3.0]]])
    images = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    probabilities = submission.zero_shot(images, prompts, torch.tensor(math.log(5)))
    expected = torch.tensor([[0.9034, 0.0966], [0.0966, 0.9034]])
    assert_close(probabilities, expected, atol=1e-4, name="probabilities")  # the example has four digits


@points(2)
def test_example_recall(submission):
    """four rows: the own text is 1st, 2nd, 2nd, 3rd"""
    rows = [[4.0, -3.0, 0.0, 1.0], [4.8, 1.4, 0.2, 0.5], [0.0, 2.0, 1.0, -2.0], [-1.0, 2.5, 1.5, 0.0]]
    for k, share in ((1, 0.25), (2, 0.75), (3, 1.0)):
        assert_close(submission.recall_at_k(torch.tensor(rows), k), share, name=f"recall at {k}")
