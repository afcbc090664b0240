"""The counts against a list of all matrix products, head by head and sequence by sequence, and published numbers."""

import test_public

from grader.testing import assert_close, assert_equal, needs, points

PARTS = ("qkv", "scores", "values", "out", "mlp", "logits")
LLAMA_3_8B = {
    "n_layers": 32,
    "d_model": 4096,
    "n_heads": 32,
    "n_kv_heads": 8,
    "d_ff": 14336,
    "vocab_size": 128256,
    "mlp": "swiglu",
}
GPT_3 = {"n_layers": 96, "d_model": 12288, "n_heads": 96, "vocab_size": 50257}
# No matrix has 2^63 numbers and no loop over positions is long: a count in any style gets through.
WIDE = {"n_layers": 3, "d_model": 10**7 + 19, "n_heads": 1, "vocab_size": 10**7 + 79, "d_ff": 10**7 + 103}


def random_config(rng, **others):
    """Grouped heads, and nothing that need not be named. All sizes differ."""
    L, n, G, V, r = rng.sizes(5)
    H = (r + 1) * G
    return {"n_layers": L, "d_model": H * n, "n_heads": H, "n_kv_heads": G, "vocab_size": 100 + V, **others}


def products(c, B, T, causal=False):
    """Every product (m, k, n) of a forward pass under its part."""
    D, H = c["d_model"], c["n_heads"]
    G, K, F = c.get("n_kv_heads", H), c.get("head_dim", D // H), c.get("d_ff", 4 * D)
    found = {part: [] for part in PARTS}
    found["logits"].append((B * T, D, c["vocab_size"]))
    for _ in range(c["n_layers"]):
        found["qkv"] += [(B * T, D, heads * K) for heads in (H, G, G)]
        found["out"].append((B * T, H * K, D))
        found["mlp"] += [(B * T, D, F)] * (2 if c.get("mlp") == "swiglu" else 1) + [(B * T, F, D)]
        for _ in range(B * H):
            if causal:  # token t meets t + 1 keys
                found["scores"] += [(1, K, t + 1) for t in range(T)]
                found["values"] += [(1, t + 1, K) for t in range(T)]
            else:
                found["scores"].append((T, K, T))
                found["values"].append((T, T, K))
    return found


def flops(c, B, T, part, causal=False):
    return sum(2 * m * k * n for m, k, n in products(c, B, T, causal)[part])


def check(submission, c, B, T, *parts, causal=False, **others):
    """These parts of a config, in which others are changed."""
    c = {**c, **others}
    found = submission.forward_flops(c, B, T, causal=True) if causal else submission.forward_flops(c, B, T)
    with_others = "".join(f", {key} = {value}" for key, value in others.items())
    for part in parts:
        assert_equal(found[part], flops(c, B, T, part, causal), name=f"{part}{with_others}")


@points(2)
def test_matmul(submission, rng):
    """any sizes, also a single row or column"""
    m, k, n = rng.sizes(3, low=2, high=30)
    for sizes in ((m, k, n), (1, k, n), (m, 1, n), (m, k, 1), (m * 10**7, k * 10**7, n)):
        a, b, c = sizes
        assert_equal(submission.matmul_flops(*sizes), 2 * a * b * c, name=f"FLOPs of {sizes}")


@points(2)
def test_projections(submission, rng):
    """queries, grouped keys and values, and the output"""
    B, T = rng.sizes(2, low=2, high=7)
    c = random_config(rng)
    K = c["d_model"] // c["n_heads"]
    check(submission, c, B, T, "qkv", "out")
    check(submission, c, B, T, "qkv", "out", n_kv_heads=1)
    check(submission, c, B, T, "qkv", "out", head_dim=K + 3)
    del c["n_kv_heads"]
    check(submission, c, B, T, "qkv", "out")


@points(4)
def test_attention(submission, rng):
    """scores and values: every query head, every pair"""
    B, T = rng.sizes(2, low=3, high=9)
    c = random_config(rng)
    K = c["d_model"] // c["n_heads"]
    check(submission, c, B, T, "scores", "values")
    check(submission, c, 1, T + 7, "scores", "values")
    check(submission, c, B, 1, "scores", "values")
    check(submission, c, B, T, "scores", "values", n_kv_heads=1)
    check(submission, c, B, T, "scores", "values", head_dim=K + 3)


@points(4)
def test_causal(submission, rng):
    """the triangle with its diagonal, for odd and even T"""
    long = {"n_layers": 3, "d_model": 10**8 + 7, "n_heads": 1, "vocab_size": 7, "d_ff": 5}
    check(submission, long, 3, 5001, "scores", "values", causal=True)  # more than a float holds to the last one
    c = random_config(rng)
    B = 3
    for T in (1, 6, 7):
        check(submission, c, B, T, *PARTS, causal=True)
        check(submission, c, B, T, *PARTS)


@points(2)
def test_mlp(submission, rng):
    """two matrices or three, of any width"""
    B, T = rng.sizes(2, low=2, high=7)
    c = random_config(rng)
    for mlp in ({"mlp": "swiglu"}, {"mlp": "gelu"}, {}):
        check(submission, c, B, T, "mlp", **mlp, d_ff=c["d_model"] + 5)
        check(submission, c, B, T, "mlp", **mlp)


@points(2)
def test_logits(submission, rng):
    """once, for all tokens; tied or not"""
    B, T = rng.sizes(2, low=2, high=7)
    c = random_config(rng)
    check(submission, c, B, T, "logits")
    check(submission, c, B, T, "logits", tied=True)
    check(submission, c, B, T, *PARTS, max_positions=1000, attn_bias="all", mlp_bias=True)


@points(2)
@needs(test_public.test_example_forward)
def test_total(submission, rng):
    """the sum of the six, causal or not"""
    B, T = rng.sizes(2, low=2, high=7)
    c = random_config(rng, mlp="swiglu")
    for causal in (False, True):
        total = sum(flops(c, B, T, part, causal) for part in PARTS)
        assert_equal(submission.forward_flops(c, B, T, causal=causal)["total"], total, name="total")


@points(2)
@needs(test_public.test_example_forward)
def test_exact(submission):
    """more FLOPs than 64 bits hold, to the last one"""
    check(submission, WIDE, 3, 1001, "qkv", "logits")
    total = sum(flops(WIDE, 3, 1001, part) for part in PARTS)
    assert_equal(submission.forward_flops(WIDE, 3, 1001)["total"], total, name="total")
    long = {"n_layers": 3, "d_model": 3, "n_heads": 1, "vocab_size": 7, "d_ff": 5, "head_dim": 10**9 + 7}
    check(submission, long, 3, 5001, "scores", "values", causal=True)


@points(4)
@needs(test_public.test_example_forward)
def test_train(submission, rng):
    """three forward passes, four with recompute"""
    B, T = rng.sizes(2, low=2, high=7)
    for c in (random_config(rng), random_config(rng, mlp="swiglu", head_dim=3)):
        forward = backward = 0
        for part in PARTS:
            for m, k, n in products(c, B, T)[part]:  # Y = X W
                forward += 2 * m * k * n
                backward += 2 * m * n * k + 2 * k * m * n  # dX = dY Wᵀ, dW = Xᵀ dY
        step = submission.train_flops(c, B, T)
        again = submission.train_flops(c, B, T, recompute=True)
        assert_equal(step, forward + backward, name="FLOPs")
        assert_equal(again, 2 * forward + backward, name="FLOPs with recompute")
    total = sum(flops(WIDE, 3, 1001, part) for part in PARTS)
    assert_equal(submission.train_flops(WIDE, 3, 1001), 3 * total, name="FLOPs")


def crossing(c):
    """T at which the two lines meet, from what one layer costs a token there and beyond."""
    weights = sum(2 * k * n for part in ("qkv", "out", "mlp") for _, k, n in products({**c, "n_layers": 1}, 1, 1)[part])
    for_each_key = sum(
        2 * k * n for part in ("scores", "values") for _, k, n in products({**c, "n_layers": 1}, 1, 1)[part]
    )
    return weights / for_each_key


@points(4)
def test_crossover(submission, rng):
    """where attention costs as much as a layer's weights"""
    for others in (
        {"d_ff": 5},
        {},
        {"mlp": "swiglu", "d_ff": 5},
        {"mlp": "swiglu"},
        {"head_dim": 11},
        {"n_kv_heads": 1, "d_ff": 5},
        {"vocab_size": 10**6},
    ):
        c = random_config(rng, **others)
        with_others = "".join(f", {key} = {value}" for key, value in others.items())
        assert_close(submission.attention_crossover(c), crossing(c), name=f"crossover{with_others}")
    assert_close(submission.attention_crossover(LLAMA_3_8B), 26624.0, name="crossover of Llama 3 8B")
    assert_close(submission.attention_crossover(GPT_3), 73728.0, name="crossover of GPT-3")
    mha = random_config(rng)
    del mha["n_kv_heads"]
    assert_close(submission.attention_crossover(mha), crossing(mha), name="crossover without n_kv_heads")


@points(2)
def test_six_nd(submission, rng):
    """six for each parameter and token, exact for ints"""
    n, d = 10**12 + 39, 10**13 + 37
    assert_equal(submission.six_nd(n, d), 6 * n * d, name="6ND")
    assert_equal(submission.six_nd(174604259328, 300 * 10**9), 314287666790400000000000, name="6ND of GPT-3")
    assert_close(submission.six_nd(1.5e9, 2e10), 1.8e20, name="6ND")


@points(2)
def test_mfu(submission, rng):
    """a share of the peak of all devices"""
    n, rate, devices = (float(number) for number in rng.sizes(3, low=2, high=50))
    share = submission.mfu(n * 1e9, rate * 1e3, devices * 1e15)
    assert_close(share, 6e-3 * n * rate / devices, name="MFU")
    assert_close(submission.mfu(10**9, 5000, 10**14), 0.3, name="MFU")
    assert_close(submission.mfu(10**9, 5000, 7 * 10**13), 3 / 7, name="MFU")
