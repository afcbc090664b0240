"""Minima by bisection of the slope and by comparing with many others, fits by sums of plain numbers."""

import math

import pytest
import torch

from grader.testing import assert_close, assert_equal, needs, points

HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
SOURCE = {"E": 1.6934, "A": 406.4, "B": 410.7, "alpha": 0.3392, "beta": 0.2849}
REFIT = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}


def random_law(rng):
    E, A, B, alpha, beta = rng.rand(5).tolist()
    return {
        "E": 1 + E,
        "A": 300 + 300 * A,
        "B": 500 + 900 * B,
        "alpha": 0.28 + 0.05 * alpha,
        "beta": 0.36 + 0.08 * beta,
    }


def law(n, d, c):
    return c["E"] + c["A"] * math.exp(-c["alpha"] * math.log(n)) + c["B"] * math.exp(-c["beta"] * math.log(d))


def root(falls, low, high):
    """Where a function that falls crosses 0."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if falls(middle) > 0 else (low, middle)
    return low


def best_split(flops, c):
    """N and D: the slope of the loss in ln N, at D = C/6N, is 0."""
    rest = math.log(flops / 6)

    def gain(x):  # what one more step in ln N gains, less what it costs in tokens
        by_size = c["alpha"] * c["A"] * math.exp(-c["alpha"] * x)
        return by_size - c["beta"] * c["B"] * math.exp(-c["beta"] * (rest - x))

    x = root(gain, 0.0, rest)
    return math.exp(x), math.exp(rest - x)


def best_life(target, served, c):
    """N, D and all FLOPs: the slope of the total in ln N is 0. u is the part A/N^α of what the loss has above E."""
    rest = target - c["E"]

    def of(u):
        n, d = (c["A"] / u) ** (1 / c["alpha"]), (c["B"] / (rest - u)) ** (1 / c["beta"])
        slope = 6 * d * (1 - c["alpha"] / c["beta"] * u / (rest - u)) + 2 * served
        return slope, n, d

    u = root(lambda u: of(u)[0], 1e-9 * rest, (1 - 1e-9) * rest)
    _, n, d = of(u)
    return n, d, 6 * n * d + 2 * n * served


def line(xs, ys):
    """Slope and height at 0 of the line of least squares, from sums."""
    m, sx, sy = len(xs), math.fsum(xs), math.fsum(ys)
    dx = [x - sx / m for x in xs]
    slope = math.fsum(a * y for a, y in zip(dx, ys, strict=True)) / math.fsum(a * a for a in dx)
    return slope, sy / m - slope * sx / m


def turning_point(xs, ys):
    """Of the parabola of least squares: its normal equations, around the mean of the xs, by Cramer's rule."""
    middle = math.fsum(xs) / len(xs)
    xs = [x - middle for x in xs]
    s = [math.fsum(x**power for x in xs) for power in range(5)]
    t = [math.fsum(y * x**power for x, y in zip(xs, ys, strict=True)) for power in range(3)]

    def determinant(a, b, c):
        return (
            a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) + c[0] * (a[1] * b[2] - a[2] * b[1])
        )

    one, linear, square = s[0:3], s[1:4], s[2:5]
    p, q = determinant(one, linear, t), determinant(one, t, square)
    return middle - q / (2 * p)


def double(values):
    return torch.tensor(values, dtype=torch.float64)


@points(3)
def test_loss(submission, rng):
    """three terms: Gopher, Chinchilla, any other"""
    # Rounded to four digits.
    for n, d, expected in ((280e9, 300e9, 1.9933), (70e9, 1.4e12, 1.9366)):
        loss = submission.predicted_loss(n, d, HOFFMANN)
        assert_close(loss, expected, rtol=0.0, atol=6e-5, name="loss")
    for _ in range(3):
        c = random_law(rng)
        n, d = (math.exp(x) for x in (15 + 12 * rng.rand(2)).tolist())
        assert_close(submission.predicted_loss(n, d, c), law(n, d, c), name="loss")
    limit = {**HOFFMANN, "alpha": 3.0, "beta": 2.0}
    assert_close(submission.predicted_loss(1e9, 1e9, limit), 1.69, name="loss of a model without limits")


