"""The shapes of both forms, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(4)
def test_shape(submission, rng):
    """y is [Bt, H, T, V]; the state does not grow"""
    Bt, H, K, V = 2, 3, 4, 5
    for T in (7, 1, 20):
        q, k, v = rng.randn(Bt, H, T, K), rng.randn(Bt, H, T, K), rng.randn(Bt, H, T, V)
        y = submission.linear_attention_parallel(q, k, v)
        assert_equal(y.shape, (Bt, H, T, V), name="shape of y, parallel")
        assert_equal(y.dtype, torch.float64, name="dtype of y, parallel")

        result = submission.linear_attention_recurrent(q, k, v)
        assert isinstance(result, tuple | list), "linear_attention_recurrent returns a pair: y, then the state."
        assert len(result) == 2, "linear_attention_recurrent returns a pair: y, then the state."
        y, state = result
        assert_equal(y.shape, (Bt, H, T, V), name="shape of y, recurrent")
        assert_equal(y.dtype, torch.float64, name="dtype of y, recurrent")
        assert isinstance(state, dict), 'The state is a dict: {"S": ..., "n": ...}.'
        assert_equal(sorted(state), ["S", "n"], name="keys of the state")
        assert_equal(state["S"].shape, (Bt, H, K, V), name="shape of S")
        assert_equal(state["n"].shape, (Bt, H, K), name="shape of n")


@points(4)
@needs(test_shape)
def test_example(submission):
    """v = 4, 8, 3 with φ(k) = 1, 3, 1 gives 4, 7, 6.2"""
    phi = torch.tensor([0.36787944, 1.0, 3.0])
    assert_close(submission.feature_map(torch.tensor([-1.0, 0.0, 2.0])), phi)
    T, K, V = 3, 1, 1
    q, k = torch.zeros(T, K), torch.tensor([0.0, 2.0, 0.0]).view(T, K)
    v, y = torch.tensor([4.0, 8.0, 3.0]).view(T, V), torch.tensor([4.0, 7.0, 6.2]).view(T, V)
    assert_close(submission.linear_attention_parallel(q, k, v), y)
    state = {"S": torch.tensor([[31.0]]), "n": torch.tensor([5.0])}
    assert_close(submission.linear_attention_recurrent(q, k, v), (y, state))
