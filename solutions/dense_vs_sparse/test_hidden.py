"""The FLOPs against a list of all matrix products, one layer, head and expert after the other."""

import test_public

from grader.testing import assert_equal, needs, points

EXPERT_KEYS = (
    "num_experts",
    "num_experts_per_tok",
    "moe_intermediate_size",
    "n_shared_experts",
    "first_k_dense_replace",
)


def random_dense(rng, **others):
    """A dense config with grouped queries, that names nothing it need not."""
    L, F, G, n, V = rng.sizes(5)
    H = 3 * G
    return {
        "vocab_size": 50 + V,
        "hidden_size": H * n,
        "intermediate_size": 10 + F,
        "num_hidden_layers": L,
        "num_attention_heads": H,
        "num_key_value_heads": G,
        **others,
    }


def random_sparse(rng, **others):
    """The same with experts."""
    k, more = rng.sizes(2)
    return random_dense(rng, num_experts=k + more, num_experts_per_tok=k, **others)


# A dense model whose config says how its experts would be if it had any.
NO_EXPERTS = {"num_experts": 0, "num_experts_per_tok": 2, "moe_intermediate_size": 7, "n_shared_experts": 1}


def products(c, t):
    """Every product of a matrix (rows, columns) with a vector in the forward pass of one token."""
    D, H = c["hidden_size"], c["num_attention_heads"]
    G, K = c.get("num_key_value_heads", H), c.get("head_dim", D // H)
    E, F = c.get("num_experts", 0), c["intermediate_size"]

    def swiglu(width):
        return [(width, D), (width, D), (D, width)]

    yield (c["vocab_size"], D)
    for layer in range(c["num_hidden_layers"]):
        yield from [(H * K, D), (G * K, D), (G * K, D), (D, H * K)]
        for _ in range(H):
            yield from [(t, K), (K, t)]
        if E == 0 or layer < c.get("first_k_dense_replace", 0):
            yield from swiglu(F)
            continue
        yield (E, D)
        for _ in range(c["num_experts_per_tok"] + c.get("n_shared_experts", 0)):
            yield from swiglu(c.get("moe_intermediate_size", F))


def flops(c, t):
    return sum(rows * (columns + columns) for rows, columns in products(c, t))


def check(submission, c, t, expected=None):
    assert_equal(submission.flops_per_token(c, t), flops(expected or c, t), name="FLOPs")


# Each test of the FLOPs adds one key to a plain config, so that a key that is not read shows in one test only.


@points(8)
def test_attention(submission, rng):
    """any context, number and width of heads"""
    for _ in range(2):
        c = random_dense(rng)
        (t,) = rng.sizes(1, low=100, high=5000)
        check(submission, c, 1)
        check(submission, c, t)
        wide = {**c, "head_dim": c["hidden_size"] // c["num_attention_heads"] + 1}
        check(submission, wide, t)
        check(submission, {**wide, "qk_norm": True, "tie_word_embeddings": True}, t)
        del c["num_key_value_heads"]
        check(submission, c, t)
        check(submission, {**c, "num_key_value_heads": None}, t, expected=c)


@points(4)
def test_experts(submission, rng):
    """experts of any number and width, shared too"""
    for s in rng.sizes(2, low=1):
        c = random_sparse(rng)
        check(submission, c, 77)
        check(submission, {**c, "moe_intermediate_size": c["intermediate_size"] - 3}, 77)
        check(submission, {**c, "n_shared_experts": s}, 77)
        check(submission, {**c, "n_shared_experts": s, "moe_intermediate_size": 7}, 77)
        for key in ("n_shared_experts", "moe_intermediate_size", "first_k_dense_replace", "head_dim"):
            check(submission, {**c, key: None}, 77, expected=c)  # a value of None counts as missing
    dense = random_dense(rng)
    for none in (0, None):
        check(submission, {**dense, "num_experts": none}, 77, expected=dense)
    check(submission, {**dense, **NO_EXPERTS}, 77, expected=dense)


@points(4)
def test_dense_layers(submission, rng):
    """first_k_dense_replace layers have no experts"""
    for _ in range(2):
        c = random_sparse(rng, moe_intermediate_size=8)
        for first in (1, c["num_hidden_layers"] - 1, c["num_hidden_layers"]):
            check(submission, {**c, "first_k_dense_replace": first}, 55)


@points(4)
def test_twin(submission, rng):
    """one key new, five gone, the others stay"""
    others = {"model_type": "mixtral", "rope_scaling": {"factor": 8.0}, "qk_norm": True, "num_local_experts": 3}
    others["sliding_window"] = None  # which is no key of experts, and stays
    c = random_sparse(rng, **others)
    L, wider = c["num_hidden_layers"], c["intermediate_size"] + 1  # no twin is as wide as the dense layers
    twin = {key: c[key] for key in c if key not in EXPERT_KEYS}
    twin["intermediate_size"] = c["num_experts_per_tok"] * wider
    for dense in (L - 1, L):
        config = {**c, "moe_intermediate_size": wider, "first_k_dense_replace": dense}
        assert_equal(submission.dense_twin(config), twin, name=f"twin, where {dense} of {L} layers are dense")
    s, first, Fe = rng.sizes(3, low=1)
    all_three = {"n_shared_experts": s, "moe_intermediate_size": Fe, "first_k_dense_replace": first}
    for experts in ({}, *({key: all_three[key]} for key in all_three), all_three):
        c = random_sparse(rng, **others, **experts)
        if "first_k_dense_replace" in c:  # all of its layers at most
            c["first_k_dense_replace"] = min(first, c["num_hidden_layers"])
        twin = {key: c[key] for key in c if key not in EXPERT_KEYS}
        used = range(c["num_experts_per_tok"] + c.get("n_shared_experts", 0))
        twin["intermediate_size"] = sum(c.get("moe_intermediate_size", c["intermediate_size"]) for _ in used)
        assert_equal(submission.dense_twin(c), twin, name="twin")
        for key in set(EXPERT_KEYS[2:]) - set(experts):
            assert_equal(submission.dense_twin({**c, key: None}), twin, name=f"twin, where {key} is None")
    dense = random_dense(rng, **others)
    assert_equal(submission.dense_twin({**dense, "num_experts": None}), dense, name="twin of a dense model with None")
    assert_equal(submission.dense_twin({**dense, **NO_EXPERTS}), dense, name="twin of a dense model with 0 experts")
    assert_equal(submission.dense_twin(dense), dense, name="twin of a dense model")


@points(4)
@needs(test_public.test_example_sparse, test_public.test_example_twin)
def test_routers(submission, rng):
    """model and twin differ by the routers alone"""
    s, first, Fe = rng.sizes(3, low=1)
    c = random_sparse(rng, n_shared_experts=s, moe_intermediate_size=Fe)
    L, D, E, k = (c[x] for x in ("num_hidden_layers", "hidden_size", "num_experts", "num_experts_per_tok"))
    c["intermediate_size"] = Fe * (k + s)  # as in DeepSeek-V3
    for dense in (0, min(first, L - 1)):
        c["first_k_dense_replace"] = dense
        difference = submission.flops_per_token(c, 99) - submission.flops_per_token(submission.dense_twin(c), 99)
        assert_equal(difference, (L - dense) * 2 * D * E, name="FLOPs more than the twin's")


@points(4)
def test_training(submission, rng):
    """6 FLOPs per parameter and token, exactly"""
    for N, tokens in ((7_241_732_096, 8_000_000_000_001), (3, 5), tuple(rng.sizes(2, low=10, high=10**6))):
        expected = N * tokens + N * tokens + 4 * N * tokens
        assert_equal(submission.training_flops(N, tokens), expected, name="training FLOPs")
