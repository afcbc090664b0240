"""Experts in use by counting choices, bytes and FLOPs layer by layer and head by head, times chosen in advance."""

from fractions import Fraction
from itertools import combinations, product
from math import comb

from grader.testing import assert_close, assert_equal, needs, points

GIB = 2**30


def dense(rng, **others):
    """A small dense model with grouped queries and without the keys that it may lack."""
    L, G, K = rng.sizes(3, low=2, high=12)
    return {
        "shared_params": int(rng.randint(10**5, 10**6, (1,))),
        "attn_layers": L,
        "n_heads": 3 * G,
        "n_kv_heads": G,
        "head_dim": K,
        "bytes_per_param": 2,
        "kv_bytes": 4,
        **others,
    }


def sparse(rng, **others):
    """The same with E experts, of which a token uses k."""
    k, more = rng.sizes(2, low=2, high=7)
    expert = int(rng.randint(10**4, 10**5, (1,)))
    return dense(rng, **{"n_experts": k + more, "top_k": k, "expert_params": expert, **others})


def experts_in_use(E, k, tokens):
    """The mean over the distribution: with d experts in use, the next token adds j new ones and repeats k - j."""
    share = {0: Fraction(1)}
    for _ in range(tokens):
        following = dict.fromkeys(range(E + 1), Fraction(0))
        for d, probability in share.items():
            for j in range(max(0, k - d), min(k, E - d) + 1):
                following[d + j] += probability * comb(E - d, j) * comb(d, k - j) / comb(E, k)
        share = following
    return float(sum(d * probability for d, probability in share.items()))


def sequence_bytes(m, context):
    """What one sequence keeps: layer by layer, head by head."""
    kept = m.get("state_bytes", 0)
    for _ in range(m["attn_layers"]):
        for _ in range(m["n_kv_heads"]):
            key = value = m["head_dim"] * m["kv_bytes"]
            kept += (key + value) * context
    return kept


def attention_flops(m, context):
    """What one new token costs: a product with each key, and a sum of all values, in each head of each layer."""
    dot = weigh = 2 * m["head_dim"]
    return sum((dot + weigh) * context for _ in range(m["attn_layers"]) for _ in range(m["n_heads"]))


def used(m):
    """The parameters that one token uses."""
    return m["shared_params"] + sum(m["expert_params"] for _ in range(m.get("top_k", 0)))


@points(3)
def test_params(submission, rng):
    """all experts stored, k of them used; dense too"""
    for _ in range(2):
        m = sparse(rng)
        stored = m["shared_params"] + sum(m["expert_params"] for _ in range(m["n_experts"]))
        assert_equal(submission.total_params(m), stored, name="total")
        assert_equal(submission.active_params(m), used(m), name="active")
    m = dense(rng)
    both = submission.total_params(m), submission.active_params(m)
    assert_equal(both, (m["shared_params"],) * 2, name="total and active of a dense model")


@points(3)
def test_expected_experts(submission, rng):
    """the mean of every choice that tokens can make"""
    for E, k, tokens in ((4, 2, 3), (5, 3, 2), (5, 1, 3), (3, 3, 2)):
        choices = list(product(combinations(range(E), k), repeat=tokens))
        mean = sum(len(set().union(*choice)) for choice in choices) / len(choices)
        assert_close(submission.expected_experts(E, k, tokens), mean, name="experts")
    for E, k, tokens in ((8, 2, 32), (24, 6, 7), (16, 1, 20), (8, 8, 7), (256, 8, 1), (8, 2, 0)):
        expected = experts_in_use(E, k, tokens)
        assert_close(submission.expected_experts(E, k, tokens), expected, name="experts")


@points(2)
@needs(test_params)
def test_dense_weights(submission, rng):
    """a dense model is read whole, at any batch"""
    m = dense(rng)
    for size in (2, 1, 0.5):
        for tokens in (1, 2, 300):
            found = submission.weight_bytes({**m, "bytes_per_param": size}, tokens)
            assert_close(found, m["shared_params"] * size, name="bytes")


