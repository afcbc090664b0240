"""The roofline against counting all choices, one token after another, and the ridge point of a dense model."""

from itertools import combinations, product

from grader.testing import assert_close, assert_equal, points


def random_model(rng, **others):
    """A small model whose experts weigh about as much as the rest."""
    L, k, more = rng.sizes(3)
    S, P = (int(n) for n in rng.randint(1000, 100_000, (2,)))
    return {"shared_params": S, "expert_params": P // L, "num_layers": L, "num_experts": k + more, "k": k, **others}


def hit(E, k, b):
    """Token after token: each finds a share of its k experts already hit."""
    seen = 0.0
    for _ in range(b):
        seen += k * (1 - seen / E)
    return seen


def params(model, experts):
    """Parameters with so many experts in every layer."""
    return model["shared_params"] + sum(experts * model["expert_params"] for _ in range(model["num_layers"]))


def read(model, b, s):
    return s * params(model, hit(model["num_experts"], model["k"], b))


def work(model, b):
    return sum(2 * params(model, model["k"]) for _ in range(b))


def first_bound_by_compute(model, bandwidth, peak, s):
    """Counts up from a batch of 1. Also by how much the two times differ there and just before, in relation."""
    E, k = model["num_experts"], model["k"]
    b, seen, before = 0, 0.0, 1.0
    while True:
        b += 1
        seen += k * (1 - seen / E)
        ratio = 2 * b * params(model, k) / peak / (s * params(model, seen) / bandwidth)
        if ratio > 1:
            return b, min(ratio - 1, 1 - before if b > 1 else 1.0)
        before = ratio


@points(4)
def test_experts(submission):
    """the average over all ways to choose"""
    for E, k, b in ((4, 2, 3), (5, 3, 2), (3, 1, 4), (4, 3, 1), (4, 4, 2), (6, 2, 0), (3, 3, 0)):
        ways = [len(set().union(*choice)) for choice in product(combinations(range(E), k), repeat=b)]
        assert_close(submission.expected_experts(E, k, b), sum(ways) / len(ways), name="experts hit")
    for E, k, b in ((256, 8, 100), (64, 6, 7), (8, 2, 100_000)):
        assert_close(submission.expected_experts(E, k, b), hit(E, k, b), name="experts hit")


@points(4)
def test_held(submission, rng):
    """all experts of all layers, used or not"""
    for s in (1, 2, 4, 0.5):
        model = random_model(rng)
        expected = s * params(model, model["num_experts"])
        assert_close(submission.resident_bytes(model, s), expected, name="bytes held")
    assert_close(submission.resident_bytes(model), 4 * expected, name="bytes held")


@points(4)
def test_read(submission, rng):
    """k experts for one token, ever more for a batch"""
    for s in (1, 2, 0.5):
        model = random_model(rng)
        one = submission.decode_step(model, 1, 3e4, 7e6, s)["bytes"]
        assert_close(one, s * params(model, model["k"]), name="bytes read")
        for b in rng.sizes(2, low=2, high=12):
            found = submission.decode_step(model, b, 3e4, 7e6, s)["bytes"]
            assert_close(found, read(model, b, s), name="bytes read")
    model = random_model(rng, shared_params=0)
    found = submission.decode_step(model, b, 3e4, 7e6)["bytes"]
    assert_close(found, read(model, b, 2), name="bytes read")


@points(4)
def test_work(submission, rng):
    """2 FLOPs for each token and parameter in use"""
    for s in (1, 2, 4):
        model = random_model(rng)
        for b in (1, *rng.sizes(2, low=2, high=50)):
            assert_close(submission.decode_step(model, b, 3e4, 7e6, s)["flops"], work(model, b), name="flops")


@points(4)
def test_time(submission, rng):
    """the slower of the two, and its name"""
    for s in (1, 2, 4):
        model = random_model(rng)
        (b,) = rng.sizes(1, low=2, high=12)
        for reading, computing, bound in ((7.0, 5.0, "memory"), (5.0, 7.0, "compute")):
            step = submission.decode_step(model, b, read(model, b, s) / reading, work(model, b) / computing, s)
            assert_close(step["seconds"], 7.0, name="seconds")
            assert_equal(step["bound"], bound, name="bound")
    # Powers of two, so that both take exactly 2 seconds.
    model = {"shared_params": 3 * 2**20, "expert_params": 2**20, "num_layers": 5, "num_experts": 1, "k": 1}
    step = submission.decode_step(model, 64, 2.0**23, 2.0**29)
    assert_close(step["seconds"], 2.0, name="seconds")
    assert_equal(step["bound"], "memory", name="bound where both take the same time")


@points(4)
def test_dense_crossover(submission, rng):
    """the first above s/2 · peak / bandwidth"""
    for s, expected in ((2, 65), (1, 33), (4, 129)):  # a batch of s / 2 * 64 takes the same time for both
        model = random_model(rng, num_experts=1, k=1)
        assert_equal(submission.crossover_batch(model, 2.0**23, 2.0**29, s), expected, name="crossover")
    for s, expected in ((2, 296), (1, 148), (0.5, 74), (4, 591)):  # 295.2, 147.6, 73.8, 590.4
        for others in ({"expert_params": 0}, {"num_experts": 3, "k": 3}):
            model = random_model(rng, **others)
            assert_equal(submission.crossover_batch(model, 3.35e12, 989e12, s), expected, name="crossover")
    assert_equal(submission.crossover_batch(model, 5e6, 4e6), 1, name="crossover")


@points(4)
def test_crossover(submission, rng):
    """sparse models, few or all experts hit"""
    for ridge in (3.0, 11.0, 47.0):
        k = 1 + int(rng.randint(0, 3, ()))
        model, s, peak = random_model(rng, num_experts=60, k=k), 2, ridge * 1e6
        expected, margin = first_bound_by_compute(model, 1e6, peak, s)
        while margin < 1e-6:  # no batch for which both take nearly the same time
            peak *= 1.01
            expected, margin = first_bound_by_compute(model, 1e6, peak, s)
        assert_equal(submission.crossover_batch(model, 1e6, peak, s), expected, name="crossover")
    model = {"shared_params": 10, "expert_params": 100, "num_layers": 2, "num_experts": 60, "k": 1}
    expected, _ = first_bound_by_compute(model, 1e6, 300.5e6, 2)  # far up: 60 experts are read, and one works
    assert_equal(submission.crossover_batch(model, 1e6, 300.5e6), expected, name="crossover")
