"""The examples of the docstrings."""

import math

import torch

from grader.testing import assert_close, points

IMAGES = [[2.0, 0.0], [3.0, 4.0]]
TEXTS = [[4.0, 3.0], [-3.0, 4.0]]


@points(2)
def test_example_sum(submission):
    """the four cells of two images and two texts"""
    images, texts, log_t, bias = torch.tensor(IMAGES), torch.tensor(TEXTS), torch.tensor(math.log(5)), torch.tensor(0.0)
    found = submission.pairwise_sum(images, texts, log_t, bias)
    assert_close(found, torch.tensor(5.0954), atol=1e-4, name="sum")  # the example has five digits
    elsewhere = submission.pairwise_sum(images, texts, log_t, bias, row0=2)
    assert_close(elsewhere, torch.tensor(10.4954), atol=1e-4, name="sum of a block without pairs")  # six


@points(2)
def test_example_loss(submission):
    """the loss of two pairs"""
    loss = submission.siglip_loss(
        torch.tensor(IMAGES), torch.tensor(TEXTS), torch.tensor(math.log(5)), torch.tensor(0.0)
    )
    assert_close(loss, torch.tensor(2.5477), atol=1e-4, name="loss")  # the example has five digits


@points(2)
def test_example_initial(submission):
    """32 768 pairs: 22 713 without bias, 11.49 with"""
    B = 32768
    assert_close(submission.initial_loss(B, math.log(10), -10.0), 11.48763, atol=1e-4, name="loss, bias -10")
    assert_close(submission.initial_loss(B, math.log(10), 0.0), B * math.log(2), name="loss, bias 0")
