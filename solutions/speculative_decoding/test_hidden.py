"""Speculative decoding against plain numbers, and against the theorem: the text is that of the large model."""

import itertools
import math
from fractions import Fraction

import torch

from grader.testing import assert_close, assert_equal, needs, points

DOUBLE = torch.float64


def shares(rng, *size):
    """Rows of random fractions with sum 1 (..., V), float64, about a quarter of them 0."""
    weights = rng.randint(1, 20, size) * (rng.rand(*size) < 0.75)
    weights[..., 0] += 1
    weights = weights.gather(-1, rng.rand(*size).argsort(-1))  # the one that is never 0 stands anywhere
    return weights.double() / weights.sum(-1, keepdim=True)


def lists(p, q):
    """The rows of two tensors (..., V) as lists of numbers, side by side."""
    V = p.shape[-1]
    return zip(p.double().reshape(-1, V).tolist(), q.double().reshape(-1, V).tolist(), strict=True)


def rate_of(p, q):
    """By the definition: over all x with q(x) > 0, q(x) min(1, p(x)/q(x))."""
    return math.fsum(b * min(1.0, a / b) for a, b in zip(p, q, strict=True) if b > 0)


def residual_of(p, q):
    lacking = [a - b if a > b else 0.0 for a, b in zip(p, q, strict=True)]
    whole = math.fsum(lacking)
    return [part / whole for part in lacking] if whole > 0 else list(p)


