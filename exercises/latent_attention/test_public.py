"""The examples of the docstrings, and the names of the parameters."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(3)
def test_example_groups(submission):
    """DeepSeek-V2 and V3: 2.25 heads of 128"""
    assert_close(submission.equivalent_groups(512, 64, head_dim=128), 2.25)


@points(3)
def test_example_split(submission):
    """two heads, one row of key and two of value each"""
    w_k, w_v = submission.split_up_projection(torch.arange(6.0).view(6, 1), num_heads=2, nope_dim=1)
    assert_equal(w_k, torch.tensor([[[0.0]], [[3.0]]]), name="w_k")
    assert_equal(w_v, torch.tensor([[[1.0], [2.0]], [[4.0], [5.0]]]), name="w_v")


@points(3)
def test_example(submission):
    """weights 1/4 and 3/4: N = 4, R = 12; then the docstring's"""
    log3 = torch.tensor(3.0).log()
    q_nope, q_rope = torch.ones(1, 1, 1, 4), torch.ones(1, 1, 1, 12)
    latent = torch.stack([0 * log3, log3 / 2]).view(1, 2, 1)  # q · k is 0 and 2 log 3, and so is q' · r
    k_rope = torch.stack([0 * log3, log3 / 6]).view(1, 2, 1).expand(1, 2, 12)
    w_k, w_v = torch.ones(1, 4, 1), torch.full((1, 1, 1), 10.0)
    found = submission.absorbed_attention(q_nope, q_rope, latent, k_rope, w_k, w_v)
    assert_close(found, (0.75 * 10 * log3 / 2).view(1, 1, 1, 1))

    q_nope, q_rope = torch.tensor([[[[1.0]]]]), torch.tensor([[[[0.0, 0.0]]]])
    latent, k_rope = torch.tensor([[[0.0, 1.0], [1.90285, 3.0]]]), torch.zeros(1, 2, 2)
    w_k, w_v = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 10.0]]])
    expected = torch.tensor([[[[25.0]]]])
    assert_close(submission.absorbed_attention(q_nope, q_rope, latent, k_rope, w_k, w_v), expected)


@points(3)
def test_example_layer(submission, rng):
    """6 tokens, then 1: the cache holds 7"""
    B, T, D, C, R = 3, 6, 12, 5, 2
    layer = submission.LatentAttention(hidden_size=D, num_heads=4, kv_rank=C, nope_dim=8, rope_dim=R, v_dim=7)
    y, cache = layer(rng.randn(B, T, D, dtype=torch.float32))
    assert_equal(y.shape, (B, T, D), name="shape of the output")
    y, cache = layer(rng.randn(B, 1, D, dtype=torch.float32), cache, absorb=True)
    assert_equal(y.shape, (B, 1, D), name="shape of the output")
    assert_equal(y.dtype, torch.float32, name="dtype of the output")
    assert_equal(sorted(cache), ["k_rope", "latent"], name="entries of the cache")
    S = T + 1
    assert_equal(cache["latent"].shape, (B, S, C), name='shape of cache["latent"]')
    assert_equal(cache["k_rope"].shape, (B, S, R), name='shape of cache["k_rope"]')


@points(2)
def test_parameters(submission):
    """their names and shapes, without and with q_rank"""
    D, H, C, N, R, V, Q = 12, 3, 5, 4, 2, 7, 8
    shared = {
        "kv_a_proj_with_mqa.weight": (C + R, D),
        "kv_a_layernorm.weight": (C,),
        "kv_b_proj.weight": (H * (N + V), C),
        "o_proj.weight": (D, H * V),
    }
    plain = {"q_proj.weight": (H * (N + R), D)}
    low_rank = {"q_a_proj.weight": (Q, D), "q_a_layernorm.weight": (Q,), "q_b_proj.weight": (H * (N + R), Q)}
    for rank, queries in ((None, plain), (Q, low_rank)):
        layer = submission.LatentAttention(D, H, C, N, R, V, q_rank=rank)
        found = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}
        expected = shared | queries
        missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
        assert not missing, f"With q_rank={rank} the layer has no parameter {', '.join(missing)}."
        assert not extra, f"With q_rank={rank} the layer has a parameter too many: {', '.join(extra)}."
        for name, shape in expected.items():
            assert_equal(found[name], shape, name=f"shape of {name}")
