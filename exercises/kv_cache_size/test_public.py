"""The examples of the docstrings."""

from grader.testing import assert_close, assert_equal, points


@points(1)
def test_example_bytes(submission):
    """one token of OPT-13B, and 4.5 rounded up"""
    opt = submission.kv_cache_bytes(40, 40, 128, seq_len=1)
    part = submission.kv_cache_bytes(1, 1, 1, seq_len=3, bytes_per_element=0.75)
    assert_equal(opt, 819200, name="bytes of OPT-13B")
    assert_equal(part, 5, name="bytes of 6 numbers at 0.75")


@points(1)
def test_example_shape(submission):
    """the config of GPT-2"""
    shape = submission.cache_shape({"n_layer": 12, "n_head": 12, "n_embd": 768})
    assert_equal(shape, {"num_layers": 12, "num_kv_heads": 12, "head_dim": 64}, name="shape")


@points(1)
def test_example_config(submission):
    """Llama 3 8B: 1 GiB; StarCoder: 48 times less"""
    llama = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128}
    assert_equal(submission.config_cache_bytes(llama, seq_len=8192), 1073741824, name="bytes")
    starcoder = {"n_layer": 40, "n_head": 48, "n_embd": 6144, "multi_query": True}
    assert_close(submission.reduction_vs_mha(starcoder), 48.0, name="reduction")


@points(1)
def test_example_batch(submission):
    """two full contexts of GPT-2 in 100 MB"""
    gpt2 = {"n_layer": 12, "n_head": 12, "n_embd": 768}
    assert_equal(submission.max_batch_size(gpt2, seq_len=1024, free_bytes=100_000_000), 2, name="batch")
