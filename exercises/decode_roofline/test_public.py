"""The examples of the docstrings and of the statement: Mixtral 8x7B, and Llama 2 7B on an H100."""

from grader.testing import assert_close, assert_equal, points

H100 = {"peak_flops": 989e12, "bandwidth": 3.35e12}
A100 = {"peak_flops": 312e12, "bandwidth": 2.039e12}
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
    assert_close(submission.expected_experts(8, 2, 32), 7.9992, rtol=0.0, atol=6e-5, name="experts of 32 tokens")
    # The example is rounded to one digit behind the point.
    for tokens, expected in ((1, 12.9), (4, 32.4), (32, 46.7)):
        read = submission.weight_bytes(MIXTRAL, tokens) / 1e9
        assert_close(read, expected, rtol=0.0, atol=0.06, name=f"GB for {tokens} tokens")


@points(2)
def test_example_step(submission):
    """2 GiB of cache, 249 tokens a second, and a table"""
    assert_close(submission.cache_bytes(LLAMA, 1, 4096), 2**31, name="bytes")
    step = submission.decode_step(LLAMA, 1, 0, H100)
    assert_close(step["tokens_per_s"], 248.6, rtol=0.0, atol=0.06, name="tokens a second")  # rounded, as above
    assert_equal(step["bound"], "memory", name="bound")
    # The table of the statement: GB, milliseconds and tokens a second, rounded.
    table = {
        1: ((14.0, 4.2, 239), (13.0, 3.9, 257)),
        4: ((15.6, 4.7, 858), (33.0, 9.8, 406)),
        32: ((30.7, 9.2, 3497), (51.0, 15.2, 2102)),
        128: ((82.2, 24.5, 5217), (63.9, 19.1, 6712)),
    }
    for batch, row in table.items():
        for model, m, (read, ms, rate) in zip(("Llama", "Mixtral"), (LLAMA, MIXTRAL), row, strict=True):
            step = submission.decode_step(m, batch, 1024, H100)
            of = f"of {model}, batch {batch}"
            assert_close(step["bytes"] / 1e9, read, rtol=0.0, atol=0.06, name=f"GB {of}")
            assert_close(1e3 * step["seconds"], ms, rtol=0.0, atol=0.06, name=f"milliseconds {of}")
            assert_close(step["tokens_per_s"], rate, rtol=0.0, atol=0.6, name=f"tokens a second {of}")
            assert_equal(step["bound"], "memory", name=f"bound {of}")


@points(2)
def test_example_batch(submission):
    """295 sequences to be busy, 30 that fit, 60.26 ms"""
    # All but the count are rounded: to one digit behind the point, and to two.
    h100, a100, h100_8_bits = (submission.critical_batch(hw, size) for hw, size in ((H100, 2), (A100, 2), (H100, 1)))
    assert_close(h100, 295.2, rtol=0.0, atol=0.06, name="critical batch")
    assert_close(a100, 153, rtol=0.0, atol=0.6, name="critical batch of an A100")
    assert_close(h100_8_bits, 147.6, rtol=0.0, atol=0.06, name="critical batch with weights of 8 bits")
    assert_equal(submission.max_batch(LLAMA, 4096, 80e9), 30, name="batch")
    seconds = submission.prefill_seconds(LLAMA, 4096, H100)
    assert_close(1e3 * seconds, 60.26, rtol=0.0, atol=0.006, name="milliseconds")
