"""The example of the docstring, and the models of the table."""

from grader.testing import assert_equal, needs, points

GPT2 = {
    "n_layers": 12,
    "d_model": 768,
    "n_heads": 12,
    "vocab_size": 50257,
    "max_positions": 1024,
    "attn_bias": "all",
    "mlp_bias": True,
    "tied": True,
}
LLAMA_2_7B = {
    "n_layers": 32,
    "d_model": 4096,
    "n_heads": 32,
    "d_ff": 11008,
    "vocab_size": 32000,
    "mlp": "swiglu",
    "norm": "rmsnorm",
}
LLAMA_3_8B = {**LLAMA_2_7B, "n_kv_heads": 8, "d_ff": 14336, "vocab_size": 128256}
QWEN_7B = {
    **LLAMA_2_7B,
    "n_layers": 28,
    "d_model": 3584,
    "n_heads": 28,
    "n_kv_heads": 4,
    "d_ff": 18944,
    "vocab_size": 152064,
    "attn_bias": "qkv",
}
GEMMA_7B = {
    **LLAMA_2_7B,
    "n_layers": 28,
    "d_model": 3072,
    "n_heads": 16,
    "head_dim": 256,
    "d_ff": 24576,
    "vocab_size": 256000,
    "tied": True,
}


@points(2)
def test_example(submission):
    """GPT-2, part by part"""
    count = submission.count_params(GPT2)
    for part, number in (
        ("embedding", 39383808),
        ("attention", 28348416),
        ("mlp", 56669184),
        ("norm", 38400),
        ("head", 0),
        ("total", 124439808),
        ("non_embedding", 85056000),
    ):
        assert_equal(count[part], number, name=part)


@points(1)
@needs(test_example)
def test_example_llama(submission):
    """Llama 2 7B: 6.7 billion, and the others of the table"""
    count = submission.count_params(LLAMA_2_7B)
    assert_equal(count["total"], 6738415616, name="total")
    assert_equal(count["head"], 131072000, name="head")
    for model, config, total in (
        ("Llama 3 8B", LLAMA_3_8B, 8030261248),
        ("Qwen2.5 7B", QWEN_7B, 7615616512),
        ("Gemma 7B", GEMMA_7B, 8537680896),
    ):
        assert_equal(submission.count_params(config)["total"], total, name=f"total of {model}")
