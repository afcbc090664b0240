"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(2)
def test_example_types(submission):
    """7 layers, every third one full"""
    local, full = "sliding_attention", "full_attention"
    assert_equal(submission.layer_types(7, period=3), [local, local, full, local, local, full, local])


@points(2)
def test_example_cost(submission):
    """two layers of window 4, then one of them full; Gemma 3 and Mistral"""
    two = ["sliding_attention", "sliding_attention"]
    expected = {"cached_tokens": 8, "receptive_field": 7}
    assert_equal(submission.layout_cost(two, window=4, seq_len=100), expected)
    mixed = ["sliding_attention", "full_attention"]
    expected = {"cached_tokens": 104, "receptive_field": 100}
    assert_equal(submission.layout_cost(mixed, window=4, seq_len=100), expected)
    gemma = ["full_attention" if layer % 6 == 0 else "sliding_attention" for layer in range(1, 63)]
    expected = {"cached_tokens": 1363968, "receptive_field": 131072}
    assert_equal(submission.layout_cost(gemma, window=1024, seq_len=131072), expected, name="cost of Gemma 3 27B")
    mistral = ["sliding_attention"] * 32
    expected = {"cached_tokens": 131072, "receptive_field": 131041}
    assert_equal(submission.layout_cost(mistral, window=4096, seq_len=200000), expected, name="cost of Mistral 7B")


@points(2)
def test_example_attention(submission):
    """keys at 6, 4, 5 and an empty slot; with a sink"""
    q, k = torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 4, 1)
    v = torch.tensor([[[[8.0], [2.0], [4.0], [100.0]]]])
    at, slots = torch.tensor([6]), torch.tensor([6, 4, 5, -1])
    assert_close(submission.window_attention(q, k, v, at, slots, window=4), torch.tensor([[[[14 / 3]]]]))
    assert_close(submission.window_attention(q, k, v, at, slots, window=1), torch.tensor([[[[8.0]]]]))
    assert_close(submission.window_attention(q, k, v, at, slots, window=2), torch.tensor([[[[6.0]]]]))
    log2 = torch.tensor(2.0).log()
    keys = torch.stack([log2, log2, 0 * log2, log2]).view(1, 1, 4, 1)  # the masses 2 and 1, beside 2 of the sink
    found = submission.window_attention(q + 1, keys, v, at, slots, window=2, sinks=log2[None])
    assert_close(found, torch.tensor([[[[4.0]]]]))
    found = submission.window_attention(q, k, v, at, slots, window=2, sinks=torch.tensor([0.0]))
    assert_close(found, torch.tensor([[[[4.0]]]]))


@points(2)
def test_example_ring(submission):
    """3 slots: two tokens, three and one more, two and one, two and three"""
    k = torch.arange(1.0, 6.0).view(1, 1, 5, 1)

    def after(*pieces):
        cache, done = None, 0
        for length in pieces:
            new = k[:, :, done : done + length]
            cache = submission.ring_append(cache, new, 10 * new, window=3)
            done += length
        return cache

    for pieces, entries, positions in (
        ((2,), [1.0, 2.0, 0.0], [0, 1, -1]),
        ((3, 1), [4.0, 2.0, 3.0], [3, 1, 2]),
        ((2, 1), [1.0, 2.0, 3.0], [0, 1, 2]),
        ((2, 3), [4.0, 5.0, 3.0], [3, 4, 2]),
    ):
        cache, ring = after(*pieces), torch.tensor(entries).view(1, 1, 3, 1)
        assert_equal(sorted(cache), ["k", "positions", "v"], name="entries of the cache")
        assert_equal(cache, {"k": ring, "v": 10 * ring, "positions": torch.tensor(positions)})
