"""Costs by arithmetic that uses nothing of decode_roofline, limits from both sides, and choices worked out before."""

import pytest

from grader.testing import assert_close, assert_equal, needs, points

LIMITS = ["task", "context", "memory", "ttft", "tpot", "quality"]
H100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}


def model(name, quality, params, layers, groups, size, **others):
    """A candidate of the size of real ones."""
    return {
        "name": name,
        "quality": quality,
        "tasks": ["generate"],
        "shared_params": params,
        "attn_layers": layers,
        "n_heads": 40,
        "n_kv_heads": groups,
        "head_dim": 128,
        "bytes_per_param": size,
        "kv_bytes": 2,
        **others,
    }


MIXTRAL = {"n_experts": 8, "top_k": 2, "expert_params": 5637144576}
JAMBA = {"n_experts": 16, "top_k": 2, "expert_params": 2818572288, "state_bytes": 9175040}
DENSE_8B = model("dense 8B", 0.62, 8.03e9, 32, 8, 2)
DENSE_33B = model("dense 33B", 0.74, 33e9, 60, 8, 2)
MOE = model("MoE", 0.74, 1605636096, 32, 8, 1, **MIXTRAL)
NO_GQA = model("13B without GQA", 0.71, 13e9, 40, 40, 1)
HYBRID = model("hybrid", 0.7, 6473166720, 4, 8, 1, **JAMBA)


def request(prompt, new, users, **others):
    return {"task": "generate", "prompt_tokens": prompt, "new_tokens": new, "concurrency": users, **others}


def small(rng, **others):
    """A small dense candidate that does two tasks."""
    L, G, K = rng.sizes(3, low=2, high=12)
    return {
        "name": "small",
        "quality": 0.5,
        "tasks": ["classify", "generate"],
        "shared_params": int(rng.randint(10**5, 10**6, (1,))),
        "attn_layers": L,
        "n_heads": 3 * G,
        "n_kv_heads": G,
        "head_dim": K,
        "bytes_per_param": 2,
        "kv_bytes": 2,
        **others,
    }


def small_sparse(rng, **others):
    k, more = rng.sizes(2, low=2, high=7)
    expert = int(rng.randint(10**4, 10**5, (1,)))
    return small(rng, n_experts=k + more, top_k=k, expert_params=expert, state_bytes=5000, **others)


def slow(rng, **others):
    """A device on which small models take seconds and cost dollars, so that no bound of 1e-9 hides a difference."""
    a, b, c = (1 + rng.rand(3)).tolist()
    device = {"peak_flops": 4e6 * a, "bandwidth": 1e6 * b, "memory_bytes": 1e12, "dollars_per_hour": 3600 * c}
    return {**device, **others}


def costs(c, req, hw):
    """What evaluate returns besides the violations."""
    E, k, expert = (c.get(key) or 0 for key in ("n_experts", "top_k", "expert_params"))
    P, n, B = req["prompt_tokens"], req["new_tokens"], req["concurrency"]
    heads = c["attn_layers"] * c["head_dim"]

    def in_use(tokens):
        missed = 1.0
        for _ in range(tokens):
            missed *= 1 - k / E
        return E * (1 - missed)

    def reading(tokens, kept):
        weights = c["shared_params"] + (in_use(tokens) * expert if E else 0)
        return (weights * c["bytes_per_param"] + kept) / hw["bandwidth"]

    def computing(tokens, seen):
        flops = 2 * (c["shared_params"] + k * expert) * tokens + 4 * c["n_heads"] * heads * seen
        return flops / hw["peak_flops"]

    kept = B * (2 * c["n_kv_heads"] * heads * c["kv_bytes"] * (P + n) + (c.get("state_bytes") or 0)) if n else 0
    ttft = max(reading(P, 0), computing(P, sum(range(P + 1))))
    tpot = max(reading(B, kept), computing(B, B * (P + n))) if n else 0.0
    return {
        "memory_bytes": (c["shared_params"] + E * expert) * c["bytes_per_param"] + kept,
        "ttft_s": ttft,
        "tpot_s": tpot,
        "cost": (ttft + n * tpot / B) * hw["dollars_per_hour"] / 3600,
    }


def check(result, expected):
    for key, value in expected.items():
        assert_close(result[key], value, name=key)


@points(3)
def test_costs(submission, rng):
    """memory, two times and dollars of a request"""
    for candidate in (small(rng), small_sparse(rng), small(rng, state_bytes=3000)):
        hw = slow(rng)
        prompt, new, users = rng.sizes(3, low=2, high=40)
        for B in (1, users):
            req = request(prompt, new, B)
            result = submission.evaluate(candidate, req, hw)
            check(result, costs(candidate, req, hw))
            assert_equal(list(result["violations"]), [], name="violations")
    names = {"memory_bytes", "ttft_s", "tpot_s", "cost", "violations"}
    assert_equal(set(result), names, name="keys of the result")


