"""The examples of the docstrings: Mixtral 8x7B, and Llama 2 7B on an H100."""

from grader.testing import assert_close, assert_equal, points

H100 = {"peak_flops": 989e12, "bandwidth": 3.35e12}
LLAMA = {
    "shared_params": 6738415616,
    "attn_layers": 32,
    "n_heads": 32,
    "n_kv_heads": 32,
    "head_dim": 128,
    "bytes_per_param": 2,
    "kv_bytes": 2,
}
MIXTRAL = {
    "shared_params": 1605636096,
    "n_experts": 8,
    "top_k": 2,
    "expert_params": 5637144576,
    "attn_layers": 32,
    "n_heads": 32,
    "n_kv_heads": 8,
    "head_dim": 128,
    "bytes_per_param": 1,
    "kv_bytes": 2,
}


@points(2)
def test_example_experts(submission):
    """Mixtral: 46.7 billion, 12.9, and 3.5 experts"""
    assert_equal(submission.total_params(MIXTRAL), 46702792704, name="total")
    assert_equal(submission.active_params(MIXTRAL), 12879925248, name="active")
    experts = [submission.expected_experts(8, 2, tokens) for tokens in (1, 2, 3, 5)]
    assert_close(experts, [2.0, 3.5, 4.625, 6.1015625], name="experts of 1, 2, 3 and 5 tokens")
    # The example is rounded to one digit behind the point.
    for tokens, expected in ((1, 12.9), (4, 32.4), (32, 46.7)):
        read = submission.weight_bytes(MIXTRAL, tokens) / 1e9
        assert_close(read, expected, rtol=0.0, atol=0.06, name=f"GB for {tokens} tokens")


@points(2)
def test_example_step(submission):
    """Llama 2 7B: 2 GiB of cache, 249 tokens a second"""
    assert_close(submission.cache_bytes(LLAMA, 1, 4096), 2**31, name="bytes")
    step = submission.decode_step(LLAMA, 1, 0, H100)
    assert_close(step["tokens_per_s"], 248.6, rtol=0.0, atol=0.06, name="tokens a second")  # rounded, as above
    assert_equal(step["bound"], "memory", name="bound")


@points(2)
def test_example_batch(submission):
    """295 sequences to be busy, 30 that fit, 60.26 ms"""
    # All but the count are rounded: to one digit behind the point, and to two.
    assert_close(submission.critical_batch(H100, 2), 295.2, rtol=0.0, atol=0.06, name="critical batch")
    assert_equal(submission.max_batch(LLAMA, 4096, 80e9), 30, name="batch")
    seconds = submission.prefill_seconds(LLAMA, 4096, H100)
    assert_close(1e3 * seconds, 60.26, rtol=0.0, atol=0.006, name="milliseconds")
