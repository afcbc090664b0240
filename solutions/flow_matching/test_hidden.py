"""Pairs and losses against plain numbers, velocities against the exact flow of Gaussian data, samplers step by step."""

import itertools
import math

import pytest
import torch

from grader.testing import assert_close, assert_equal, points

SHAPES = ((4, 7), (3, 2, 5, 6), (5, 5), (2, 1))  # vectors, images, as many numbers as rows, single numbers


def draw(rng, *shape):
    """x0, noise and a time for each row, between 0.05 and 0.95."""
    return rng.randn(*shape), rng.randn(*shape), 0.05 + 0.9 * rng.rand(shape[0])


def density(t, m, s):
    """Of the logit-normal distribution, from plain numbers."""
    logit = math.log(t) - math.log(1 - t)
    return math.exp(-((logit - m) ** 2) / (2 * s * s)) / (s * math.sqrt(2 * math.pi)) / t / (1 - t)


def on_the_flow(t, mean, var, z):
    """For each row the point of the exact flow with (x_t - (1 - t) μ) / s_t = z, and its derivative by t."""
    places, slopes = [], []
    for time, row in zip(t.tolist(), z, strict=True):
        s = math.sqrt((1 - time) ** 2 * var + time**2)
        places.append((1 - time) * mean + s * row)
        slopes.append(-mean + (time - (1 - time) * var) / s * row)
    return torch.stack(places), torch.stack(slopes)


def velocity(x, t, mean, var):
    """The same derivative at x, all rows at one time t, a number."""
    s = math.sqrt((1 - t) ** 2 * var + t**2)
    return -mean + (t - (1 - t) * var) / s * ((x - (1 - t) * mean) / s)


def walk(x, mean, var, times, method):
    """The sampler, step by step."""
    for t, after in itertools.pairwise(times):
        v = velocity(x, t, mean, var)
        if method == "heun":
            v = (v + velocity(x + (after - t) * v, after, mean, var)) / 2
        x = x + (after - t) * v
    return x


@points(4)
def test_pair(submission, rng):
    """a time for each row, in any shape; v is the slope"""
    for shape in SHAPES:
        x0, noise, t = draw(rng, *shape)
        t[0], t[-1] = 0.0, 1.0
        expected = torch.stack([a + (b - a) * s for a, b, s in zip(x0, noise, t.tolist(), strict=True)])
        xt, v = submission.flow_pair(x0, noise, t)
        assert_close(xt, expected, name=f"x_t, x0 {list(shape)}")
        assert_close(v, torch.stack([b - a for a, b in zip(x0, noise, strict=True)]), name=f"v, x0 {list(shape)}")
    x0, noise, t = draw(rng, 4, 3)
    step = 0.04 * (1 + rng.rand(4))
    (now, v), (then, _) = submission.flow_pair(x0, noise, t), submission.flow_pair(x0, noise, t + step)
    assert_close((then - now) / step[:, None], v, name="difference of two x_t, over that of their times")

    x0, noise, t = draw(rng, 3, 2, 4, 5)
    t = (t * 1024).round() / 1024
    for wide, narrow in ((torch.float32, torch.float64), (torch.float64, torch.float32)):
        found = submission.flow_pair(x0.to(wide), noise.to(wide), t.to(narrow))
        expected = tuple(each.to(wide) for each in submission.flow_pair(x0, noise, t))
        assert_close(found, expected, rtol=1e-5, atol=1e-5, name=f"x_t and v, x0 {wide}, t {narrow}")