@points(6)
def test_optimum(submission, rng):
    """slope 0, and no other split is better"""
    for c in (HOFFMANN, SOURCE, REFIT, random_law(rng)):
        for flops in (1e18, 1e21, 5.88e23, 1e26 * (1 + float(rng.rand(1)))):
            n, d = best_split(flops, c)
            best = submission.compute_optimal(flops, c)
            assert_close(best["n"], n, name="n")
            assert_close(best["d"], d, name="d")
            others = [law(n * 1.1**step, d / 1.1**step, c) for step in range(-40, 41) if step]
            found = law(best["n"], best["d"], c)
            assert found <= min(others), f"At {flops:.3g} FLOPs another split has a lower loss."


@points(3)
def test_budget(submission, rng):
    """6·N·D is the budget, the rest follows from N, D"""
    for c in (REFIT, random_law(rng)):
        flops = 10 ** (18 + 8 * float(rng.rand(1)))
        best = submission.compute_optimal(flops, c)
        assert_equal(set(best), {"n", "d", "tokens_per_param", "loss"}, name="keys")
        assert_close(6 * best["n"] * best["d"], flops, name="FLOPs of N and D")
        assert_close(best["tokens_per_param"], best["d"] / best["n"], name="tokens per parameter")
        assert_close(best["loss"], law(best["n"], best["d"], c), name="loss")


@points(5)
@needs(test_budget)
def test_published(submission):
    """one budget by three fits, and the refit's drift"""
    # Published to three digits.
    for c, n, d, ratio in (
        (HOFFMANN, 32.5, 3.02, 92.8),
        (SOURCE, 40.7, 2.41, 59.2),
        (REFIT, 73.0, 1.34, 18.4),
    ):
        best = submission.compute_optimal(5.88e23, c)
        assert_close(best["n"] / 1e9, n, rtol=0.0, atol=0.06, name="billions of parameters")
        assert_close(best["d"] / 1e12, d, rtol=0.0, atol=0.006, name="trillions of tokens")
        assert_close(best["tokens_per_param"], ratio, rtol=0.0, atol=0.06, name="tokens per parameter")
    for flops, ratio in ((1e21, 21.6), (1e23, 19.2), (1e25, 17.1)):
        found = submission.compute_optimal(flops, REFIT)["tokens_per_param"]
        assert_close(found, ratio, rtol=0.0, atol=0.06, name=f"tokens per parameter at {flops:.0e}")


@points(2)
def test_out_of_reach(submission):
    """a loss near E can be had, ValueError for E and below"""
    n, d = best_split(1e27, REFIT)
    best = submission.lifetime_optimal(law(n, d, REFIT), 0, REFIT)
    assert_close(best["n"], n, rtol=6e-3, atol=0.0, name="n")
    for loss in (1.5, REFIT["E"]):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.lifetime_optimal(loss, 1e12, REFIT)


@points(3)
def test_isoflop(submission, rng):
    """the parabola of least squares in ln N"""
    for M, least in ((3, 19), (5, 6), (9, 19)):  # models of millions of parameters, and of some hundreds
        place = [float(x) for x in least + 0.6 * torch.arange(M) + 0.4 * rng.rand(M)]
        place = [place[i] for i in rng.randperm(M).tolist()]
        turn = least + 0.6 * M * (0.3 + 0.4 * float(rng.rand(1)))
        curve = [2.2 + 0.06 * (x - turn) ** 2 for x in place]
        noisy = [y + 0.004 * float(e) for y, e in zip(curve, rng.randn(M), strict=True)]
        if M == 3:  # three points decide a parabola, and noise could turn it over
            noisy = [1.3 * y for y in curve]
        sizes = double([math.exp(x) for x in place])
        # N is promised to one part in a million.
        found = submission.isoflop_optimum(sizes, double(curve))
        assert_close(found, math.exp(turn), rtol=2e-6, atol=0.0, name="N of an exact parabola")
        found = submission.isoflop_optimum(sizes, double(noisy))
        assert_close(found, math.exp(turning_point(place, noisy)), rtol=2e-6, atol=0.0, name="N")
        assert isinstance(found, float), "isoflop_optimum returns a float."
        for beside in (min(place) - 1.3, max(place) + 1.3):  # where no model was measured
            curve = [2.2 + 0.06 * (x - beside) ** 2 for x in place]
            found = submission.isoflop_optimum(sizes, double(curve))
            assert_close(found, math.exp(beside), rtol=2e-6, atol=0.0, name="N beside all sizes")


