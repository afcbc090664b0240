"""Layouts by slices, memory by the tensors that are kept, parameters by those of a checkpoint."""

from math import prod

import test_public

from grader.testing import assert_equal, needs, points

GIB = 2**30
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
LARGE = {
    **JAMBA,
    "hidden_size": 8192,
    "intermediate_size": 24576,
    "num_hidden_layers": 72,
    "num_attention_heads": 64,
    "mamba_dt_rank": 512,
}


def every(kind, period, offset):
    """The two keys that put a kind of layer at offset, offset + period, ..."""
    return {f"{kind}_layer_period": period, f"{kind}_layer_offset": offset}


ALWAYS, NEVER = (1, 0), (100, 99)  # period and offset


def random_config(rng, attn=(3, 2), expert=(4, 1)):
    """Nine layers, unless told otherwise attention in three of them and experts in two."""
    R, N, W, e, n, G = rng.sizes(6, low=2, high=9)
    k, more, H = *rng.sizes(2, low=2, high=6), 3 * G
    sizes = {"vocab_size": 40 + n, "hidden_size": H * n, "intermediate_size": 50 + R, "num_hidden_layers": 9}
    heads = {"num_attention_heads": H, "num_key_value_heads": G}
    experts = {"num_experts": k + more, "num_experts_per_tok": k}
    mamba = {"mamba_d_state": N, "mamba_d_conv": W, "mamba_expand": e, "mamba_dt_rank": R}
    return {**sizes, **heads, **experts, **mamba, **every("attn", *attn), **every("expert", *expert)}


def right_layout(c):
    mixers, ffns = (["mamba"] * c["num_hidden_layers"], ["mlp"] * c["num_hidden_layers"])
    for names, kind, name in ((mixers, "attn", "attention"), (ffns, "expert", "moe")):
        where = slice(c[f"{kind}_layer_offset"], None, c[f"{kind}_layer_period"])
        names[where] = [name] * len(names[where])
    return [list(pair) for pair in zip(mixers, ffns, strict=True)]


def number(c, name):
    """How many layers of this kind there are."""
    return sum(name in pair for pair in right_layout(c))


def width(c):
    return c["hidden_size"] // c["num_attention_heads"]


def channels(c):
    return c["hidden_size"] * c["mamba_expand"]


@points(2)
@needs(test_public.test_example_layout)
def test_layout(submission, rng):
    """other periods and offsets, or none"""
    L, P, Q = rng.sizes(3, low=2, high=8)
    for attn, expert in (
        ((5, 1), (3, 2)),
        ((4, 0), (2, 0)),
        ((P, P - 1), (Q, 0)),
        (ALWAYS, (2, 1)),
        ((3, 1), ALWAYS),
        (NEVER, (3, 0)),
        ((2, 1), NEVER),
    ):
        c = {**JAMBA, "num_hidden_layers": L + 9, **every("attn", *attn), **every("expert", *expert)}
        layers = submission.layout(c)
        assert_equal(len(layers), L + 9, name="number of layers")
        for i, (pair, expected) in enumerate(zip(layers, right_layout(c), strict=True)):
            assert_equal(pair, expected, name=f"layer {i}")


@points(2)
@needs(test_layout)
def test_kv_cache(submission, rng):
    """keys and values of any model, context, batch"""
    B, T, b = rng.sizes(3, low=2, high=20)
    for attn in ((3, 2), (4, 1), (4, 0), ALWAYS):
        c = random_config(rng, attn)
        kept = number(c, "attention") * [(c["num_key_value_heads"], T, width(c))] * 2  # keys and values
        values = sum(map(prod, kept))
        assert_equal(submission.kv_cache_bytes(c, T), 2 * values, name="bytes")
        assert_equal(submission.kv_cache_bytes(c, T, B), 2 * values * B, name=f"bytes of {B} sequences")
        wide = submission.kv_cache_bytes(c, T, bytes_per_value=b)
        assert_equal(wide, b * values, name=f"bytes at {b} each")
        assert_equal(submission.kv_cache_bytes(c, 0), 0, name="bytes of no tokens")
    none = random_config(rng, NEVER)
    assert_equal(submission.kv_cache_bytes(none, T), 0, name="bytes without attention")
    long = 10**12 + 1  # a float does not hold that many bytes exactly
    assert_equal(submission.kv_cache_bytes(JAMBA, long), 16384 * long, name="bytes of 10¹² + 1 tokens")


@points(2)
@needs(test_layout)
def test_table_1(submission):
    """4, 32 and 128 GiB, as in the paper's table"""
    mixtral = {**JAMBA, **every("attn", *ALWAYS)}  # in what counts here: 32 layers of 8 key-value heads, 128 wide
    llama_2 = {**mixtral, "num_key_value_heads": 32}
    for name, c, expected in (("Jamba", JAMBA, 4), ("Mixtral", mixtral, 32), ("Llama 2 7B", llama_2, 128)):
        assert_equal(submission.kv_cache_bytes(c, 262144), expected * GIB, name=f"bytes of {name}")