def pairs(rng):
    """p and q (A, C, V), among their rows two equal ones, and two without a token in common."""
    A, C, V = rng.sizes(3, low=3)
    p, q = shares(rng, A, C, V), shares(rng, A, C, V)
    q[0, 1] = p[0, 1]
    half = (torch.arange(V) < V // 2).double()
    p[1, 0], q[1, 0] = half / half.sum(), (1 - half) / (1 - half).sum()
    p[2, 2], q[2, 2] = p[0, 1], p[0, 1]
    return p, q


@points(2)
def test_rate(submission, rng):
    """one number for each row, any leading axes"""
    p, q = pairs(rng)
    expected = torch.tensor([rate_of(*row) for row in lists(p, q)], dtype=DOUBLE).view(p.shape[:-1])
    assert_close(submission.acceptance_rate(p, q), expected, name="acceptance rate")
    assert_close(submission.acceptance_rate(p[2, 0], q[2, 0]), expected[2, 0], name="acceptance rate of one row")
    result = submission.acceptance_rate(p.float(), q.float())
    assert_close(result, expected.float(), name="acceptance rate in float32")
    swapped = submission.acceptance_rate(p.transpose(0, 1), q.transpose(0, 1))
    assert_close(swapped, expected.T, name="acceptance rate, rows in another order")


@points(2)
def test_residual(submission, rng):
    """max(p - q, 0) of each row; p where both are equal"""
    p, q = pairs(rng)
    expected = torch.tensor([residual_of(*row) for row in lists(p, q)], dtype=DOUBLE).view(p.shape)
    assert_close(submission.residual(p, p.clone()), p, name="residual of equal rows")
    assert_close(submission.residual(p[2, 0], q[2, 0]), expected[2, 0], name="residual of one row")
    assert_close(submission.residual(p, q), expected, name="residual")
    single = p.float(), q.float()
    expected = torch.tensor([residual_of(*row) for row in lists(*single)], dtype=DOUBLE).view(p.shape)
    assert_close(submission.residual(*single), expected.float(), name="residual in float32")


@points(2)
@needs(test_rate, test_residual)
def test_together(submission, rng):
    """min(p, q) + (1 - α) residual = p"""
    p, q = pairs(rng)
    close = 1e-3 * q + (1 - 1e-3) * p  # a draft that is nearly right leaves little
    for other in (q, close):
        rate = submission.acceptance_rate(p, other)
        assert_equal(rate.shape, p.shape[:-1], name="shape of the acceptance rate")
        both = torch.minimum(p, other) + (1 - rate)[..., None] * submission.residual(p, other)
        assert_close(both, p, name="accepted and replaced, together")


def peaked(rng, *size):
    """Rows of random probabilities (..., V), float64, one of which is 0."""
    weights = (1.5 * rng.randn(*size)).exp() * (rng.rand(*size).argsort(-1) > 0)
    return weights / weights.sum(-1, keepdim=True)


def steps(rng, B, G, V, dtype=DOUBLE):
    """The arguments of verify, and its result. Row b accepts b % (G + 1) drafts; those behind fail by chance.

    All draws lie well inside the pieces that they decide on. In each row of p and of q one token has the probability 0.
    """
    p, q = peaked(rng, B, G + 1, V).to(dtype), peaked(rng, B, G, V).to(dtype)

    def chances():
        return torch.where(q > 0, p[:, :G] / q, torch.nan).clamp(max=1)

    while (bad := ~(chances() < 0.95).any(-1) | ~(chances() > 0.02).any(-1)).any():
        q[bad] = peaked(rng, int(bad.sum()), V).to(dtype)

    draft, tokens = torch.zeros(B, G, dtype=torch.int64), torch.full((B, G + 1), -1)
    u, u_last, accepted = torch.zeros(B, G, dtype=DOUBLE), torch.zeros(B, dtype=DOUBLE), torch.arange(B) % (G + 1)
    spread = (0.05 + 0.9 * rng.rand(B, G + 1)).tolist()
    coins = rng.rand(B, G + 1, 2).tolist()
    for b, (ps, qs, chance, n) in enumerate(zip(*(t.tolist() for t in (p, q, chances(), accepted)), strict=True)):
        for i in range(G):
            passes = i < n or (i > n and coins[b][i][0] < 0.5)
            fit = [x for x in range(V) if (chance[i][x] > 0.02 if passes else chance[i][x] < 0.95)]  # nan fits neither
            x = fit[int(coins[b][i][1] * len(fit))]
            draft[b, i] = x
            u[b, i] = spread[b][i] * chance[i][x] if passes else 1 - spread[b][i] * (1 - chance[i][x])
        after = residual_of(ps[n], qs[n]) if n < G else ps[G]
        likely = [x for x in range(V) if after[x] > 0.02]
        last = likely[int(coins[b][G][0] * len(likely))]
        u_last[b] = sum(after[:last]) + after[last] * spread[b][G]
        tokens[b, :n], tokens[b, n] = draft[b, :n], last
    return (draft, q, p, u.to(dtype), u_last.to(dtype)), (tokens, accepted)


def check(result, expected):
    """Compares both results of verify."""
    tokens, accepted = result
    assert_equal(accepted, expected[1], name="accepted")
    assert_equal(tokens, expected[0], name="tokens")


@points(2)
def test_one_draft(submission, rng):
    """G = 1: one new token, or two"""
    for V in (3, 7):
        arguments, expected = steps(rng, 40, 1, V)
        check(submission.verify(*arguments), expected)


@points(4)
def test_steps(submission, rng):
    """40 texts that stop at different places"""
    for G, V in ((2, 5), (3, 7), (6, 4)):
        arguments, expected = steps(rng, 40, G, V)
        check(submission.verify(*arguments), expected)
    arguments, expected = steps(rng, 1, 5, 7)
    check(submission.verify(*arguments), expected)


@points(2)
@needs(test_one_draft)
def test_float32(submission, rng):
    """in float32, from tensors that are views of others"""
    B, G, V = 40, 4, 6
    (draft, q, p, u, u_last), expected = steps(rng, B, G, V, torch.float32)
    turned = [x.mT.contiguous().mT for x in (draft, q, p, u)]
    check(submission.verify(*turned, u_last), expected)


@points(2)
@needs(test_one_draft)
def test_form(submission, rng):
    """drafts, one more token, then -1; both int64"""
    B, G, V = 40, 5, 3
    arguments, _ = steps(rng, B, G, V)
    tokens, accepted = submission.verify(*arguments)
    assert_equal(tokens.shape, (B, G + 1), name="shape of the tokens")
    assert_equal(tokens.dtype, torch.int64, name="dtype of the tokens")
    assert_equal(accepted.dtype, torch.int64, name="dtype of accepted")
    assert_equal(accepted, (tokens >= 0).sum(-1) - 1, name="accepted")
    place = torch.arange(G)
    kept = place < accepted[:, None]
    assert_equal(tokens[:, :G][kept], arguments[0][kept], name="tokens that are drafts")
    behind = tokens[:, 1:][place >= accepted[:, None]]
    assert_equal(behind, torch.full_like(behind, -1), name="what stands behind the last token")


@points(2)
@needs(test_one_draft)
def test_greedy(submission, rng):
    """a p of zeros and a one decides alone"""
    B, G, V = 30, 4, 7
    best = rng.randint(0, V, (B, G + 1))
    p = torch.nn.functional.one_hot(best, V).double()
    q = rng.randn(B, G, V).softmax(-1)
    draft = torch.where(rng.rand(B, G) < 0.7, best[:, :G], rng.randint(0, V, (B, G)))
    u, u_last = rng.rand(B, G), rng.rand(B)
    u[::2] = 0.0  # also such a draw accepts nothing that p does not have
    u_last[::3] = 0.0
    accepted = (draft == best[:, :G]).long().cumprod(-1).sum(-1)
    tokens = best.masked_fill(torch.arange(G + 1) > accepted[:, None], -1)
    check(submission.verify(draft, q, p, u, u_last), (tokens, accepted))


@points(2)
@needs(test_one_draft)
def test_never_impossible(submission, rng):
    """never a token of probability 0 in p"""
    G = 2
    p = torch.tensor([[0.0, 0.5, 0.0, 0.5, 0.0], [0.0, 0.0, 0.25, 0.75, 0.0], [0.0, 0.0, 0.3, 0.7, 0.0]], dtype=DOUBLE)
    q = torch.tensor([[0.5, 0.25, 0.25, 0.0, 0.0], [0.25, 0.25, 0.0, 0.25, 0.25]], dtype=DOUBLE)
    top = 1 - 2.0**-53  # the largest number below 1
    # drafts, their draws, u_last, and the tokens; the residuals are 0 ⅓ 0 ⅔ 0 and 0 0 ⅓ ⅔ 0
    rows = [
        ([0, 1], [0.0, 0.0], 0.0, [1, -1, -1]),  # p of token 0 is 0: not even u = 0 accepts it
        ([0, 1], [0.3, 0.0], top, [3, -1, -1]),
        ([1, 4], [0.9, 0.0], 0.0, [1, 2, -1]),
        ([1, 0], [0.9, 0.2], top, [1, 3, -1]),
        ([1, 3], [0.0, 0.0], 0.0, [1, 3, 2]),
        ([1, 3], [0.5, 0.5], top, [1, 3, 3]),
    ]
    order = rng.randperm(len(rows)).tolist()
    draft, u, u_last, tokens = (torch.tensor(column) for column in zip(*(rows[i] for i in order), strict=True))
    u = torch.tensor([rows[i][1] for i in order], dtype=DOUBLE)
    u_last = torch.tensor([rows[i][2] for i in order], dtype=DOUBLE)
    accepted = (tokens >= 0).sum(-1) - 1
    B = len(rows)
    p, q = p.expand(B, G + 1, 5).clone(), q.expand(B, G, 5)
    check(submission.verify(draft, q, p, u, u_last), (tokens, accepted))
    p[:, G] *= 1 - 1e-7  # a sum that rounding has left too small
    check(submission.verify(draft, q, p, u, u_last), (tokens, accepted))


@points(2)
@needs(test_one_draft)
def test_equal_models(submission, rng):
    """p and q are the same: all drafts accepted"""
    B, G, V = 30, 5, 4
    p = rng.randn(B, G + 1, V).softmax(-1)
    draft = rng.randint(0, V, (B, G))
    last = rng.randint(0, V, (B, 1))
    below = p[:, G].cumsum(-1).gather(-1, last) - p[:, G].gather(-1, last)
    u_last = below + p[:, G].gather(-1, last) * (0.1 + 0.8 * rng.rand(B, 1))
    expected = torch.cat([draft, last], dim=1), torch.full((B,), G)
    check(submission.verify(draft, p[:, :G], p, (1 - 1e-6) * rng.rand(B, G), u_last[:, 0]), expected)


def grid(rng, size, unit):
    """p and q (*size, V) in units of 1 / unit, for which a grid of `unit` even draws decides exactly.

    All p/q below 1 and all residuals are whole numbers of units.
    """
    V = size[-1]
    whole = [n for n in range(1, unit + 1) if unit % n == 0]
    compositions = [each for each in itertools.product(range(unit + 1), repeat=V) if sum(each) == unit]
    drafts = [each for each in compositions if all(n in whole for n in each if n)]
    ps, qs = [], []
    for _ in range(math.prod(size[:-1])):
        q = drafts[int(rng.randint(0, len(drafts), (1,)))]
        fitting = [p for p in compositions if sum(max(a - b, 0) for a, b in zip(p, q, strict=True)) in whole]
        ps.append(fitting[int(rng.randint(0, len(fitting), (1,)))])
        qs.append(q)
    return tuple(torch.tensor(each, dtype=DOUBLE).view(size) / unit for each in (ps, qs))


def even(n, unit):
    """All (unit^n, n) combinations of n draws from an even grid of midpoints."""
    points_of_one = (torch.arange(unit, dtype=DOUBLE) + 0.5) / unit
    return torch.cartesian_prod(*[points_of_one] * n).view(-1, n)


@points(2)
@needs(test_one_draft)
def test_theorem_one(submission, rng):
    """G = 1, over all draws: the probabilities are p's"""
    V, unit = 4, 12
    (p0, q0), (p1, _) = grid(rng, (V,), unit), grid(rng, (V, V), unit)
    draws = even(2, unit)
    N = len(draws)
    found = torch.zeros(V, V, dtype=DOUBLE)
    drafts = [x for x in range(V) if q0[x] > 0]
    rows = torch.tensor(drafts).repeat_interleave(N)
    p = torch.stack([p0.expand(len(rows), V), p1[rows]], dim=1)
    both = draws.repeat(len(drafts), 1)
    tokens, _ = submission.verify(rows[:, None], q0.expand(len(rows), 1, V), p, both[:, :1], both[:, 1])
    weight = q0[rows] / N
    for a, b in itertools.product(range(V), repeat=2):
        is_b = (tokens[:, 1] == b) + (tokens[:, 1] == -1) * p1[a, b]  # a shorter text goes on as the large model would
        found[a, b] = (weight * (tokens[:, 0] == a) * is_b).sum()
    assert_close(found, p0[:, None] * p1, name="probability of each text")


@points(4)
@needs(test_theorem_one)
def test_theorem_two(submission, rng):
    """G = 2, p and q change with each draft: still p's"""
    V, G, unit = 4, 2, 6
    (p0, q0), (p1, q1), (p2, _) = grid(rng, (V,), unit), grid(rng, (V, V), unit), grid(rng, (V, V, V), unit)
    draws = even(G + 1, unit)
    N = len(draws)
    drafts = torch.tensor([(x, y) for x, y in itertools.product(range(V), repeat=2) if q0[x] * q1[x, y] > 0])
    rows = drafts.repeat_interleave(N, dim=0)
    x, y = rows.unbind(1)
    q = torch.stack([q0.expand(len(rows), V), q1[x]], dim=1)
    p = torch.stack([p0.expand(len(rows), V), p1[x], p2[x, y]], dim=1)
    all_draws = draws.repeat(len(drafts), 1)
    tokens, _ = submission.verify(rows, q, p, all_draws[:, :G], all_draws[:, G])
    weight = q0[x] * q1[x, y] / N
    found = torch.zeros(V, V, V, dtype=DOUBLE)
    for a, b, c in itertools.product(range(V), repeat=3):
        is_b = (tokens[:, 1] == b) + (tokens[:, 1] == -1) * p1[a, b]  # a shorter text goes on as the large model would
        is_c = (tokens[:, 2] == c) + (tokens[:, 2] == -1) * p2[a, b, c]
        found[a, b, c] = (weight * (tokens[:, 0] == a) * is_b * is_c).sum()
    assert_close(found, p0[:, None, None] * p1[..., None] * p2, name="probability of each text")


@points(2)
@needs(test_theorem_two)
def test_mean(submission, rng):
    """over all draws, a step has that many tokens"""
    V, G, unit = 4, 2, 6
    p, q = grid(rng, (V,), unit)
    while torch.equal(p, q):
        p, q = grid(rng, (V,), unit)
    draws = even(G + 1, unit)
    N = len(draws)
    drafts = torch.tensor([each for each in itertools.product(range(V), repeat=2) if q[each[0]] * q[each[1]] > 0])
    rows, all_draws = drafts.repeat_interleave(N, dim=0), draws.repeat(len(drafts), 1)
    B = len(rows)
    _, accepted = submission.verify(rows, q.expand(B, G, V), p.expand(B, G + 1, V), all_draws[:, :G], all_draws[:, G])
    mean = float((q[rows].prod(-1) / N * (accepted + 1)).sum())
    alpha = rate_of(p.tolist(), q.tolist())
    assert_close(mean, 1 + alpha + alpha**2, name="mean of accepted + 1")
    assert_close(float(submission.expected_tokens(alpha, G)), mean, name="expected tokens")


@points(2)
def test_expected_tokens(submission, rng):
    """α = 0, ½, 1, and just below 1, to 12 digits"""
    near = [1 - 8.5e-10, 1 - 4.5e-10, 1 - 1e-8 * (1 + rng.rand(1).item()), 1 - 1e-13, 1 - 2.0**-53]
    for gamma in (21, 4, 1, 0):
        for alpha in (rng.rand(1).item(), *near, 0.0, 0.5, 1.0):
            exact = float(sum(Fraction(alpha) ** i for i in range(gamma + 1)))
            result = float(submission.expected_tokens(alpha, gamma))
            assert_close(result, exact, rtol=1e-12, atol=0.0, name=f"tokens at α = {alpha:.14g}, G = {gamma}")
