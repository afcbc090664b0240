"""The closed formulas against the chain itself, step by step, and against conditioned Gaussians."""

import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

SHAPES = ((4, 7), (3, 2, 5, 6))  # vectors and images


def draw_betas(rng, T):
    """Any steps between 0.05 and 0.4, in no order."""
    return 0.05 + 0.35 * rng.rand(T)


def draw_steps(rng, T, B):
    """A different step for each row, the last of them not 0."""
    return rng.randperm(T - 1)[:B] + 1


def chain(betas):
    """Of x_t given x0, for each t: the factor of the mean, and the variance, by going all the way."""
    m, v, out = 1.0, 0.0, []
    for beta in betas.tolist():
        m, v = math.sqrt(1 - beta) * m, (1 - beta) * v + beta
        out.append((m, v))
    return out


def before(betas, t):
    """The same one step before t: x0 itself before step 0."""
    return chain(betas)[t - 1] if t else (1.0, 0.0)


def rows(function, t, *tensors):
    """function(t, row, ...) for each row."""
    return torch.stack([function(step, *row) for step, *row in zip(t.tolist(), *tensors, strict=True)])


def noised(x0, t, noise, betas):
    c = chain(betas)
    return rows(lambda step, x, e: c[step][0] * x + math.sqrt(c[step][1]) * e, t, x0, noise)


def conditioned(betas, t, x0, xt):
    """Mean and variance of x_{t-1} given x_t for one row: two Gaussians with the covariance √α v."""
    beta = betas[t].item()
    m, v = before(betas, t)
    gain = math.sqrt(1 - beta) * v / ((1 - beta) * v + beta)
    return m * x0 + gain * (xt - math.sqrt(1 - beta) * m * x0), v - gain * math.sqrt(1 - beta) * v


def assert_variance(variance, expected, x):
    """variance against one number for each row, in whatever shape it broadcasts."""
    shape = tuple(variance.shape)
    fits = len(shape) <= x.dim() and all(a in (1, b) for a, b in zip(shape[::-1], tuple(x.shape)[::-1], strict=False))
    assert fits, f"variance has the shape {list(shape)}, which does not broadcast against xt, {list(x.shape)}."
    wide = torch.stack([torch.full(x.shape[1:], number, dtype=torch.float64) for number in expected])
    assert_close(variance.expand(x.shape), wide, name="variance")


@points(2)
@needs(test_public.test_example_schedule)
def test_linear(submission, rng):
    """equal distances, both ends included"""
    T = int(rng.randint(5, 12, (1,)))
    for start, end in ((1e-4, 0.02), (0.3, 0.05)):
        expected = [start + (end - start) * t / (T - 1) for t in range(T)]
        assert_close(submission.linear_betas(T, start, end), torch.tensor(expected, dtype=torch.float64))
    expected = [1e-4 + 0.0199 * t / 999 for t in range(1000)]
    assert_close(submission.linear_betas(1000), torch.tensor(expected, dtype=torch.float64))


@points(3)
def test_cosine(submission, rng):
    """by the formula, and at most max_beta"""

    def f(u, s):
        return math.cos(math.pi / 2 * (u + s) / (1 + s)) ** 2

    T = int(rng.randint(5, 12, (1,)))
    for steps, s, top in ((T, 0.008, 0.999), (1000, 0.008, 0.999), (T, 0.1, 0.999), (T, 0.008, 0.4)):
        expected = [min(1 - f((t + 1) / steps, s) / f(t / steps, s), top) for t in range(steps)]
        betas = submission.cosine_betas(steps, s=s, max_beta=top)
        assert_close(betas, torch.tensor(expected, dtype=torch.float64))
    assert_close(submission.cosine_betas(T), submission.cosine_betas(T, s=0.008, max_beta=0.999))


