"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(3)
def test_example_mlm(submission):
    """one [MASK], one random token, one unchanged"""
    ids = torch.tensor([[2, 15, 16, 17, 18]])
    special = torch.tensor([[True, False, False, False, False]])
    u = torch.tensor([[0.01, 0.02, 0.03, 0.04, 0.5]])
    a = torch.tensor([[0.1, 0.2, 0.85, 0.95, 0.3]])
    result = submission.mlm_corrupt(ids, special, u, a, torch.tensor([[21, 22, 23, 24, 25]]), mask_token_id=4)
    expected = torch.tensor([[2, 4, 23, 17, 18]]), torch.tensor([[-100, 15, 16, 17, -100]])
    assert_equal(result, expected)


@points(2)
def test_example_losses(submission):
    """a model that bets on what it has just read"""
    ids = torch.tensor([[0, 1, 2, 0]])
    logits = 2.0 * torch.nn.functional.one_hot(ids, 3)
    assert_close(submission.mlm_loss(logits, ids), torch.tensor(0.2395), atol=1e-4, name="loss")  # four digits
    assert_close(submission.clm_loss(logits, ids), torch.tensor(2.2395), atol=1e-4, name="loss")


@points(2)
def test_example_spans(submission):
    """figure 2 of the T5 paper"""
    ids = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
    expected = (
        [10, 11, 32099, 14, 15, 16, 17, 32098, 19, 20],
        [32099, 12, 13, 32098, 18, 32097],
    )
    corrupted, target = submission.span_corruption(ids, [(2, 2), (8, 1)], 32099)
    assert_equal(list(corrupted), expected[0], name="input")
    assert_equal(list(target), expected[1], name="target")
