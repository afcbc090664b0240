"""The examples of the docstrings."""

from grader.testing import assert_close, assert_equal, needs, points

GPT2 = {"n_layers": 12, "d_model": 768, "n_heads": 12, "vocab_size": 50257}


@points(2)
def test_example_matmul(submission):
    """(2, 3) times (3, 4)"""
    assert_equal(submission.matmul_flops(2, 3, 4), 48, name="FLOPs")


@points(4)
@needs("test_example_matmul")
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


@points(2)
def test_example_rules(submission):
    """Chinchilla by 6ND, the crossover of GPT-2, PaLM"""
    assert_equal(submission.six_nd(70 * 10**9, 1400 * 10**9), 588 * 10**21, name="6ND of Chinchilla")
    assert_close(submission.attention_crossover(GPT2), 4608.0, name="crossover of GPT-2")
    utilisation = submission.mfu(540.35e9, tokens_per_second=238.3e3, peak_flops=6144 * 275e12)
    assert_close(utilisation, 0.4573, atol=5e-5, name="MFU of PaLM")  # the example has four digits
