"""Guidance against the paper's form, ε against the gradient of a log density, samples against what is known of them."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def log_density(x, ab, means, var, weights):
    """log p(x_t) of a mixture for one x (D,)."""
    v = ab * var + 1 - ab
    logs = []
    for mean, weight in zip(means, weights, strict=True):
        z = (x - math.sqrt(ab) * mean) / math.sqrt(v)
        logs.append(torch.log(weight) - (z * z).sum() / 2 - len(x) / 2 * math.log(2 * math.pi * v))
    return torch.logsumexp(torch.stack(logs), dim=0)


def by_score(xt, ab, means, var, weights):
    """ε = −√(1 − ᾱ) ∇ log p(x_t), by autograd."""
    leaf = xt.detach().clone().requires_grad_()
    sum(log_density(x, ab, means, var, weights) for x in leaf).backward()
    return -math.sqrt(1 - ab) * leaf.grad


def mixture(rng, M, D):
    """means (M, D), var and weights (M,), no two of them alike."""
    weights = 0.2 + rng.rand(M)
    return 1.5 * rng.randn(M, D), 0.2 + 0.6 * float(rng.rand(1)), weights / weights.sum()


def guided_by_score(x, means, var, weights, label, scale, abars):
    """Step by step, with every ε from a score."""
    one = torch.ones(1, dtype=torch.float64)
    for i in range(len(abars) - 1, -1, -1):
        ab, after = abars[i], abars[i - 1] if i else 1.0
        c = by_score(x, ab, means[label : label + 1], var, one)
        u = by_score(x, ab, means, var, weights)
        eps = scale * c + (1 - scale) * u
        x = math.sqrt(after / ab) * x + (math.sqrt(1 - after) - math.sqrt(after * (1 - ab) / ab)) * eps
    return x


def bars(steps):
    """ᾱ of some steps, evenly, of the 1000 of DDPM."""
    left, out = 1.0, []
    for t in range(1000):
        left *= 1 - (1e-4 + 0.0199 * t / 999)
        out.append(left)
    return [out[round(i * 999 / (steps - 1))] for i in range(steps)]


def quantiles(n):
    """(n, 1), spread like a standard normal."""
    return torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)[:, None]


@points(3)
@needs(test_public.test_example_guide)
def test_guide(submission, rng):
    """s = 0, s = 1, and the paper's form"""
    for shape in ((3, 5), (2, 4, 3)):
        eps_cond, eps_uncond = rng.randn(*shape), rng.randn(*shape)
        assert_close(submission.guide(eps_cond, eps_uncond, 0.0), eps_uncond)
        assert_close(submission.guide(eps_cond, eps_uncond, 1.0), eps_cond)
        for w in (-0.5, 0.75, 6.5):
            assert_close(submission.guide(eps_cond, eps_uncond, 1 + w), (1 + w) * eps_cond - w * eps_uncond)


@points(3)
@needs(test_guide)
def test_guide_batched(submission, rng):
    """rows with label first, then those without"""
    for B, *shape in ((3, 5), (2, 4, 3), (1, 6)):
        eps_cond, eps_uncond = rng.randn(B, *shape), rng.randn(B, *shape)
        both = torch.cat([eps_cond, eps_uncond])
        for w in (-1.0, 0.0, 2.5):
            assert_close(submission.guide_batched(both, 1 + w), (1 + w) * eps_cond - w * eps_uncond)


@points(3)
@needs(test_guide_batched)
def test_odd(submission, rng):
    """an odd number of rows raises ValueError"""
    B, D = 3, 4
    both = rng.randn(2 * B, D)
    assert_close(submission.guide_batched(both, 1.0), both[:B])
    for n in (5, 3, 1):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.guide_batched(both[:n], 2.0)


@points(3)
@needs(test_public.test_example_drop)
def test_drop(submission, rng):
    """where u < p, for every p from 0 to 1"""
    B = 12
    for null_label in (7, 1000):
        labels, u = rng.randint(0, 7, (B,)), rng.rand(B)
        u[3], u[5] = 0.5, 0.0
        for p in (0.0, 0.25, 0.5, 0.75, 1.0):
            rows = zip(labels.tolist(), u.tolist(), strict=True)
            expected = torch.tensor([null_label if number < p else label for label, number in rows])
            assert_equal(submission.drop_labels(labels, null_label, p, u), expected)


@points(6)
@needs(test_public.test_example_eps)
def test_gaussian(submission, rng):
    """-√(1 - ᾱ) times the score, by autograd"""
    B, D = 5, 3
    one = torch.ones(1, dtype=torch.float64)
    for ab in (0.99, 0.6, 0.05):
        means, var, _ = mixture(rng, 1, D)
        xt = 2 * rng.randn(B, D)
        assert_close(submission.gaussian_eps(xt, ab, means[0], var), by_score(xt, ab, means, var, one))


@points(9)
@needs(test_gaussian)
def test_mixture(submission, rng):
    """the same for a mixture"""
    for B, D, M in ((5, 3, 4), (4, 1, 2), (3, 5, 1)):
        for ab in (0.99, 0.6, 0.05):
            means, var, weights = mixture(rng, M, D)
            xt = rng.randn(B, D)
            found = submission.mixture_eps(xt, ab, means, var, weights)
            assert_close(found, by_score(xt, ab, means, var, weights))