@points(2)
@needs(test_isoflop)
def test_no_minimum(submission, rng):
    """ValueError for a parabola that opens downwards"""
    place = 18 + torch.arange(5) + 0.5 * rng.rand(5)
    sizes, turn = place.exp(), 20.3
    up = 2 + 0.05 * (place - turn) ** 2
    assert_close(submission.isoflop_optimum(sizes, up), math.exp(turn), rtol=2e-6, atol=0.0, name="N")
    for loss in (4 - up, 4 - 0.1 * up):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.isoflop_optimum(sizes, loss)


@points(3)
def test_power_law(submission, rng):
    """a straight line of least squares in logarithms"""
    for exponent in (0.49, -0.3, 1.7):
        for noise in (0.0, 0.2):
            M = int(rng.randint(4, 9, (1,)))
            xs = [40 + 2 * i + float(e) for i, e in enumerate(rng.rand(M))]
            xs.append(xs[0])  # measured twice
            ys = [exponent * x - 2.2 + noise * float(e) for x, e in zip(xs, rng.randn(M + 1), strict=True)]
            fit = submission.power_law_fit(double([math.exp(x) for x in xs]), double([math.exp(y) for y in ys]))
            slope, height = line(xs, ys)
            # Both are promised to one part in a million.
            assert_close(fit["exponent"], slope, rtol=2e-6, atol=0.0, name="exponent")
            assert_close(fit["coefficient"], math.exp(height), rtol=2e-6, atol=0.0, name="coefficient")
    assert_equal(set(fit), {"exponent", "coefficient"}, name="keys")


@points(3)
def test_lifetime(submission, rng):
    """the least total of all sizes with that loss"""
    for c in (HOFFMANN, REFIT, random_law(rng)):
        target = law(*best_split(10 ** (20 + 5 * float(rng.rand(1))), c), c)
        for served in (1e11, 1e13, 3e14 * (1 + float(rng.rand(1)))):
            n, _, total = best_life(target, served, c)
            best = submission.lifetime_optimal(target, served, c)
            if served > 1e12:  # whose costs were right with fewer may be at the end of a search
                part = c["A"] / n ** c["alpha"] / (target - c["E"])
                assert best["n"] < 1.05 * n, (
                    f"With {served:.1e} tokens to serve a smaller model of the same loss costs less: {n:.3g} "
                    f"parameters, and not {best['n']:.3g}. Of what the target has above E, A/N^α takes "
                    f"{100 * part:.0f} % there: does your search look that far?"
                )
            assert_close(best["flops"], total, rtol=2e-5, atol=0.0, name="flops")
            assert_close(best["n"], n, rtol=6e-3, atol=0.0, name="n")
    assert_equal(set(best), {"n", "d", "flops"}, name="keys")


@points(3)
@needs(test_lifetime)
def test_reaches_the_loss(submission, rng):
    """N and D have that loss, and cost those FLOPs"""
    for c in (REFIT, random_law(rng)):
        target, served = c["E"] + 0.1 + 0.3 * float(rng.rand(1)), 1e13
        best = submission.lifetime_optimal(target, served, c)
        assert_close(law(best["n"], best["d"], c), target, name="loss of N and D")
        assert_close(best["flops"], 6 * best["n"] * best["d"] + 2 * best["n"] * served, name="flops")


@points(1)
@needs(test_lifetime)
def test_never_run(submission, rng):
    """without inference, the optimum of training"""
    for c in (HOFFMANN, random_law(rng)):
        flops = 10 ** (20 + 5 * float(rng.rand(1)))
        n, d = best_split(flops, c)
        best = submission.lifetime_optimal(law(n, d, c), 0, c)
        assert_close(best["flops"], flops, rtol=2e-5, atol=0.0, name="flops")
        assert_close(best["n"], n, rtol=6e-3, atol=0.0, name="n")
        # The more it is run, the smaller the model, and the longer it is trained.
        lives = [submission.lifetime_optimal(law(n, d, c), served, c) for served in (0, d, 10 * d, 100 * d)]
        sizes, tokens = [life["n"] for life in lives], [life["d"] for life in lives]
        assert sizes == sorted(sizes, reverse=True), "More inference makes the best model smaller."
        assert tokens == sorted(tokens), "A smaller model needs more tokens."
