"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(1)
def test_example_nearest(submission):
    """two vectors and three codes"""
    z, codebook = torch.tensor([[0.9, 0.1], [-3.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 0.0], [-9.0, 0.0]])
    assert_equal(submission.nearest_code(z, codebook), torch.tensor([1, 0]))


@points(2)
def test_example_quantize(submission):
    """one vector becomes its code"""
    z, codebook = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 0.0], [1.0, 4.0]])
    z_q, codes, loss = submission.quantize(z, codebook, beta=0.5)
    assert_equal(codes, torch.tensor([1]), name="codes")
    assert_close(z_q, torch.tensor([[1.0, 4.0]]), name="z_q")
    assert_close(loss, torch.tensor(3.0), name="loss")


@points(2)
def test_example_gradients(submission):
    """the gradients of both sides"""
    z = torch.tensor([[1.0, 2.0]], requires_grad=True)
    codebook = torch.tensor([[0.0, 0.0], [1.0, 4.0]], requires_grad=True)
    z_q, _, loss = submission.quantize(z, codebook, beta=0.5)
    assert loss.requires_grad, "No gradient leads from the loss to z and the codebook."
    (10 * z_q.sum() + loss).backward()
    assert z.grad is not None, "No gradient reaches z."
    assert_close(z.grad, torch.tensor([[10.0, 9.0]]), name="gradient of z")
    assert codebook.grad is not None, "No gradient reaches the codebook."
    assert_close(codebook.grad, torch.tensor([[0.0, 0.0], [0.0, 2.0]]), name="gradient of codebook")


@points(1)
def test_example_usage(submission):
    """four vectors, three codes of eight"""
    found = submission.code_usage(torch.tensor([[0, 0], [2, 3]]), num_codes=8)
    assert_close(found, {"used": 3, "perplexity": 2**1.5, "bits": 1.5})
