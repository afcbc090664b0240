"""The router against sorted lists of plain Python numbers."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points, seconds


def sigmoid(logits):
    """Rows of plain numbers."""
    return [[1 / (1 + math.exp(-value)) for value in row] for row in logits.tolist()]


def choice(logits, bias, k, G, M):
    """Indices (T, k) of the chosen experts, those of a token in rising order."""
    E = len(bias)
    groups = [list(range(g * E // G, (g + 1) * E // G)) for g in range(G)]
    rows = []
    for scores in sigmoid(logits):
        c = [score + b for score, b in zip(scores, bias.tolist(), strict=True)]
        rating = [sum(sorted((c[e] for e in group), reverse=True)[:2]) for group in groups]
        stay = sorted(range(G), key=rating.__getitem__, reverse=True)[:M]
        left = [e for g in stay for e in groups[g]]
        rows.append(sorted(sorted(left, key=c.__getitem__, reverse=True)[:k]))
    return torch.tensor(rows)


def weigh(logits, indices, r=1.0, norm=True):
    """Weights (T, k), float64, of the experts that indices (T, k) names."""
    rows = [[s[e] for e in chosen] for s, chosen in zip(sigmoid(logits), indices.tolist(), strict=True)]
    return torch.tensor([[r * s / (sum(row) if norm else 1) for s in row] for row in rows], dtype=torch.float64)


def check(result, weights, indices):
    """Compares a routing with the expected one, whose indices rise: the order of the student's is free."""
    assert_equal(result[1].sort(-1).values, indices, name="indices, sorted")
    assert_equal(result[0].shape, weights.shape, name="shape of weights")
    assert_close(result[0].gather(-1, result[1].argsort(-1)), weights, name="weights, in the order of sorted indices")


@points(3)
@needs(test_public.test_shape)
def test_scores(submission, rng):
    """without bias, groups and sum: the k largest sigmoids"""
    k, E, T = sorted(rng.sizes(3, high=12))
    logits, bias = 2 * rng.randn(T, E), torch.zeros(E, dtype=torch.float64)
    indices = choice(logits, bias, k, 1, 1)
    result = submission.deepseek_route(logits, bias, k, 1, 1, norm_topk_prob=False)
    check(result, weigh(logits, indices, norm=False), indices)


@points(7)
@needs(test_public.test_shape)
def test_bias_chooses(submission, rng):
    """the k largest of sigmoid + bias are chosen"""
    T, E, k = 30, 9, 4
    logits, bias = 2 * rng.randn(T, E), rng.randn(E)
    _, indices = submission.deepseek_route(logits, bias, k, 1, 1)
    assert_equal(indices.sort(-1).values, choice(logits, bias, k, 1, 1), name="indices, sorted")


@points(7)
@needs(test_public.test_shape)
def test_bias_does_not_weigh(submission, rng):
    """the weights are sigmoids without bias"""
    T, E, k = 30, 9, 4
    logits, bias = 2 * rng.randn(T, E), rng.randn(E)
    for norm in (False, True):
        for n in (k, E):  # where all are chosen, the bias has nothing to say
            indices = choice(logits, bias, n, 1, 1)
            result = submission.deepseek_route(logits, bias, n, 1, 1, norm_topk_prob=norm)
            check(result, weigh(logits, indices, norm=norm), indices)


@points(3)
@needs(test_public.test_shape)
def test_norm_and_factor(submission, rng):
    """the weights of a token sum to the factor, whatever k is"""
    T, E = 7, 9
    logits, bias = 2 * rng.randn(T, E), rng.randn(E)
    for k in (4, 1):
        indices = choice(logits, bias, k, 1, 1)
        for r in (2.5, 0.75):
            for norm in (True, False):
                result = submission.deepseek_route(logits, bias, k, 1, 1, routed_scaling_factor=r, norm_topk_prob=norm)
                check(result, weigh(logits, indices, r, norm), indices)


@points(7)
@needs(test_public.test_shape)
def test_groups(submission, rng):
    """the best groups by their two largest sigmoid + bias"""
    T, E, k = 30, 20, 3
    logits, bias = 2 * rng.randn(T, E), 0.5 * rng.rand(E)
    # Some choices need all groups that stay, some have room in one; where all stay, groups have nothing to say.
    for G, M, n in ((4, 2, k), (4, 1, 5), (4, 2, 7), (5, 3, 4), (2, 1, 2), (10, 4, 8), (4, 4, k)):
        indices = choice(logits, bias, n, G, M)
        check(submission.deepseek_route(logits, bias, n, G, M), weigh(logits, indices), indices)


@points(3)
@needs(test_public.test_shape)
def test_negative_bias(submission, rng):
    """other groups stay out where all sigmoid + bias are negative"""
    T, E, k = 30, 20, 7
    for below, spread in ((3, 0.5), (1e5, 0.5), (1e12, 1000)):  # at 1e12 float64 has steps of 1e-4
        logits, bias = 2 * rng.randn(T, E), spread * rng.rand(E) - below
        indices = choice(logits, bias, k, 4, 2)
        check(submission.deepseek_route(logits, bias, k, 4, 2), weigh(logits, indices), indices)