@points(3)
@needs(test_expected_experts)
def test_sparse_weights(submission, rng):
    """from the active weights to all of them"""
    m = sparse(rng)
    E, k = m["n_experts"], m["top_k"]
    assert_close(submission.weight_bytes(m, 1), 2 * used(m), name="bytes for one token")
    for tokens in rng.sizes(3, low=2, high=9):
        for size in (2, 0.5):
            expected = (m["shared_params"] + experts_in_use(E, k, tokens) * m["expert_params"]) * size
            found = submission.weight_bytes({**m, "bytes_per_param": size}, tokens)
            assert_close(found, expected, name=f"bytes for {tokens} tokens")
    # (1 - 2/9)^10000 is 0 in any arithmetic.
    stored = m["shared_params"] + E * m["expert_params"]
    assert_close(submission.weight_bytes(m, 10000), 2 * stored, name="bytes for 10000 tokens")


@points(3)
def test_cache(submission, rng):
    """keys and values of every sequence"""
    B, T = rng.sizes(2, low=2, high=50)
    for size in (2, 1, 0.5):
        m = dense(rng, kv_bytes=size, bytes_per_param=4)
        assert_close(submission.cache_bytes(m, B, T), B * sequence_bytes(m, T), name="bytes")
        assert_close(submission.cache_bytes(m, 1, T), sequence_bytes(m, T), name="bytes of one sequence")
    assert_close(submission.cache_bytes(m, B, 0), 0, name="bytes of no tokens")
    grouped = {"attn_layers": 32, "n_heads": 32, "n_kv_heads": 8, "head_dim": 128, "kv_bytes": 2}
    assert_close(submission.cache_bytes(grouped, 1, 1), 128 * 1024, name="bytes of a token of Mixtral")


@points(2)
@needs(test_cache)
def test_state(submission, rng):
    """a state for each sequence, whatever its length"""
    B, T = rng.sizes(2, low=2, high=50)
    m = dense(rng, state_bytes=int(rng.randint(10**3, 10**4, (1,))))
    for context in (0, 1, T, 1000 * T):
        assert_close(submission.cache_bytes(m, B, context), B * sequence_bytes(m, context), name="bytes")
    bare = {**m, "attn_layers": 0, "n_heads": 0, "n_kv_heads": 0, "head_dim": 0}
    assert_close(submission.cache_bytes(bare, B, T), B * m["state_bytes"], name="bytes without attention")


@points(2)
@needs(test_dense_weights, test_cache)
def test_step_bytes(submission, rng):
    """weights once, a cache for every sequence"""
    B, T = rng.sizes(2, low=2, high=50)
    hw = {"peak_flops": 1e6, "bandwidth": 1e5}
    m = dense(rng, state_bytes=777)
    expected = m["shared_params"] * 2 + B * sequence_bytes(m, T)
    assert_close(submission.decode_step(m, B, T, hw)["bytes"], expected, name="bytes")
    m = sparse(rng)
    weights = m["shared_params"] + experts_in_use(m["n_experts"], m["top_k"], B) * m["expert_params"]
    expected = weights * 2 + B * sequence_bytes(m, T)
    assert_close(submission.decode_step(m, B, T, hw)["bytes"], expected, name="bytes with experts")


@points(3)
@needs(test_params)
def test_step_flops(submission, rng):
    """active weights and attention, each sequence"""
    hw = {"peak_flops": 1e6, "bandwidth": 1e5}
    bare = {"attn_layers": 0, "n_heads": 0, "n_kv_heads": 0, "head_dim": 0}
    for m in (dense(rng), sparse(rng), sparse(rng, state_bytes=500, **bare)):
        for context in (0, int(rng.randint(10, 10**4, (1,)))):
            for B in (1, *rng.sizes(2, low=2, high=50)):
                expected = B * (2 * used(m) + attention_flops(m, context))
                assert_close(submission.decode_step(m, B, context, hw)["flops"], expected, name="flops")


@points(3)
@needs(test_step_bytes, test_step_flops)
def test_step_times(submission, rng):
    """the longer of two times, and what it bounds"""
    B, T = rng.sizes(2, low=2, high=50)
    m = dense(rng)
    read = m["shared_params"] * 2 + B * sequence_bytes(m, T)
    flops = B * (2 * used(m) + attention_flops(m, T))
    for factor, bound in ((0.6, "memory"), (0.95, "memory"), (1.05, "compute"), (1.7, "compute")):
        t_memory = 1 + float(rng.rand(1))
        t_compute = t_memory * factor
        hw = {"peak_flops": flops / t_compute, "bandwidth": read / t_memory}
        step = submission.decode_step(m, B, T, hw)
        assert_close(step["t_memory"], t_memory, name="t_memory")
        assert_close(step["t_compute"], t_compute, name="t_compute")
        seconds = t_memory if bound == "memory" else t_compute
        assert_close(step["seconds"], seconds, name="seconds")
        assert_equal(step["bound"], bound, name="bound")
        assert_close(step["tokens_per_s"], B / seconds, name="tokens_per_s")
    names = {"bytes", "flops", "t_memory", "t_compute", "seconds", "bound", "tokens_per_s"}
    assert_equal(set(step), names, name="keys of the step")


