"""The examples of the docstrings, Jamba v0.1, and the table of the statement."""

from grader.testing import assert_equal, needs, points

JAMBA = {
    "vocab_size": 65536,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "attn_layer_period": 8,
    "attn_layer_offset": 4,
    "num_experts": 16,
    "num_experts_per_tok": 2,
    "expert_layer_period": 2,
    "expert_layer_offset": 1,
    "mamba_d_state": 16,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_dt_rank": 256,
}
JAMBA_LARGE = {
    **JAMBA,
    "hidden_size": 8192,
    "intermediate_size": 24576,
    "num_hidden_layers": 72,
    "num_attention_heads": 64,
    "mamba_dt_rank": 512,
}


@points(2)
def test_example_layout(submission):
    """the 32 layers of Jamba: attention in four"""
    layers = submission.layout(JAMBA)
    assert_equal(len(layers), 32, name="number of layers")
    for i, pair in enumerate(layers):
        mixer = "attention" if i in (4, 12, 20, 28) else "mamba"
        assert_equal(pair, [mixer, "moe" if i in range(1, 32, 2) else "mlp"], name=f"layer {i}")


@points(2)
@needs(test_example_layout)
def test_example_memory(submission):
    """4 GiB and 8.75 MiB, equal at 80 tokens"""
    assert_equal(submission.kv_cache_bytes(JAMBA, 262144), 4 * 2**30, name="bytes of the KV cache")
    assert_equal(submission.ssm_state_bytes(JAMBA), 9175040, name="bytes of the states")
    assert_equal(submission.crossover_context(JAMBA), 81, name="crossover")


@points(2)
@needs(test_example_layout)
def test_example_params(submission):
    """52 billion, 12 of them active; 398 and 94"""
    count = submission.count_params(JAMBA)
    assert_equal(count["total"], 51570323328, name="total")
    assert_equal(count["active"], 12110311296, name="active")
    count = submission.count_params(JAMBA_LARGE)
    assert_equal(count["total"], 398555145696, name="total of Jamba 1.5 Large")
    assert_equal(count["active"], 94149338592, name="active of Jamba 1.5 Large")