@points(3)
@needs(test_public.test_shape)
def test_deepseek_v3(submission, rng):
    """8 of 256 experts in 4 of 8 groups, factor 2.5"""
    T, E, k = 11, 256, 8
    logits, bias = 2 * rng.randn(T, E), 0.1 * rng.randn(E)
    indices = choice(logits, bias, k, 8, 4)
    weights = weigh(logits, indices, 2.5)
    check(submission.deepseek_route(logits, bias, k, 8, 4, 2.5, True), weights, indices)
    check(submission.deepseek_route(logits, bias + 2.5, k, 8, 4, 2.5, True), weights, indices)  # on all: no change


@points(3)
@needs(test_public.test_shape)
def test_groups_of_one(submission, rng):
    """a group of one expert is rated by it"""
    T, E, k = 11, 7, 3
    logits, bias = 2 * rng.randn(T, E), rng.randn(E)
    for M in (k, 5, E):
        indices = choice(logits, bias, k, E, M)
        check(submission.deepseek_route(logits, bias, k, E, M), weigh(logits, indices), indices)


@points(3)
@needs(test_public.test_shape)
def test_too_large_k(submission, rng):
    """ValueError where the groups that stay have too few"""
    T, E = 5, 12
    logits, bias = 2 * rng.randn(T, E), rng.randn(E)
    for k, G, M in ((6, 4, 2), (4, 3, 1), (E, 4, 4)):
        indices = choice(logits, bias, k, G, M)
        check(submission.deepseek_route(logits, bias, k, G, M), weigh(logits, indices), indices)
    for k, G, M in ((7, 4, 2), (5, 3, 1), (E, 4, 3)):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.deepseek_route(logits, bias, k, G, M)


@points(3)
@needs(test_public.test_shape)
def test_gradient(submission, rng):
    """reaches the chosen experts' logits only"""
    T, E, k, r = 5, 12, 3, 2.5
    values, bias, g = 2 * rng.randn(T, E), 0.5 * rng.rand(E), rng.randn(T, E)
    s, indices = torch.tensor(sigmoid(values), dtype=torch.float64), choice(values, bias, k, 4, 2)
    for norm in (False, True):
        logits = values.clone().requires_grad_()
        weights, mine = submission.deepseek_route(logits, bias, k, 4, 2, r, norm)
        assert weights.requires_grad, "No gradient leads from the weights to the logits: something was detached."
        assert_equal(mine.sort(-1).values, indices, name="indices, sorted")
        (weights * g.gather(-1, mine)).sum().backward()  # each expert of a token has its own number in g
        expected = torch.zeros(T, E, dtype=torch.float64)
        for t in range(T):
            i = indices[t]
            S = s[t, i].sum() if norm else 1.0
            mean = (g[t, i] * s[t, i]).sum() / S if norm else 0.0
            # dL/dl_i = r (g_i - mean) / S * s_i (1 - s_i): through w = r s / S, then through the sigmoid
            expected[t, i] = r * (g[t, i] - mean) / S * s[t, i] * (1 - s[t, i])
        assert_close(logits.grad, expected, name="gradient of logits")


def choices(rng, loads, k=2):
    """Indices (T, k) in which expert e stands loads[e] times, at most T, never twice in a row. The loads sum to kT."""
    flat = torch.repeat_interleave(torch.arange(len(loads)), torch.tensor(loads)).view(k, -1).T
    return flat[rng.randperm(len(flat))]


def shuffled(rng, loads):
    return [loads[i] for i in rng.randperm(len(loads)).tolist()]


@points(3)
def test_update(submission, rng):
    """gamma down if overloaded, up if underloaded or idle"""
    loads = [*shuffled(rng, [19, 17, 12, 7, 6, 1, 1, 1]), 0]  # mean 64 / 9 = 7.1; the last expert is idle
    E = len(loads)
    bias = rng.randn(E)
    for gamma in (0.001, 0.25):
        expected = [b + (gamma if load < 64 / 9 else -gamma) for b, load in zip(bias.tolist(), loads, strict=True)]
        result = submission.update_bias(bias, choices(rng, loads), gamma)
        assert_close(result, torch.tensor(expected, dtype=torch.float64))


@points(3)
def test_update_at_the_mean(submission, rng):
    """nothing for an expert with the mean load; float32 stays"""
    loads = shuffled(rng, [14, 13, 10, 8, 8, 6, 5, 0])  # mean 8
    E = len(loads)
    bias = rng.randn(E, dtype=torch.float32)
    steps = torch.tensor([0.25 * ((load < 8) - (load > 8)) for load in loads])
    assert_close(submission.update_bias(bias, choices(rng, loads, k=4), 0.25), bias + steps)


@points(3)
@seconds(20)  # 41 calls, and a loop over tokens and experts is a right solution
@needs(test_public.test_shape)
def test_balances(submission, rng):
    """40 steps even out the loads of a skewed router"""
    T, E, k = 100, 10, 3
    logits = rng.randn(T, E) + torch.linspace(-2, 2, E, dtype=torch.float64)[rng.randperm(E)]
    bias = torch.zeros(E, dtype=torch.float64)
    for _ in range(40):
        _, indices = submission.deepseek_route(logits, bias, k, 5, 3)
        bias = submission.update_bias(bias, indices, 0.015)
    _, indices = submission.deepseek_route(logits, bias, k, 5, 3)
    busiest = max(int((indices == e).sum()) for e in range(E)) * E / (T * k)
    # It begins above 2.1 and comes down to at most 1.4: the steps are still 0.015 then, which moves a few tokens each.
    assert busiest < 1.6, f"After 40 steps the busiest expert has {busiest:.1f} times the mean load; 1.2 is usual."
