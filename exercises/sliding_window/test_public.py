"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(1)
def test_example_types(submission):
    """7 layers, every third one full"""
    local, full = "sliding_attention", "full_attention"
    assert_equal(submission.layer_types(7, period=3), [local, local, full, local, local, full, local])


@points(1)
def test_example_cost(submission):
    """two layers of window 4, then one of them full"""
    two = ["sliding_attention", "sliding_attention"]
    expected = {"cached_tokens": 8, "receptive_field": 7}
    assert_equal(submission.layout_cost(two, window=4, seq_len=100), expected)
    mixed = ["sliding_attention", "full_attention"]
    expected = {"cached_tokens": 104, "receptive_field": 100}
    assert_equal(submission.layout_cost(mixed, window=4, seq_len=100), expected)


@points(1)
def test_example_attention(submission):
    """keys at 6, 4, 5 and an empty slot; with a sink"""
    q, k = torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 4, 1)
    v = torch.tensor([[[[8.0], [2.0], [4.0], [100.0]]]])
    at, slots = torch.tensor([6]), torch.tensor([6, 4, 5, -1])
    assert_close(submission.window_attention(q, k, v, at, slots, window=2), torch.tensor([[[[6.0]]]]))
    found = submission.window_attention(q, k, v, at, slots, window=2, sinks=torch.tensor([0.0]))
    assert_close(found, torch.tensor([[[[4.0]]]]))


@points(1)
def test_example_ring(submission):
    """two tokens, then three, in 3 slots"""
    k = torch.arange(1.0, 6.0).view(1, 1, 5, 1)
    cache = submission.ring_append(None, k[:, :, :2], 10 * k[:, :, :2], window=3)
    assert_equal(sorted(cache), ["k", "positions", "v"], name="entries of the cache")
    first = torch.tensor([1.0, 2.0, 0.0]).view(1, 1, 3, 1)
    assert_equal(cache, {"k": first, "v": 10 * first, "positions": torch.tensor([0, 1, -1])})
    cache = submission.ring_append(cache, k[:, :, 2:], 10 * k[:, :, 2:], window=3)
    second = torch.tensor([4.0, 5.0, 3.0]).view(1, 1, 3, 1)
    assert_equal(cache, {"k": second, "v": 10 * second, "positions": torch.tensor([3, 4, 2])})
