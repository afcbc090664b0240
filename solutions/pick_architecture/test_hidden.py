"""Plans by arithmetic that uses nothing of decode_roofline and tries every batch, and choices worked out before."""

from math import ceil, inf

import test_public

from grader.testing import assert_close, assert_equal, needs, points

H100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}


def model(name, quality, params, layers, heads, size, **others):
    """A candidate of the size of real ones."""
    return {
        "name": name,
        "quality": quality,
        "shared_params": params,
        "attn_layers": layers,
        "n_heads": heads[0],
        "n_kv_heads": heads[1],
        "head_dim": 128,
        "bytes_per_param": size,
        "kv_bytes": 2,
        **others,
    }


MIXTRAL = {"n_experts": 8, "top_k": 2, "expert_params": 5637144576}
JAMBA = {"n_experts": 16, "top_k": 2, "expert_params": 2818572288, "state_bytes": 9175040}
DENSE_8B = model("dense 8B", 0.62, 8030000000, 32, (32, 8), 2)
DENSE_33B = model("dense 33B", 0.76, 33000000000, 60, (56, 8), 2)
NO_GQA = model("dense 13B without GQA", 0.71, 13000000000, 40, (40, 40), 1)
MOE = model("MoE", 0.74, 1605636096, 32, (32, 8), 1, **MIXTRAL)
HYBRID = model("hybrid", 0.72, 6473166720, 4, (32, 8), 1, **JAMBA)
ALL = [DENSE_8B, MOE, DENSE_33B, HYBRID, NO_GQA]


def request(prompt, new, users=1, **others):
    """A customer of unlimited patience, unless it is said otherwise."""
    limits = {"max_ttft_s": inf, "max_tpot_s": inf, "min_quality": 0.0}
    return {"prompt_tokens": prompt, "new_tokens": new, "users": users, **limits, **others}


def small(rng, **others):
    """A small dense candidate."""
    L, G, K = rng.sizes(3, low=2, high=12)
    return {
        "name": "small",
        "quality": 0.5,
        "shared_params": int(rng.randint(10**5, 10**6, (1,))),
        "attn_layers": L,
        "n_heads": 3 * G,
        "n_kv_heads": G,
        "head_dim": K,
        "bytes_per_param": 2,
        "kv_bytes": 4,
        **others,
    }


def small_sparse(rng, **others):
    k, more = rng.sizes(2, low=2, high=7)
    expert = int(rng.randint(10**4, 10**5, (1,)))
    sizes = {"n_experts": k + more, "top_k": k, "expert_params": expert, "bytes_per_param": 1, "state_bytes": 5000}
    return small(rng, **{**sizes, **others})


def slow(rng, **others):
    """A device on which small models take seconds, so that no bound of 1e-9 hides a difference."""
    a, b, c = (1 + rng.rand(3)).tolist()
    device = {"peak_flops": 4e6 * a, "bandwidth": 1e6 * b, "memory_bytes": 1e12, "dollars_per_hour": 2 + c}
    return {**device, **others}


def weights(c):
    return (c["shared_params"] + c.get("n_experts", 0) * c.get("expert_params", 0)) * c["bytes_per_param"]


def cache(c, T):
    """What one sequence of T tokens keeps."""
    return 2 * c["attn_layers"] * c["n_kv_heads"] * c["head_dim"] * c["kv_bytes"] * T + c.get("state_bytes", 0)


def longer(c, tokens, kept, seen, hw):
    """The longer of the times to read and to compute: tokens in one step, so many bytes of caches, keys seen in all."""
    E, k, expert = (c.get(key, 0) for key in ("n_experts", "top_k", "expert_params"))
    missed = 1.0
    for _ in range(tokens):
        missed *= 1 - k / E if E else 1.0
    read = (c["shared_params"] + E * (1 - missed) * expert) * c["bytes_per_param"] + kept
    flops = 2 * (c["shared_params"] + k * expert) * tokens + 4 * c["attn_layers"] * c["n_heads"] * c["head_dim"] * seen
    return max(read / hw["bandwidth"], flops / hw["peak_flops"])


