"""The examples of the docstrings, and the names of the parameters."""

import torch

from grader.testing import assert_equal, points


@points(3)
def test_names(submission):
    """the entries of the state_dict, and their shapes"""
    V, D, N, H, G, F = 20, 24, 3, 4, 2, 7
    K = D // H
    model = submission.LlamaDecoder(V, D, N, H, G, F)
    in_layer = {
        "input_layernorm": (D,),
        "self_attn.q_proj": (H * K, D),
        "self_attn.k_proj": (G * K, D),
        "self_attn.v_proj": (G * K, D),
        "self_attn.o_proj": (D, H * K),
        "post_attention_layernorm": (D,),
        "mlp.gate_proj": (F, D),
        "mlp.up_proj": (F, D),
        "mlp.down_proj": (D, F),
    }
    expected = {f"layers.{i}.{name}.weight": shape for i in range(N) for name, shape in in_layer.items()}
    expected |= {"embed_tokens.weight": (V, D), "norm.weight": (D,)}
    state = model.state_dict()
    missing, extra = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    assert not missing, f"The state has no {missing[0]}; it has {', '.join(sorted(state)[:3])} ..."
    assert not extra, f"The state has an entry too many: {extra[0]}."
    for name, shape in expected.items():
        assert_equal(state[name].shape, shape, name=f"shape of {name}")


@points(2)
def test_example(submission):
    """one text of 5 tokens: logits, a cache per layer"""
    V, N, G, T, K = 20, 2, 1, 5, 4
    model = submission.LlamaDecoder(V, 12, N, 3, G, 16)
    assert_equal(sum(p.numel() for p in model.parameters()), 2220, name="number of parameters")
    result = model(torch.tensor([[3, 1, 4, 1, 5]]))
    assert isinstance(result, tuple | list), "forward returns a pair: the logits, then the caches."
    assert len(result) == 2, "forward returns a pair: the logits, then the caches."
    logits, cache = result
    assert_equal(logits.shape, (1, T, V), name="shape of the logits")
    assert_equal(logits.dtype, torch.float32, name="dtype of the logits")
    assert isinstance(cache, tuple | list), "The second result is a list of the caches, one for each layer."
    assert_equal(len(cache), N, name="number of caches")
    assert_equal(cache[0]["k"].shape, (1, G, T, K), name='shape of cache[0]["k"]')


@points(2)
def test_example_gguf(submission):
    """one key head of 8 rows, and the last norm"""
    state = {"blk.0.attn_k.weight": torch.arange(8.0).view(8, 1), "output_norm.weight": torch.ones(1)}
    converted = submission.convert_gguf_state(state, num_heads=2, num_kv_heads=1)
    expected = torch.tensor([0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]).view(8, 1)
    assert_equal(sorted(converted), ["layers.0.self_attn.k_proj.weight", "norm.weight"], name="names")
    assert_equal(converted["layers.0.self_attn.k_proj.weight"], expected, name="rows of k_proj")
    assert_equal(converted["norm.weight"], torch.ones(1), name="norm.weight")