@points(2)
def test_nothing_to_generate(submission, rng):
    """without new tokens no cache and no steps"""
    for candidate in (small(rng), small_sparse(rng)):
        hw = slow(rng)
        prompt, users = rng.sizes(2, low=5, high=40)
        req = request(prompt, 0, users)
        expected = costs(candidate, req, hw)
        result = submission.evaluate(candidate, req, hw)
        check(result, expected)
        assert_equal(list(result["violations"]), [], name="violations")
        exact = {**hw, "memory_bytes": expected["memory_bytes"]}
        found = submission.evaluate(candidate, {**req, "max_tpot_s": 0.0}, exact)
        assert_equal(list(found["violations"]), [], name="violations with room for the weights")


def limited(rng):
    """A candidate, a requirement and a device, and for each limit what breaks it: changes to the three of them."""
    candidate, hw = small_sparse(rng, max_context=100), slow(rng)
    prompt, new, users = rng.sizes(3, low=5, high=40)
    req = request(prompt, new, users)
    found = costs(candidate, req, hw)
    changes = {
        "task": ({}, {"task": "embed"}, {}),
        "context": ({"max_context": prompt + new - 1}, {}, {}),
        "memory": ({}, {}, {"memory_bytes": found["memory_bytes"] - 1}),
        "ttft": ({}, {"max_ttft_s": 0.9 * found["ttft_s"]}, {}),
        "tpot": ({}, {"max_tpot_s": 0.9 * found["tpot_s"]}, {}),
        "quality": ({}, {"min_quality": 0.501}, {}),
    }
    return (candidate, req, hw), changes


def changed(base, changes, limits):
    """The three dicts with the changes of these limits."""
    dicts = [dict(one) for one in base]
    for limit in limits:
        for one, change in zip(dicts, changes[limit], strict=True):
            one.update(change)
    return dicts


@points(2)
def test_each_limit(submission, rng):
    """each of the six limits, broken alone"""
    base, changes = limited(rng)
    assert_equal(list(submission.evaluate(*base)["violations"]), [], name="violations of none")
    for limit in LIMITS:
        found = submission.evaluate(*changed(base, changes, [limit]))["violations"]
        assert_equal(list(found), [limit], name="violations")


@points(2)
@needs("test_each_limit")
def test_all_limits(submission, rng):
    """all that are broken, in the order of the table"""
    base, changes = limited(rng)
    for broken in (LIMITS, LIMITS[1:], LIMITS[::2], ["task", "memory"], ["ttft", "quality"]):
        found = submission.evaluate(*changed(base, changes, broken))["violations"]
        assert_equal(list(found), broken, name="violations")


@points(2)
@needs("test_each_limit")
def test_at_the_limit(submission, rng):
    """what is exactly at a limit passes"""
    candidate, hw = small_sparse(rng), slow(rng)
    prompt, new, users = rng.sizes(3, low=5, high=40)
    req = request(prompt, new, users)
    result = submission.evaluate(candidate, req, hw)
    at = {"max_ttft_s": result["ttft_s"], "max_tpot_s": result["tpot_s"], "min_quality": 0.5}
    just = {**candidate, "max_context": prompt + new}
    found = submission.evaluate(just, {**req, **at}, {**hw, "memory_bytes": result["memory_bytes"]})
    assert_equal(list(found["violations"]), [], name="violations at all limits")
    for key, limit in (("max_ttft_s", "ttft"), ("max_tpot_s", "tpot")):
        found = submission.evaluate(just, {**req, **at, key: at[key] * 0.999}, hw)
        assert_equal(list(found["violations"]), [limit], name="violations just above")


@points(1)
@needs("test_each_limit")
def test_no_limits(submission, rng):
    """missing or None limits nothing"""
    candidate, hw = small(rng, quality=-3.0), slow(rng)  # a quality may be a negative loss
    prompt, new, users = rng.sizes(3, low=5, high=40)
    req = request(prompt, new, users)
    none = {"max_ttft_s": None, "max_tpot_s": None, "min_quality": None}
    for context in ({}, {"max_context": None}, {"max_context": 0}):
        for limits in ({}, none):
            found = submission.evaluate({**candidate, **context}, {**req, **limits}, hw)
            assert_equal(list(found["violations"]), [], name="violations")