@points(6)
def test_loss(submission, rng):
    """mean over a row, times the density, mean over rows"""
    for shape in SHAPES:
        for m, s in ((0.0, 1.0), (0.7, 0.6), (-1.1, 1.7)):
            x0, noise, t = draw(rng, *shape)
            prediction = rng.randn(*shape)
            rows = []
            for p, a, b, time in zip(prediction, x0, noise, t.tolist(), strict=True):
                squares = [
                    (x - (z - y)) ** 2 for x, y, z in zip(*(e.flatten().tolist() for e in (p, a, b)), strict=True)
                ]
                rows.append(density(time, m, s) * sum(squares) / len(squares))
            expected = torch.tensor(sum(rows) / len(rows), dtype=torch.float64)
            loss = submission.flow_loss(prediction, x0, noise, t, mean=m, std=s)
            assert_close(loss, expected, name=f"loss, x0 {list(shape)}, mean {m}, std {s}")
            if (m, s) == (0.0, 1.0):
                assert_close(submission.flow_loss(prediction, x0, noise, t), expected, name="loss with the defaults")

    x0, noise, t = draw(rng, 3, 2, 4)
    prediction = rng.randn(3, 2, 4).requires_grad_()
    loss = submission.flow_loss(prediction, x0, noise, t, 0.3, 0.8)
    assert loss.requires_grad, "No gradient leads from the loss to the prediction: something was detached."
    loss.backward()
    weights = torch.tensor([density(time, 0.3, 0.8) for time in t.tolist()], dtype=torch.float64)
    expected = 2 * (prediction.detach() - (noise - x0)) * weights[:, None, None] / 24
    assert_close(prediction.grad, expected, name="gradient of the prediction")

    single = [each.detach().float() for each in (prediction, x0, noise)]
    # float32: of a time below 0.95 the logit is exact to a few 1e-6
    assert_close(submission.flow_loss(*single, t, 0.3, 0.8), loss.detach().float(), rtol=1e-4, atol=0.0)


@points(2)
def test_weight_integrates_to_one(submission):
    """errors of 1 at evenly spread times cost 1 in the mean"""
    N = 4000
    t = (torch.arange(N, dtype=torch.float64) + 0.5) / N
    zero = torch.zeros(N, 2, dtype=torch.float64)
    for m, s in ((0.0, 1.0), (0.5, 0.8)):
        loss = submission.flow_loss(zero + 1, zero, zero, t, m, s)
        # the density and all its derivatives are 0 at both ends, where the midpoint rule is exact to much more
        assert_close(loss, torch.tensor(1.0, dtype=torch.float64), rtol=1e-6, name=f"loss, mean {m}, std {s}")


@points(4)
def test_shift(submission, rng):
    """0 and 1 stay, odds are multiplied, 1/shift goes back"""
    for shape in ((7,), (2, 3), ()):
        t = 0.05 + 0.9 * rng.rand(math.prod(shape)).reshape(shape)
        for shift in (3.0, 0.4, 1.0):
            expected = [shift * time / (1 + (shift - 1) * time) for time in t.flatten().tolist()]
            shifted = submission.shift_time(t, shift)
            assert_close(shifted, torch.tensor(expected, dtype=torch.float64).view(shape), name=f"times, shift {shift}")
            assert_close(shifted / (1 - shifted), shift * t / (1 - t), name=f"t / (1 - t), shift {shift}")
            assert_close(submission.shift_time(shifted, 1 / shift), t, name=f"there and back, shift {shift}")
    ends = torch.tensor([0.0, 1.0])
    assert_close(submission.shift_time(ends, 5.0), ends, name="0 and 1")
    single = torch.tensor([0.125, 0.5])
    assert_close(submission.shift_time(single, 3.0), torch.tensor([0.3, 0.75]))


@points(6)
def test_gaussian_velocity(submission, rng):
    """the slope of the exact flow, at 0 and at 1 too"""
    B, D = 6, 4
    for var in (1.0, 0.3, 2.5):
        for rows in (B, D):  # as many rows as numbers: a time on the wrong axis does not raise
            t, mean, z = rng.rand(rows), 2 * rng.randn(D), rng.randn(rows, D)
            t[0], t[2] = 0.0, 1.0
            xt, slope = on_the_flow(t, mean, var, z)
            assert_close(submission.gaussian_velocity(xt, t, mean, var), slope, name=f"velocity, var = {var}")
    t = (t * 1024).round() / 1024
    xt, slope = on_the_flow(t, mean, 0.5, z)
    for wide, narrow in ((torch.float32, torch.float64), (torch.float64, torch.float32)):
        found = submission.gaussian_velocity(xt.to(wide), t.to(narrow), mean.to(wide), 0.5)
        # float32, of xt or of t: sums of numbers up to 10
        assert_close(found, slope.to(wide), rtol=1e-4, atol=1e-4, name=f"velocity, xt {wide}, t {narrow}")