@points(2)
@needs(test_public.test_example_schedule)
def test_alpha_bars(submission, rng):
    """what is left after all steps so far"""
    T = 9
    betas = draw_betas(rng, T)
    expected = [math.prod(1 - beta for beta in betas[: t + 1].tolist()) for t in range(T)]
    assert_close(submission.alpha_bars(betas), torch.tensor(expected, dtype=torch.float64))
    # float32: nine factors, each rounded to 6e-8
    assert_close(submission.alpha_bars(betas.float()), torch.tensor(expected), name="ᾱ in float32")
    # DDPM's own schedule ends with 4.04e-5 of the variance
    long = torch.tensor([1e-4 + 0.0199 * t / 999 for t in range(1000)], dtype=torch.float64)
    assert_close(submission.alpha_bars(long)[-1], torch.tensor(4.0358297653e-5, dtype=torch.float64), name="the last ᾱ")


@points(3)
@needs(test_public.test_example_noise)
def test_q_sample(submission, rng):
    """mean and variance of the chain, step by step"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        x0, noise = rng.randn(*shape), rng.randn(*shape)
        assert_close(submission.q_sample(x0, t, noise, betas), noised(x0, t, noise, betas))


@points(2)
@needs(test_q_sample)
def test_float32(submission, rng):
    """float32 stays, with betas of float64"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        x, y, z = (rng.randn(*shape).float() for _ in range(3))
        noisy = submission.q_sample(x, t, y, betas)
        assert_equal(noisy.dtype, torch.float32, name="dtype of q_sample")
        # float32: a sum of two terms of size 1, whose coefficients may be rounded too
        assert_close(noisy, noised(x.double(), t, y.double(), betas).float(), atol=1e-5, name="q_sample")
        assert_equal(submission.predict_x0(x, t, y, betas).dtype, torch.float32, name="dtype of predict_x0")
        q = submission.posterior(x, y, t, betas)
        assert_equal(q["mean"].dtype, torch.float32, name="dtype of mean")
        assert_equal(q["variance"].dtype, torch.float32, name="dtype of variance")
        assert_equal(submission.ddpm_step(x, t, y, z, betas).dtype, torch.float32, name="dtype of ddpm_step")
        assert_equal(submission.ddim_step(x, t, t - 1, y, betas).dtype, torch.float32, name="dtype of ddim_step")
        assert_equal(submission.v_target(x, y, t, betas).dtype, torch.float32, name="dtype of v_target")


@points(2)
@needs(test_public.test_example_noise)
def test_predict_x0(submission, rng):
    """undoes the noise, from any step"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        x0, noise = 3 * rng.randn(*shape), rng.randn(*shape)
        assert_close(submission.predict_x0(noised(x0, t, noise, betas), t, noise, betas), x0)


@points(3)
@needs(test_public.test_example_back)
def test_posterior_mean(submission, rng):
    """the mean of x_{t-1} given x_t, by Bayes"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        x0, xt = rng.randn(*shape), rng.randn(*shape)
        expected = rows(lambda *row: conditioned(betas, *row)[0], t, x0, xt)
        assert_close(submission.posterior(x0, xt, t, betas)["mean"], expected, name="mean")


@points(3)
@needs(test_public.test_example_back)
def test_posterior_variance(submission, rng):
    """the variance of x_{t-1} given x_t, by Bayes"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        x0, xt = rng.randn(*shape), rng.randn(*shape)
        variance = submission.posterior(x0, xt, t, betas)["variance"]
        assert_variance(variance, [conditioned(betas, step, 0.0, 0.0)[1] for step in t.tolist()], xt)


@points(1)
@needs(test_posterior_mean, test_posterior_variance)
def test_posterior_at_0(submission, rng):
    """x0 without a doubt"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        t[1] = 0
        x0, xt = rng.randn(*shape), rng.randn(*shape)
        q = submission.posterior(x0, xt, t, betas)
        assert_close(q["mean"][1], x0[1], name="mean at t = 0")
        expected = rows(lambda *row: conditioned(betas, *row)[0], t, x0, xt)
        assert_close(q["mean"], expected, name="mean, with one row at t = 0")
        assert_variance(q["variance"], [conditioned(betas, step, 0.0, 0.0)[1] for step in t.tolist()], xt)