@points(2)
def test_cheapest(submission, rng):
    """good enough first, then the cheapest"""
    models = [DENSE_33B, DENSE_8B, NO_GQA, MOE]
    req = request(7168, 1024, 1, min_quality=0.7)
    expected = {
        "choice": "MoE",
        "ranking": ["MoE", "13B without GQA", "dense 33B"],
        "rejected": {"dense 8B": ["quality"]},
    }
    assert_equal(submission.pick(models, req, H100), expected, name="pick for 1 user")
    expected = {"choice": "MoE", "ranking": ["MoE", "dense 8B", "13B without GQA", "dense 33B"], "rejected": {}}
    assert_equal(submission.pick(models, {**req, "min_quality": 0.6}, H100), expected, name="pick at 0.6")
    expected = {
        "choice": "dense 8B",
        "ranking": ["dense 8B", "MoE"],
        "rejected": {"dense 33B": ["memory"], "13B without GQA": ["memory"]},
    }
    found = submission.pick(models, request(7168, 1024, 16), H100)
    assert_equal(found, expected, name="pick for 16 users")
    expected["rejected"]["dense 33B"] = ["memory", "tpot"]
    expected["rejected"]["13B without GQA"] = ["memory", "tpot"]
    found = submission.pick(models, request(7168, 1024, 16, max_tpot_s=0.02), H100)
    assert_equal(found, expected, name="pick for 16 users at 20 ms")


@points(2)
def test_ties(submission, rng):
    """at equal cost the better, then the name"""
    base = small(rng)
    names = {"b": 0.5, "d": 0.7, "a": 0.5, "c": 0.3, "e": 0.7}
    twins = [{**base, "name": name, "quality": quality} for name, quality in names.items()]
    cheaper = {**base, "name": "z", "quality": 0.1, "shared_params": base["shared_params"] // 2}
    req, hw = request(9, 5, 2), slow(rng)
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]):
        found = submission.pick([*(twins[n] for n in order), cheaper], req, hw)
        assert_equal(list(found["ranking"]), ["z", "d", "e", "a", "b", "c"], name="ranking")
        assert_equal(found["choice"], "z", name="choice")


@points(1)
def test_none_fits(submission, rng):
    """None if nothing fits, ValueError for nothing"""
    req = request(7168, 1024, 16, min_quality=0.7)
    rejected = {
        "dense 8B": ["quality"],
        "dense 33B": ["memory"],
        "MoE": ["memory"],
        "13B without GQA": ["memory"],
    }
    found = submission.pick([DENSE_8B, DENSE_33B, MOE, NO_GQA], req, {**H100, "memory_bytes": 40e9})
    assert_equal(found, {"choice": None, "ranking": [], "rejected": rejected}, name="pick in 40 GB")
    with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
        submission.pick([], req, H100)


@points(2)
def test_sparse_or_dense(submission, rng):
    """a MoE for one user, if all of it fits"""
    dense = model("dense 13B", 0.7, 13e9, 40, 8, 1)
    for users, memory, ranking in (
        (1, 80e9, ["MoE", "dense 13B"]),  # 12.9 billion weights to read, and 13.0
        (8, 80e9, ["dense 13B", "MoE"]),  # nearly all experts
        (1, 40e9, ["dense 13B"]),
    ):
        found = submission.pick([dense, MOE], request(512, 256, users), {**H100, "memory_bytes": memory})
        assert_equal(list(found["ranking"]), ranking, name=f"ranking for {users} in {memory / 1e9:g} GB")
        rejected = {"MoE": ["memory"]} if len(ranking) == 1 else {}
        assert_equal(found["rejected"], rejected, name="rejected")


@points(2)
def test_long_prompts(submission, rng):
    """250,000 tokens for two: only the hybrid fits"""
    found = submission.pick([MOE, HYBRID], request(500, 200, 2), H100)
    assert_equal(list(found["ranking"]), ["hybrid", "MoE"], name="ranking at 500 tokens")
    found = submission.pick([MOE, HYBRID], request(250_000, 200, 2), H100)
    expected = {"choice": "hybrid", "ranking": ["hybrid"], "rejected": {"MoE": ["memory"]}}
    assert_equal(found, expected, name="pick at 250,000 tokens")
    kept = submission.evaluate(HYBRID, request(250_000, 200, 2), H100)["memory_bytes"]
    expected = 51570323328 + 2 * (250_200 * 4 * 2 * 8 * 128 * 2 + 9175040)
    assert_close(kept, expected, name="bytes of the hybrid")


@points(2)
def test_encoder(submission, rng):
    """encoder up to 512 tokens, decoder beyond"""
    embed = {"tasks": ["embed"], "head_dim": 64}
    encoder = model("encoder", 0.6, 109482240, 12, 12, 2, max_context=512, **{**embed, "n_heads": 12})
    decoder = model("decoder", 0.65, 7241732096, 32, 8, 2, max_context=32768, tasks=["generate", "embed"])
    req = {**request(512, 0, 64), "task": "embed"}
    expected = {
        "choice": "encoder",
        "ranking": ["encoder", "decoder"],
        "rejected": {"dense 8B": ["task"]},
    }
    assert_equal(submission.pick([decoder, encoder, DENSE_8B], req, H100), expected, name="pick at 512 tokens")
    req["prompt_tokens"] = 513
    expected = {
        "choice": "decoder",
        "ranking": ["decoder"],
        "rejected": {"encoder": ["context"], "dense 8B": ["task"]},
    }
    assert_equal(submission.pick([decoder, encoder, DENSE_8B], req, H100), expected, name="pick at 513 tokens")