@points(2)
@needs(test_layout)
def test_state(submission, rng):
    """N and W columns in every channel of Mamba"""
    B, b = rng.sizes(2, low=3, high=20)
    for attn in ((3, 2), (4, 1), (4, 0), NEVER):
        c = random_config(rng, attn)
        kept = number(c, "mamba") * [(channels(c), c["mamba_d_state"]), (channels(c), c["mamba_d_conv"])]
        values = sum(map(prod, kept))
        assert_equal(submission.ssm_state_bytes(c), 2 * values, name="bytes")
        assert_equal(submission.ssm_state_bytes(c, B), 2 * values * B, name=f"bytes of {B} sequences")
        assert_equal(submission.ssm_state_bytes(c, bytes_per_value=b), b * values, name=f"bytes at {b} each")
    none = random_config(rng, ALWAYS)
    assert_equal(submission.ssm_state_bytes(none), 0, name="bytes without Mamba")


@points(2)
def test_crossover(submission, rng):
    """the first context at which attention keeps more"""
    odd = {"mamba_expand": 3, "mamba_d_state": 6, "mamba_d_conv": 5}  # with 3 query heads to a key, 49.5 tokens
    for c in ({**random_config(rng), **odd}, random_config(rng, ALWAYS), random_config(rng, NEVER)):
        state = channels(c) * (c["mamba_d_state"] + c["mamba_d_conv"])
        token = 2 * c["num_key_value_heads"] * width(c)
        expected = next(T for T in range(1, state + 2) if T * token > state)
        assert_equal(submission.crossover_context(c), expected, name="crossover")
    equal = {**JAMBA, "mamba_expand": 1, "num_key_value_heads": 32}  # 4096 * 20 numbers, and 8192 for each token
    assert_equal(submission.crossover_context(equal), 11, name="crossover where 10 tokens are equal")


def ffn_tensors(c):
    D, F = c["hidden_size"], c["intermediate_size"]
    return [(F, D), (F, D), (D, F)]


def mixer_tensors(c, mixer):
    """The shapes of a checkpoint, output axis first."""
    D, Ch, R, N, W = c["hidden_size"], channels(c), c["mamba_dt_rank"], c["mamba_d_state"], c["mamba_d_conv"]
    H, G, K = c["num_attention_heads"], c["num_key_value_heads"], width(c)
    if mixer == "attention":
        return [(H * K, D), (G * K, D), (G * K, D), (D, H * K)]
    projections = [(2 * Ch, D), (R + N + N, Ch), (Ch, R), (Ch,), (D, Ch)]
    return [*projections, (Ch, 1, W), (Ch,), (Ch, N), (Ch,), (R,), (N,), (N,)]


def right_count(c):
    """Every tensor of the checkpoint, layer by layer and expert by expert."""
    used, idle = [(c["vocab_size"], c["hidden_size"])] * 2 + [(c["hidden_size"],)], []
    for mixer, ffn in right_layout(c):
        used += [*mixer_tensors(c, mixer), (c["hidden_size"],), (c["hidden_size"],)]
        if ffn == "mlp":
            used += ffn_tensors(c)
            continue
        used.append((c["num_experts"], c["hidden_size"]))
        for expert in range(c["num_experts"]):  # which of them a token chooses makes no difference
            (used if expert < c["num_experts_per_tok"] else idle).extend(ffn_tensors(c))
    active = sum(map(prod, used))
    return active + sum(map(prod, idle)), active


def check(submission, c, total, active, what=""):
    count = submission.count_params(c)
    assert_equal(count["total"], total, name=f"total{what}")
    assert_equal(count["active"], active, name=f"active{what}")


@points(2)
@needs(test_layout)
def test_params(submission, rng):
    """one kind of mixer and FFN at a time, then mixed"""
    for attn, expert, what in (
        (ALWAYS, NEVER, " with attention and one SwiGLU in each layer"),
        (NEVER, NEVER, " with Mamba and one SwiGLU in each layer"),
        (ALWAYS, ALWAYS, " with attention and experts in each layer"),
        ((3, 2), (4, 1), " of a hybrid"),
        ((4, 3), (2, 1), " of a hybrid"),
    ):
        c = random_config(rng, attn, expert)
        check(submission, c, *right_count(c), what)


@points(1)
@needs(test_params)
def test_one_expert(submission):
    """one expert is a MoE, with a router, too"""
    one = {**JAMBA, "num_experts": 1, "num_experts_per_tok": 1}
    for i, (pair, expected) in enumerate(zip(submission.layout(one), right_layout(one), strict=True)):
        assert_equal(pair, expected, name=f"layer {i}")
    check(submission, one, *right_count(one), " with one expert")


@points(1)
@needs(test_params)
def test_published(submission):
    """Jamba 1.5 Large: 398 billion and 94"""
    check(submission, LARGE, 398555145696, 94149338592, " of Jamba 1.5 Large")