@points(2)
def test_best_guess(submission, rng):
    """the regression of v on x_t finds it"""
    N, mu, var, time = 50_000, 1.5, 0.6, 0.7
    x0, noise = mu + math.sqrt(var) * rng.randn(2, N), rng.randn(2, N)
    t = torch.full((2,), time, dtype=torch.float64)
    xt, v = submission.flow_pair(x0, noise, t)
    centred = xt - xt.mean()
    slope = (centred * v).sum() / (centred * centred).sum()
    offset = v.mean() - slope * xt.mean()
    places = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    mean = torch.tensor([mu], dtype=torch.float64)
    at_0, at_1 = submission.gaussian_velocity(places, t, mean, var).flatten()
    # 100,000 draws: v has the standard deviation 1.2, so five standard errors are 0.02
    assert_close(at_1 - at_0, slope, rtol=0.0, atol=0.03, name="slope of the velocity")
    assert_close(at_0, offset, rtol=0.0, atol=0.03, name="velocity at x_t = 0")


@points(6)
def test_sampler(submission, rng):
    """step by step, both methods, any falling times"""
    B, D = 3, 5
    for times in ([0.9, 0.35, 0.2], [1.0, 0.7, 0.4, 0.1, 0.0], [1.0, 0.0], [0.6, 0.0]):
        for var in (0.25, 1.7):
            x, mean = rng.randn(B, D), 2 * rng.randn(D)
            for method in ("euler", "heun"):
                found = submission.sample(x, mean, var, times, method=method)
                assert_close(found, walk(x, mean, var, times, method), name=f"x, {method}, times {times}")
            found = submission.sample(x, mean, var, times)
            assert_close(found, walk(x, mean, var, times, "euler"), name=f"x, without a method, times {times}")
    single = submission.sample(x.float(), mean.float(), var, times, "heun")
    assert_equal(single.dtype, torch.float32, name="dtype for float32")
    # float32: two steps with numbers up to 10
    assert_close(single, walk(x, mean, var, times, "heun").float(), rtol=1e-4, atol=1e-4, name="x in float32")


@points(2)
def test_one_euler_step(submission, rng):
    """from pure noise at once to 0: the mean, whatever the noise"""
    B, D = 4, 3
    mean = rng.randn(D)
    for var in (0.2, 3.0):
        found = submission.sample(5 * rng.randn(B, D), mean, var, [1.0, 0.0])
        assert_close(found, mean.expand(B, D), name="x")


@points(2)
def test_orders(submission, rng):
    """half the step: half the error, and a quarter with Heun"""
    B, D, mean, var = 2, 3, rng.randn(3), 0.25
    x = rng.randn(B, D)
    end = mean + math.sqrt(var) * x
    for method, factor in (("euler", 2.0), ("heun", 4.0)):
        errors = []
        for steps in (64, 128):
            times = [1 - i / steps for i in range(steps + 1)]
            errors.append((submission.sample(x, mean, var, times, method) - end).norm().item())
        # the next term of the error is 1 / steps of the first
        assert_close(errors[0] / errors[1], factor, rtol=0.05, name=f"error of 64 steps, over that of 128, {method}")


@points(2)
def test_unknown_method(submission, rng):
    """raises ValueError"""
    B, D = 2, 3
    x, mean, times = rng.randn(B, D), rng.randn(D), [1.0, 0.4, 0.0]
    assert_close(submission.sample(x, mean, 0.5, times, "heun"), walk(x, mean, 0.5, times, "heun"))
    for method in ("midpoint", "", "Euler", "heuns"):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.sample(x, mean, 0.5, times, method)