def step(c, B, T, hw):
    return longer(c, B, B * cache(c, T), B * T, hw)


def first(c, P, hw):
    return longer(c, P, 0, P * (P + 1) // 2, hw)


def fitting(c, req, hw):
    """How many sequences fit, tried one after another."""
    T, B = req["prompt_tokens"] + req["new_tokens"], 0
    while weights(c) + (B + 1) * cache(c, T) <= hw["memory_bytes"]:
        B += 1
    return B


def room(c, req, hw, B):
    """The device with memory for B sequences and two thirds of another."""
    T = req["prompt_tokens"] + req["new_tokens"]
    return {**hw, "memory_bytes": weights(c) + B * cache(c, T) + 2 * cache(c, T) // 3}


def patience(c, req, hw, B):
    """The customer with time for a step of B sequences and not for one more."""
    T = req["prompt_tokens"] + req["new_tokens"]
    return {**req, "max_tpot_s": (step(c, B, T, hw) + step(c, B + 1, T, hw)) / 2}


@points(5)
def test_memory(submission, rng):
    """as many as fit beside all weights, at full length"""
    for candidate in (small(rng), small_sparse(rng)):
        prompt, new, few, many = rng.sizes(4, low=2, high=40)
        req, hw = request(prompt, new), slow(rng)
        for B in (0, 1, few, many):
            found = submission.largest_batch(candidate, req, room(candidate, req, hw, B))
            assert_equal(found, B, name="batch")
    assert_equal(submission.largest_batch(candidate, req, {**hw, "memory_bytes": 10}), 0, name="batch without room")


@points(7)
def test_time(submission, rng):
    """as many as a step may take, dense and sparse"""
    for candidate in (small(rng), small_sparse(rng), small(rng, state_bytes=3000)):
        prompt, new, few, many = rng.sizes(4, low=2, high=40)
        req, hw = request(prompt, new), slow(rng)
        for B in (1, few, many):
            found = submission.largest_batch(candidate, patience(candidate, req, hw, B), room(candidate, req, hw, 60))
            assert_equal(found, B, name="batch")
        hurried = {**req, "max_tpot_s": 0.99 * step(candidate, 1, prompt + new, hw)}
        found = submission.largest_batch(candidate, hurried, room(candidate, req, hw, 60))
        assert_equal(found, 0, name="batch if even one is too slow")


@points(5)
@needs(test_memory, test_time)
def test_both(submission, rng):
    """whichever of the two limits comes first"""
    for candidate in (small(rng), small_sparse(rng)):
        prompt, new, few, more = rng.sizes(4, low=2, high=30)
        req, hw = request(prompt, new), slow(rng)
        for by_time, by_memory in ((few, few + more), (few + more, few), (few, few)):
            roomy, patient = room(candidate, req, hw, by_memory), patience(candidate, req, hw, by_time)
            assert_equal(submission.largest_batch(candidate, patient, roomy), few, name="batch")
            for users in (few, 1):  # the limit does not depend on them
                plan = submission.deploy(candidate, {**patient, "users": users}, roomy)
                assert_equal(plan["limit"], "time" if by_time < by_memory else "memory", name="limit")


@points(5)
@needs(test_memory, test_public.test_example_deploy)
def test_at_the_limit(submission, rng):
    """what is exactly at a limit is served"""
    candidate, hw = small_sparse(rng), slow(rng)
    prompt, new, B = rng.sizes(3, low=5, high=40)
    req = request(prompt, new, B)
    full = {**hw, "memory_bytes": weights(candidate) + B * cache(candidate, prompt + new)}
    assert_equal(submission.largest_batch(candidate, req, full), B, name="batch in memory that is just enough")
    found = submission.largest_batch(candidate, req, {**full, "memory_bytes": full["memory_bytes"] - 1})
    assert_equal(found, B - 1, name="batch with a byte less")
    tpot = submission.deploy(candidate, req, full)["tpot_s"]
    found = submission.largest_batch(candidate, {**req, "max_tpot_s": tpot}, room(candidate, req, hw, 60))
    assert_equal(found, B, name="batch in time that is just enough")
    dense = small(rng)
    even = room(dense, req, {**hw, "peak_flops": 2.0**22, "bandwidth": 2.0**20}, 60)  # times without rounding
    wait = first(dense, prompt, even)
    plan = submission.deploy(dense, {**req, "max_ttft_s": wait}, even)
    assert plan is not None, "deploy returns None where a prompt takes exactly max_ttft_s."
    alone = {**candidate, "quality": 0.7}
    choice = submission.pick([alone], {**req, "min_quality": 0.7}, full)
    assert_equal(choice, candidate["name"], name="choice at just that quality")


@points(7)
@needs(test_public.test_example_deploy, test_memory)
def test_devices(submission, rng):
    """the fewest, filled evenly, and their price"""
    for candidate in (small(rng), small_sparse(rng)):
        prompt, new = rng.sizes(2, low=2, high=40)
        largest = int(rng.randint(4, 8, (1,)))
        req = request(prompt, new)
        hw = room(candidate, req, slow(rng), largest)
        for users in (largest, 1, largest - 1, largest + 1, 2 * largest + 1, 3 * largest, 5 * largest - 3):
            plan = submission.deploy(candidate, {**req, "users": users}, hw)
            devices = ceil(users / largest)
            spread = [len(range(device, users, devices)) for device in range(devices)]
            assert_equal(plan["devices"], devices, name="devices")
            assert_equal(plan["batch"], max(spread), name="batch")
            assert_close(plan["tpot_s"], step(candidate, max(spread), prompt + new, hw), name="tpot_s")
            assert_close(plan["dollars_per_hour"], devices * hw["dollars_per_hour"], name="dollars_per_hour")
            assert_equal(plan["limit"], "memory", name="limit")


@points(5)
@needs(test_public.test_example_deploy, test_time)
def test_impossible(submission, rng):
    """None if a device serves none, or reads too slowly"""
    for candidate in (small(rng), small_sparse(rng)):
        prompt, new, users = rng.sizes(3, low=5, high=40)
        req, hw = request(prompt, new, users), slow(rng)
        wait = first(candidate, prompt, hw)
        roomy = room(candidate, req, hw, 50)
        assert_equal(submission.deploy(candidate, req, room(candidate, req, hw, 0)), None, name="plan without room")
        hurried = {**req, "max_tpot_s": 0.99 * step(candidate, 1, prompt + new, hw)}
        assert_equal(submission.deploy(candidate, hurried, roomy), None, name="plan if a step is too slow")
        for share in (0.01, 0.999):
            found = submission.deploy(candidate, {**req, "max_ttft_s": share * wait}, roomy)
            assert_equal(found, None, name="plan if the prompt takes too long")
        plan = submission.deploy(candidate, {**req, "max_ttft_s": 1.001 * wait}, roomy)
        assert plan is not None, f"deploy returns None where a prompt takes {wait:.3f} s of {1.001 * wait:.3f} s."


@points(7)
def test_choice(submission):
    """good enough, then cheapest, then best"""
    req = request(7168, 1024, max_ttft_s=1.0, max_tpot_s=0.05, min_quality=0.7)
    by_users = {1: "dense 33B", 6: "dense 33B", 7: "MoE", 31: "MoE", 32: "hybrid", 500: "hybrid"}
    for users, expected in by_users.items():
        for order in (ALL, ALL[::-1]):
            found = submission.pick(order, {**req, "users": users}, H100)
            assert_equal(found, expected, name=f"choice for {users} users")
    assert_equal(submission.pick(ALL, {**req, "users": 1, "max_tpot_s": 0.02}, H100), "MoE", name="choice at 20 ms")
    assert_equal(submission.pick(ALL, {**req, "users": 1, "max_ttft_s": 0.5}, H100), "MoE", name="choice at 0.5 s")
    for quality, expected in ((0.75, "dense 33B"), (0.77, None)):
        found = submission.pick(ALL, {**req, "users": 7, "min_quality": quality}, H100)
        assert_equal(found, expected, name=f"choice at a quality of {quality}")
    # 3 dollars for a quality of 0.1 are less than 6 for 0.74, though a dollar buys less of it.
    cheap = {**HYBRID, "quality": 0.1}
    found = submission.pick([MOE, cheap], {**req, "users": 32, "min_quality": 0.05}, H100)
    assert_equal(found, "hybrid", name="choice between 3 and 6 dollars")
    assert_equal(submission.pick([], req, H100), None, name="choice of nothing")


@points(2)
@needs(test_choice)
def test_memory_decides(submission):
    """40 GB: a dense model; 100,000 tokens: the hybrid"""
    little = {**H100, "memory_bytes": 40e9}
    req = request(7168, 1024, max_tpot_s=0.05, min_quality=0.7)
    assert_equal(submission.pick(ALL, req, little), "dense 13B without GQA", name="choice in 40 GB")
    found = submission.pick([MOE, HYBRID], request(100_000, 1000, 3), H100)
    assert_equal(found, "hybrid", name="choice for 3 users of 101,000 tokens")
    found = submission.pick([MOE, HYBRID], request(500, 200, 3), H100)
    assert_equal(found, "MoE", name="choice for 3 users of 700 tokens")


@points(5)
def test_regimes(submission):
    """where the choice turns, and turns back"""
    req = request(7168, 1024, max_ttft_s=1.0, max_tpot_s=0.05, min_quality=0.7)
    del req["users"]
    middle = model("middle", 0.73, 13000000000, 40, (40, 8), 2)
    for candidates, others, most, expected in (
        (ALL, {}, 40, [(1, "dense 33B"), (7, "MoE"), (32, "hybrid")]),
        (ALL, {}, 6, [(1, "dense 33B")]),
        (ALL, {}, 1, [(1, "dense 33B")]),
        (ALL, {"users": 300}, 7, [(1, "dense 33B"), (7, "MoE")]),
        (ALL, {"max_tpot_s": 0.02}, 25, [(1, "MoE"), (20, "hybrid")]),
        ([DENSE_8B, middle], {"min_quality": 0.6}, 62, [(1, "middle"), (41, "dense 8B"), (60, "middle")]),
        (ALL, {"min_quality": 0.77}, 5, [(1, None)]),
    ):
        found = submission.regimes(candidates, {**req, **others}, H100, most)
        assert_equal([tuple(pair) for pair in found], expected, name="regimes")


@points(5)
@needs(test_devices)
def test_by_trying(submission, rng):
    """the choice of small models, tried out by counting"""
    prompt, new = rng.sizes(2, low=5, high=20)
    hw = slow(rng, memory_bytes=1e7)
    makers = (small, small_sparse, small, small_sparse)
    candidates = [make(rng, name="abcd"[n], quality=0.1 + 0.1 * n) for n, make in enumerate(makers)]
    waits = sorted(step(c, 3, prompt + new, hw) for c in candidates)
    req = request(prompt, new, max_tpot_s=waits[2] * 1.01, min_quality=0.15)
    largest = {}
    for c in candidates:
        B = min(fitting(c, req, hw), 400)
        while B and step(c, B, prompt + new, hw) > req["max_tpot_s"]:
            B -= 1
        largest[c["name"]] = B
    for users in (1, *rng.sizes(3, low=2, high=40)):
        offers = [
            (ceil(users / largest[c["name"]]), -c["quality"], c["name"])
            for c in candidates
            if largest[c["name"]] and c["quality"] >= 0.15
        ]
        found = submission.pick(candidates, {**req, "users": users}, hw)
        assert_equal(found, min(offers)[-1] if offers else None, name=f"choice for {users} users")
