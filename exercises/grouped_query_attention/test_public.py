"""The examples of the docstrings, and the parameters of the module."""

import math

import torch

from grader.testing import assert_close, assert_equal, points


@points(3)
def test_example_repeat(submission):
    """two heads, three times each"""
    G = 2
    x = torch.tensor([1.0, 2.0]).view(1, G, 1, 1)
    repeated = torch.tensor([1.0, 1.0, 1.0, 2.0, 2.0, 2.0]).view(1, 6, 1, 1)
    assert_equal(submission.repeat_kv(x, 3), repeated)


@points(3)
def test_example(submission):
    """four query heads on two heads of two keys"""
    q = torch.tensor([0.0, math.log(3), 0.0, math.log(3) / 2]).view(1, 4, 1, 1)
    k = torch.tensor([1.0, 0.0, 0.0, 2.0]).view(1, 2, 2, 1)
    v = torch.tensor([10.0, 20.0, 1.0, 3.0]).view(1, 2, 2, 1)
    expected = torch.tensor([15.0, 12.5, 2.0, 2.5]).view(1, 4, 1, 1)
    assert_close(submission.grouped_attention(q, k, v), expected)


@points(3)
def test_shapes(submission):
    """W_k and W_v shrink with G, W_q and W_o do not"""
    D, H = 12, 6
    for G, K in [(2, None), (1, 4), (6, 8)]:
        module = submission.GroupedQueryAttention(D, H, G, K)
        K = D // H if K is None else K
        shapes = {"q_proj": (H * K, D), "k_proj": (G * K, D), "v_proj": (G * K, D), "o_proj": (D, H * K)}
        parameters = dict(module.named_parameters())
        names = sorted(f"{name}.weight" for name in shapes)
        assert_equal(sorted(parameters), names, name="names of the parameters")
        for name, shape in shapes.items():
            assert_equal(parameters[f"{name}.weight"].shape, shape, name=f"shape of {name}.weight")