@points(3)
@needs(test_mixture)
def test_far(submission, rng):
    """far from all means, where every exp is 0"""
    B, D, M = 5, 3, 4
    for ab in (0.9, 0.3):
        means, var, weights = mixture(rng, M, D)
        xt = 100 * rng.randn(B, D).sign() + rng.randn(B, D)
        found = submission.mixture_eps(xt, ab, means, var, weights)
        assert_close(found, by_score(xt, ab, means, var, weights))
    xt[0] = rng.randn(D)  # near: who subtracts one maximum of the whole batch leaves nothing of the other rows
    found = submission.mixture_eps(xt, ab, means, var, weights)
    assert_close(found, by_score(xt, ab, means, var, weights), name="ε, with one row near the means")


@points(3)
@needs(test_mixture)
def test_float32(submission, rng):
    """float32 in, float32 out"""
    B, D, M, ab = 5, 3, 4, 0.6
    means, var, weights = mixture(rng, M, D)
    xt = rng.randn(B, D)
    x, m, w = xt.float(), means.float(), weights.float()
    # float32: sums of a few terms of size 1; the softmax's logits are below 100, so 1e-5 off at most
    bound = {"rtol": 1e-4, "atol": 1e-4}
    expected = by_score(xt, ab, means[:1], var, torch.ones(1, dtype=torch.float64)).float()
    assert_close(submission.gaussian_eps(x, ab, m[0], var), expected, **bound)
    expected = by_score(xt, ab, means, var, weights).float()
    assert_close(submission.mixture_eps(x, ab, m, var, w), expected, **bound)
    assert_equal(submission.sample(x, m, var, w, 1, 2.0, [0.8, 0.5]).dtype, torch.float32, name="dtype of sample")


@points(6)
@needs(test_gaussian)
def test_of_the_class(submission, rng):
    """s = 1: one Gaussian becomes another"""
    B, D, M, label = 6, 3, 4, 2
    means, var, weights = mixture(rng, M, D)
    for steps in (1, 2, 40):
        abars = bars(steps) if steps > 1 else [0.3]
        xT = rng.randn(B, D)
        # Each step is x ← a x + b mean, and so is the whole way.
        a, b = 1.0, 0.0
        for ab, after in zip(abars[::-1], [*abars[-2::-1], 1.0], strict=True):
            eps = math.sqrt(1 - ab) / (ab * var + 1 - ab)  # ε = eps (x - √ᾱ mean)
            onto = math.sqrt(1 - after) - math.sqrt(after * (1 - ab) / ab)
            step = math.sqrt(after / ab) + onto * eps
            a, b = step * a, step * b - onto * eps * math.sqrt(ab)
        found = submission.sample(xT, means, var, weights, label, 1.0, abars)
        assert_close(found, a * xT + b * means[label])


@points(3)
@needs(test_mixture)
def test_without_label(submission, rng):
    """s = 0: half of them are of the other class"""
    means = torch.tensor([[2.0], [-2.0]], dtype=torch.float64)
    weights = torch.tensor([0.5, 0.5], dtype=torch.float64)
    x = [submission.sample(quantiles(50), means, 0.25, weights, label, 0.0, bars(40)) for label in (0, 1)]
    assert_close(x[1], x[0], name="samples with label 1")
    right = (x[0] > 0).double().mean()
    assert_close(right, torch.tensor(0.5, dtype=torch.float64), name="share of samples above 0")
    # Two Gaussians of variance 0.25 at 2 and -2 have the variance 4.25; 40 steps lose a little.
    assert_close(x[0].var(), torch.tensor(4.25, dtype=torch.float64), atol=0.2, name="variance of the samples")


@points(6)
@needs(test_mixture)
def test_guided_samples(submission, rng):
    """s = 0, 0.5 and 4, step by step, by scores"""
    B, D, M = 4, 3, 5
    for label, scale, steps in ((2, 4.0, 6), (0, 0.5, 5), (4, 0.0, 3), (1, 4.0, 1)):
        means, var, weights = mixture(rng, M, D)
        abars = [0.95, 0.8, 0.6, 0.4, 0.25, 0.1][-steps:]
        xT = rng.randn(B, D)
        expected = guided_by_score(xT, means, var, weights, label, scale, abars)
        assert_close(submission.sample(xT, means, var, weights, label, scale, abars), expected)


@points(3)
@needs(test_guided_samples)
def test_overshoots(submission, rng):
    """s = 4: past the class mean, and narrower"""
    means = torch.tensor([[2.0], [-2.0]], dtype=torch.float64)
    weights = torch.tensor([0.5, 0.5], dtype=torch.float64)
    for label, sign in ((0, 1), (1, -1)):
        x = sign * submission.sample(quantiles(50), means, 0.25, weights, label, 4.0, bars(40))
        # the table's numbers have two digits, and are of 200 steps; 40 steps narrow a little more
        assert_close(x.mean(), torch.tensor(2.67, dtype=torch.float64), atol=0.03, name="mean of the samples")
        assert_close(x.var(), torch.tensor(0.08, dtype=torch.float64), atol=0.02, name="variance of the samples")
