"""The examples of the docstrings, and the names of the parameters."""

import torch

from grader.testing import assert_equal, points


def entries(*values):
    """A tensor (1, 1, S, 1)."""
    return torch.tensor(values).view(1, 1, -1, 1)


@points(5)
def test_example_append(submission):
    """three entries, three more, the last 4 remain"""
    first = submission.append_kv(None, entries(0.0, 1.0, 2.0), entries(0.0, 10.0, 20.0))
    expected = {"k": entries(0.0, 1.0, 2.0), "v": entries(0.0, 10.0, 20.0), "length": 3}
    assert_equal(first, expected)
    new = entries(7.0, 8.0, 9.0), entries(70.0, 71.0, 72.0)
    second, short = (submission.append_kv(first, *new, window=window) for window in (4, 2))
    expected = {"k": entries(2.0, 7.0, 8.0, 9.0), "v": entries(20.0, 70.0, 71.0, 72.0), "length": 6}
    assert_equal(second, expected, name="cache with window 4")
    expected = {"k": entries(8.0, 9.0), "v": entries(71.0, 72.0), "length": 6}
    assert_equal(short, expected, name="cache with window 2")


@points(5)
def test_example_layer(submission, rng):
    """5 tokens, then 1: the cache holds 6"""
    B, T, D, H, K = 3, 5, 8, 2, 4
    layer = submission.CachedAttention(D, H)
    result = layer(rng.randn(B, T, D, dtype=torch.float32))
    assert isinstance(result, tuple | list), "forward returns a pair: the output, then the cache."
    assert len(result) == 2, "forward returns a pair: the output, then the cache."
    y, cache = result
    assert_equal(y.shape, (B, T, D), name="shape of the output")
    y, cache = layer(rng.randn(B, 1, D, dtype=torch.float32), cache)
    assert_equal(y.shape, (B, 1, D), name="shape of the output")
    assert_equal(sorted(cache), ["k", "length", "v"], name="keys of the cache")
    S = T + 1
    for name in ("k", "v"):
        assert_equal(cache[name].shape, (B, H, S, K), name=f'shape of cache["{name}"]')
        assert_equal(cache[name].dtype, torch.float32, name=f'dtype of cache["{name}"]')
    assert_equal(cache["length"], S, name='cache["length"]')


@points(5)
def test_parameters(submission):
    """four matrices, no biases"""
    D, H = 12, 3
    layer = submission.CachedAttention(D, H)
    found = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}
    expected = [f"{name}_proj.weight" for name in "qkvo"]
    missing, extra = sorted(set(expected) - found.keys()), sorted(found.keys() - set(expected))
    assert not missing, f"The layer has no parameter {', '.join(missing)}."
    assert not extra, f"The layer has a parameter too many: {', '.join(extra)}."
    for name in expected:
        assert_equal(found[name], (D, D), name=f"shape of {name}")