@points(3)
@needs(test_step_times)
def test_critical_batch(submission, rng):
    """295, 153 and 148; there both times are equal"""
    h100 = {"peak_flops": 989e12, "bandwidth": 3.35e12}
    a100 = {"peak_flops": 312e12, "bandwidth": 2.039e12}
    for hw, size, expected in ((h100, 2, 295), (a100, 2, 153), (h100, 1, 148), (h100, 0.5, 74)):
        found = submission.critical_batch(hw, size)
        assert_close(float(found), float(expected), rtol=0.0, atol=0.5, name="critical batch")  # to whole numbers
    powers = {"peak_flops": 2**40, "bandwidth": 2**30}  # so that both times are exact
    for size in (2, 1, 4):
        B = 512 * size
        assert_close(submission.critical_batch(powers, size), B, name="critical batch")
        m = dense(rng, bytes_per_param=size)
        for batch, bound in ((B - 1, "memory"), (B, "memory"), (B + 1, "compute")):
            found = submission.decode_step(m, batch, 0, powers)["bound"]
            assert_equal(found, bound, name=f"bound at {batch}")


@points(3)
@needs(test_cache, test_params)
def test_max_batch(submission, rng):
    """what fits whole beside all the weights"""
    T = int(rng.randint(10, 99, (1,)))
    odd = dense(rng, kv_bytes=1, bytes_per_param=0.5, state_bytes=500)
    for m in (dense(rng), sparse(rng), sparse(rng, n_experts=500, top_k=1), odd):
        stored = m["shared_params"] + m.get("n_experts", 0) * m.get("expert_params", 0)
        weights, sequence = stored * m["bytes_per_param"], sequence_bytes(m, T)
        for B in (1, *rng.sizes(2, low=2, high=50)):
            memory = weights + B * sequence
            assert_equal(submission.max_batch(m, T, memory), B, name="batch that just fits")
            assert_equal(submission.max_batch(m, T, memory - 1), B - 1, name="batch with a byte less")
        assert_equal(submission.max_batch(m, T, float(memory + 1)), B, name="batch in a float of bytes")


@points(1)
@needs(test_max_batch)
def test_none_fits(submission, rng):
    """0 if the weights do not fit; a state takes room"""
    T = int(rng.randint(10, 99, (1,)))
    m = sparse(rng)
    weights = 2 * (m["shared_params"] + m["n_experts"] * m["expert_params"])
    for memory in (weights, weights - 1, weights - 10**6, 0):
        assert_equal(submission.max_batch(m, T, memory), 0, name="batch")
    assert_equal(submission.max_batch({**m, "state_bytes": 10}, 0, weights + 59), 5, name="batch of states")


@points(3)
@needs(test_params, test_dense_weights)
def test_prefill(submission, rng):
    """a prompt in one step, token i sees i tokens"""
    odd = 2 * int(rng.randint(5, 40, (1,))) + 1
    small = dense(rng, shared_params=1000)  # so that half a pair more is seen
    eight_bits = dense(rng, bytes_per_param=1)
    for m, P in ((small, odd), (eight_bits, odd + 1), (sparse(rng), 2), (sparse(rng), odd + 3)):
        in_use = experts_in_use(m["n_experts"], m["top_k"], P) if "n_experts" in m else 0
        read = m["bytes_per_param"] * (m["shared_params"] + in_use * m.get("expert_params", 0))
        flops = sum(2 * used(m) + attention_flops(m, seen) for seen in range(1, P + 1))
        for factor in (0.2, 1.7):
            t_memory = 1 + float(rng.rand(1))
            hw = {"peak_flops": flops / (t_memory * factor), "bandwidth": read / t_memory}
            expected = max(t_memory, t_memory * factor)
            assert_close(submission.prefill_seconds(m, P, hw), expected, name="seconds")
