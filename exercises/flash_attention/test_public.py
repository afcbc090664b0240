"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, needs, points


def example():
    """q, k, v: one query, scores 0, 1.0986, 0 on the values 5, 10, 0."""
    k, v = torch.tensor([0.0, 1.0986, 0.0]), torch.tensor([5.0, 10.0, 0.0])
    return torch.ones(1, 1, 1, 1), k.view(1, 1, 3, 1), v.view(1, 1, 3, 1)


@points(3)
def test_example_merge(submission):
    """two queries, masses 3 and 9, 27 and 9"""
    out_a, lse_a = torch.tensor([[4.0], [12.0]]), torch.tensor([1.0986, 3.2958])
    out_b, lse_b = torch.tensor([[8.0], [4.0]]), torch.tensor([2.1972, 2.1972])
    found = submission.merge(out_a, lse_a, out_b, lse_b)
    # 1.0986 stands for log 3, 2.1972 and 3.2958 for twice and three times as much
    assert_close(found, (torch.tensor([[7.0], [10.0]]), torch.tensor([2.4849, 3.5835])), rtol=0.0, atol=1e-4)


@points(5)
def test_example_forward(submission):
    """weights 1/5, 3/5, 1/5, in two tiles"""
    result = submission.flash_forward(*example(), block_q=1, block_k=2)
    assert isinstance(result, tuple | list), "flash_forward returns a pair: the output, then the log-sum-exp."
    assert len(result) == 2, "flash_forward returns a pair: the output, then the log-sum-exp."
    out, lse = result
    # 1.0986 stands for log 3
    assert_close(out, torch.full((1, 1, 1, 1), 7.0), rtol=0.0, atol=1e-4, name="out")
    assert_close(lse, torch.full((1, 1, 1), 1.6094), rtol=0.0, atol=1e-4, name="lse")


@points(5)
@needs(test_example_forward)
def test_example_backward(submission):
    """the gradients of one query and three keys"""
    q, k, v = example()
    out, lse = submission.flash_forward(q, k, v, 1, 2)
    found = submission.flash_backward(q, k, v, out, lse, torch.ones(1, 1, 1, 1), 1, 2)
    assert isinstance(found, tuple | list), "flash_backward returns three tensors: the gradients of q, k and v."
    assert len(found) == 3, "flash_backward returns three tensors: the gradients of q, k and v."
    expected = ([1.9775], [-0.4, 1.8, -1.4], [0.2, 0.6, 0.2])
    for name, mine, right in zip(("dq", "dk", "dv"), found, expected, strict=True):
        # 1.0986 stands for log 3
        assert_close(mine, torch.tensor(right).view(1, 1, -1, 1), rtol=0.0, atol=1e-4, name=name)
