"""The examples of the docstrings."""

from grader.testing import assert_close, assert_equal, needs, points

GPT2 = {"n_layers": 12, "d_model": 768, "n_heads": 12, "vocab_size": 50257}
LLAMA_3_8B = {
    "n_layers": 32,
    "d_model": 4096,
    "n_heads": 32,
    "n_kv_heads": 8,
    "d_ff": 14336,
    "vocab_size": 128256,
    "mlp": "swiglu",
}


@points(2)
def test_example_matmul(submission):
    """(2, 3) times (3, 4)"""
    assert_equal(submission.matmul_flops(2, 3, 4), 48, name="FLOPs")


@points(4)
@needs(test_example_matmul)
def test_example_forward(submission):
    """1024 tokens through GPT-2, part by part"""
    flops = submission.forward_flops(GPT2, batch=1, seq_len=1024)
    for part, number in (
        ("qkv", 43486543872),
        ("scores", 19327352832),
        ("values", 19327352832),
        ("out", 14495514624),
        ("mlp", 115964116992),
        ("logits", 79047426048),
        ("total", 291648307200),
    ):
        assert_equal(flops[part], number, name=part)
    for config, length, shares in (  # the table of the statement, in percent
        (GPT2, 1024, (14.9, 13.3, 5.0, 39.8, 27.1)),
        (LLAMA_3_8B, 1024, (10.4, 3.5, 6.9, 72.5, 6.8)),
        (LLAMA_3_8B, 131072, (1.9, 82.1, 1.3, 13.5, 1.3)),
    ):
        flops = submission.forward_flops(config, batch=1, seq_len=length)
        parts = (flops["qkv"], flops["scores"] + flops["values"], flops["out"], flops["mlp"], flops["logits"])
        for part, found, share in zip(("qkv", "scores + values", "out", "mlp", "logits"), parts, shares, strict=True):
            found = 100 * found / flops["total"]
            assert_close(found, share, rtol=0.0, atol=0.051, name=f"{part} in percent, {length} tokens")


@points(2)
def test_example_rules(submission):
    """Chinchilla by 6ND, two crossovers, PaLM"""
    assert_equal(submission.six_nd(70 * 10**9, 1400 * 10**9), 588 * 10**21, name="6ND of Chinchilla")
    assert_close(submission.attention_crossover(GPT2), 4608.0, name="crossover of GPT-2")
    assert_close(submission.attention_crossover(LLAMA_3_8B), 26624.0, name="crossover of Llama 3 8B")
    utilisation = submission.mfu(540.35e9, tokens_per_second=238.3e3, peak_flops=6144 * 275e12)
    assert_close(utilisation, 0.4573, atol=5e-5, name="MFU of PaLM")  # the example has four digits