@points(5)
@needs(test_predict_x0, test_posterior_mean, test_posterior_variance)
def test_ddpm_step(submission, rng):
    """x_t - β ε / √(1 - ᾱ), over √α, and noise"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        xt, eps, noise = rng.randn(*shape), rng.randn(*shape), rng.randn(*shape)

        def step_of(step, x, e, z, betas=betas):  # the mean of DDPM's algorithm 2
            beta, v = betas[step].item(), chain(betas)[step][1]
            mean = (x - beta / math.sqrt(v) * e) / math.sqrt(1 - beta)
            return mean + math.sqrt(conditioned(betas, step, 0.0, 0.0)[1]) * z

        assert_close(submission.ddpm_step(xt, t, eps, noise, betas), rows(step_of, t, xt, eps, noise))


@points(1)
@needs(test_predict_x0, test_posterior_mean)
def test_last_step(submission, rng):
    """at t = 0 noise has no effect, in some rows or all"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = torch.zeros(shape[0], dtype=torch.int64)
        x0, eps, noise = rng.randn(*shape), rng.randn(*shape), rng.randn(*shape)
        assert_close(submission.ddpm_step(noised(x0, t, eps, betas), t, eps, noise, betas), x0)
        t = draw_steps(rng, T, shape[0])
        xt = noised(x0, t, eps, betas)
        later = submission.ddpm_step(xt, t, eps, noise, betas)
        t[1], xt[1] = 0, noised(x0, 0 * t, eps, betas)[1]
        mixed = submission.ddpm_step(xt, t, eps, noise, betas)
        assert_close(mixed[1], x0[1], name="the row at t = 0")
        assert_close(mixed[2:], later[2:], name="rows beside one at t = 0")


@points(3)
@needs(test_predict_x0)
def test_ddim_step(submission, rng):
    """with the true noise, exactly on the way to x0"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        x0, eps = rng.randn(*shape), rng.randn(*shape)
        xt = noised(x0, t, eps, betas)
        for t_prev in (t // 2, t - 1, 0 * t):
            expected = noised(x0, t_prev, eps, betas)
            assert_close(submission.ddim_step(xt, t, t_prev, eps, betas), expected)


@points(1)
@needs(test_ddim_step)
def test_ddim_to_the_end(submission, rng):
    """t_prev = -1 gives x0, in some rows or in all"""
    T = 9
    betas = draw_betas(rng, T)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        t[0] = 0
        x0, eps = rng.randn(*shape), rng.randn(*shape)
        xt = noised(x0, t, eps, betas)
        assert_close(submission.ddim_step(xt, t, torch.full_like(t, -1), eps, betas), x0)
        some = t - 1  # -1 in the first row alone
        expected = torch.cat([x0[:1], noised(x0[1:], some[1:], eps[1:], betas)])
        assert_close(submission.ddim_step(xt, t, some, eps, betas), expected)


@points(3)
@needs(test_public.test_example_noise)
def test_v(submission, rng):
    """√ᾱ noise - √(1 - ᾱ) x0, which gives x0 back"""
    T = 9
    betas = draw_betas(rng, T)
    c = chain(betas)
    for shape in SHAPES:
        t = draw_steps(rng, T, shape[0])
        x0, noise = rng.randn(*shape), rng.randn(*shape)
        v = submission.v_target(x0, noise, t, betas)
        assert_close(v, rows(lambda step, x, e: c[step][0] * e - math.sqrt(c[step][1]) * x, t, x0, noise))
        xt = noised(x0, t, noise, betas)
        back = rows(lambda step, x, y: c[step][0] * x - math.sqrt(c[step][1]) * y, t, xt, v)
        assert_close(back, x0, name="√ᾱ xt - √(1 - ᾱ) v")
