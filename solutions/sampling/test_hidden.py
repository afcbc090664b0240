"""The sampler against sorting and adding up plain Python numbers."""

import math

import pytest
import torch

from grader.testing import assert_close, assert_equal, needs, points

INF = float("inf")


def distinct_logits(rng, *shape):
    """Logits (*shape), those of a row in random order and at least 0.1 apart."""
    place = rng.rand(*shape).argsort(-1)
    return 0.4 * (place - shape[-1] / 2) + 0.3 * rng.rand(*shape) + rng.randn(*shape[:-1], 1)


def rows_of(x):
    """A tensor (..., V) as a list of rows of Python numbers."""
    return x.reshape(-1, x.shape[-1]).tolist()


def softmax(row):
    exponentials = [math.exp(logit - max(row)) for logit in row]
    return [e / sum(exponentials) for e in exponentials]


def largest(row, k):
    """Indices of the k largest of a row without ties."""
    return sorted(range(len(row)), key=row.__getitem__, reverse=True)[:k]


def nucleus(row, p):
    """Indices of the most probable tokens, until their mass reaches p."""
    probs, kept, mass = softmax(row), [], 0.0
    for token in largest(row, len(row)):
        kept.append(token)
        mass += probs[token]
        if mass >= p:
            break
    return kept


def keep(logits, choose):
    """logits (..., V), with -inf where choose(row) does not name the token."""
    rows = []
    for row in rows_of(logits):
        chosen = choose(row)
        rows.append([logit if token in chosen else -INF for token, logit in enumerate(row)])
    return torch.tensor(rows, dtype=torch.float64).view(logits.shape)


def clear_p(rng, logits, low=0.2, high=0.95):
    """A p at least 1e-6 away from every cumulative probability, so that rounding cannot change the nucleus."""
    steps = logits.sort(-1, descending=True).values.softmax(-1).cumsum(-1).flatten()
    for p in (low + (high - low) * rng.rand(100)).tolist():
        if (steps - p).abs().min() > 1e-6:
            return p
    raise AssertionError("no such p among 100")


def probabilities(logits):
    """Softmax (..., V) in float64 by plain numbers."""
    return torch.tensor([softmax(row) for row in rows_of(logits)], dtype=torch.float64).view(logits.shape)


@points(2)
def test_temperature(submission, rng):
    """each probability to the power 1/τ"""
    B, T, V = rng.sizes(3, low=3)
    logits = rng.randn(B, T, V)
    logits[0, 0, 1] = -INF
    for temperature in (0.25, 0.7, 3.0):
        expected = [[logit / temperature for logit in row] for row in rows_of(logits)]
        expected = torch.tensor(expected, dtype=torch.float64).view(B, T, V)
        assert_close(submission.apply_temperature(logits, temperature), expected)
    assert_close(submission.apply_temperature(logits[1, 1].float(), 1.0), logits[1, 1].float())


@points(2)
def test_bad_temperature(submission, rng):
    """0.5 works; ValueError for 0 and below"""
    logits = rng.randn(4, 7)
    assert_close(submission.apply_temperature(logits, 0.5), 2 * logits)
    for temperature in (0.0, -1.0):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.apply_temperature(logits, temperature)


@points(2)
def test_top_k(submission, rng):
    """the k largest of each row, any dimensions"""
    B, T, V, k = rng.sizes(4, low=3)
    k, V = min(k, V), max(k, V)
    logits = distinct_logits(rng, B, T, V)
    expected = keep(logits, lambda row: largest(row, k))
    assert_close(submission.top_k_filter(logits, k), expected)
    assert_close(submission.top_k_filter(logits[0, 0].float(), k), expected[0, 0].float())
    removed = expected[0].clone()  # fewer than k + 1 tokens are left: they stay, and the others stay removed
    assert_close(submission.top_k_filter(removed, k + 1), removed)


@points(2)
def test_top_k_ties(submission, rng):
    """all that equal the k-th stay"""
    V, k = 9, 4
    row = torch.tensor([5.0, 4.0, 3.0, 2.0, 2.0, 2.0, 1.0, 0.0, -1.0], dtype=torch.float64) + rng.rand(1)
    logits = torch.stack([row[rng.randperm(V)] for _ in range(3)])
    for n, kept in ((3, 3), (k, 6), (5, 6), (7, 7)):
        filtered = submission.top_k_filter(logits, n)
        assert_equal((filtered > -INF).sum(-1), torch.tensor([kept] * 3), name=f"tokens kept at k = {n}")
        assert_close(filtered, logits.masked_fill(logits < row[kept - 1], -INF), name="filtered logits")


@points(2)
def test_top_k_range(submission, rng):
    """k ≥ V keeps all; ValueError below 1"""
    B, V = rng.sizes(2, low=3)
    logits = distinct_logits(rng, B, V)
    assert_close(submission.top_k_filter(logits, 1), keep(logits, lambda row: largest(row, 1)))
    for k in (V, V + 1, 50 * V):
        assert_close(submission.top_k_filter(logits, k), logits)
    for k in (0, -1):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.top_k_filter(logits, k)


@points(2)
def test_top_p_steps(submission):
    """½ ¼ ⅛ 1/16 1/16: how many for which p"""
    logits = torch.tensor([0.5, 0.25, 0.125, 0.0625, 0.0625], dtype=torch.float64).log()
    for p, kept in ((0.1, 1), (0.49, 1), (0.51, 2), (0.74, 2), (0.76, 3), (0.9, 4), (0.95, 5)):
        expected = torch.cat([logits[:kept], torch.full((5 - kept,), -INF, dtype=torch.float64)])
        assert_close(submission.top_p_filter(logits, p), expected, name=f"filtered logits at p = {p}")


@points(2)
def test_top_p(submission, rng):
    """rows in any order, each with its own nucleus"""
    B, T, V = rng.sizes(3, low=3, high=12)
    logits = distinct_logits(rng, B, T, V)
    logits[0, 0, 1] = -INF
    for _ in range(3):
        p = clear_p(rng, logits)
        expected = keep(logits, lambda row, p=p: nucleus(row, p))
        assert_close(submission.top_p_filter(logits, p), expected)
    assert_close(submission.top_p_filter(logits[1, 1].float(), p), expected[1, 1].float())
    tied = rng.randint(0, 4, (B, 40)).double()  # more than a sort keeps in order that need not
    p = clear_p(rng, tied)
    expected = keep(tied, lambda row: nucleus(row, p))
    assert_close(submission.top_p_filter(tied, p), expected, name="filtered logits, many of them equal")


@points(2)
def test_top_p_range(submission, rng):
    """p = 1 keeps all; ValueError outside (0, 1]"""
    B, V = rng.sizes(2, low=3)
    logits = distinct_logits(rng, B, V)
    peaked = 60 * logits  # sums of probabilities round to 1 long before the last token
    assert_close(submission.top_p_filter(logits, 1.0), logits)
    assert_close(submission.top_p_filter(peaked, 1.0), peaked)
    assert_close(submission.top_p_filter(logits, 1e-3), keep(logits, lambda row: largest(row, 1)))
    for p in (0.0, -0.1, 1.1):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.top_p_filter(logits, p)


@points(2)
def test_each_filter(submission, rng):
    """no filter, and each of the three alone"""
    B, T, V = rng.sizes(3, low=4)
    k = 3
    logits = distinct_logits(rng, B, T, V)
    logits[0, 0, 1] = -INF
    p = clear_p(rng, logits)
    distribution = submission.next_token_distribution
    assert_close(distribution(logits), probabilities(logits), name="probabilities")
    assert_close(distribution(logits, temperature=2.0), probabilities(logits / 2), name="probabilities")
    best = keep(logits, lambda row: largest(row, k))
    assert_close(distribution(logits, top_k=k), probabilities(best), name="probabilities")
    likely = keep(logits, lambda row: nucleus(row, p))
    assert_close(distribution(logits, top_p=p), probabilities(likely), name="probabilities")
    assert_close(distribution(logits[0, 0].float()), probabilities(logits[0, 0]).float(), name="probabilities")


@points(2)
@needs(test_each_filter)
def test_order(submission, rng):
    """temperature, then top-k, then top-p"""
    # 0.4 0.3 0.2 0.1 in any order. At τ = ½ they are 16 9 4 1 thirtieths, and 16 9 4 of 29 after k = 3.
    row_of_p = {
        0.80: [16 / 25, 9 / 25, 0, 0],  # 25/29 is enough, and at τ = 1 the first two would have 7/9
        0.85: [16 / 25, 9 / 25, 0, 0],  # still enough, and without top-k the first two would have 25/30
        0.87: [16 / 29, 9 / 29, 4 / 29, 0],
    }
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64).log()
    place = torch.stack([rng.randperm(4) for _ in range(5)])
    for p, expected in row_of_p.items():
        probs = submission.next_token_distribution(logits[place] + rng.randn(5, 1), 0.5, 3, p)
        assert_close(probs, torch.tensor(expected, dtype=torch.float64)[place], name="probabilities")


@points(2)
def test_zero_is_no_none(submission, rng):
    """ValueError for top_k, top_p, temperature = 0"""
    B, V = rng.sizes(2, low=3)
    logits = distinct_logits(rng, B, V)
    unfiltered = submission.next_token_distribution(logits, temperature=1.0, top_k=None, top_p=None)
    assert_close(unfiltered, probabilities(logits), name="probabilities")
    for bad in ({"top_k": 0}, {"top_p": 0.0}, {"temperature": 0.0}, {"top_p": 2.0}):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.next_token_distribution(logits, **bad)


@points(2)
def test_sample(submission, rng):
    """the piece of [0, 1) in which u falls"""
    B, T, V = rng.sizes(3, low=3)
    probs = distinct_logits(rng, B, T, V).softmax(-1)
    tokens = rng.randint(0, V, (B, T))
    upper = probs.cumsum(-1).gather(-1, tokens[..., None])[..., 0]
    width = probs.gather(-1, tokens[..., None])[..., 0]
    u = upper - width * (0.1 + 0.8 * rng.rand(B, T))  # well inside the piece of the token
    assert_equal(submission.sample(probs, u), tokens, name="tokens")
    assert_equal(submission.sample(probs[0, 0].float(), u[0, 0].float()), tokens[0, 0], name="tokens")


@points(2)
def test_sample_steps(submission):
    """u = 0, u on a step, u just below 1"""
    probs = torch.tensor([0.0, 0.25, 0.0, 0.125, 0.125, 0.5, 0.0], dtype=torch.float64)
    draws = torch.tensor([0.0, 0.2499, 0.25, 0.375, 0.5, 1 - 1e-12], dtype=torch.float64)
    tokens = torch.tensor([1, 1, 3, 4, 5, 5])
    assert_equal(submission.sample(probs.expand(6, 7), draws), tokens, name="tokens")


@points(2)
def test_short_sum(submission, rng):
    """a sum below u: the last possible token"""
    V, last = 8, 5
    probs = torch.zeros(4, V, dtype=torch.float64)
    probs[:3, [0, 2, last]] = 0.1 + rng.rand(3, 3)
    probs[2, V - 1] = 0.3  # in the third row the last token of all is possible
    probs[3, 0] = 1.0  # and in the fourth the first one alone
    probs = probs / probs.sum(-1, keepdim=True) * (1 - 1e-7)
    u = torch.tensor([1 - 1e-9, 0.0, 1 - 1e-9, 1 - 1e-9], dtype=torch.float64)
    assert_equal(submission.sample(probs, u), torch.tensor([last, 0, V - 1, 0]), name="tokens")


@points(2)
@needs(test_sample)
def test_frequencies(submission, rng):
    """30000 even draws come out like the model"""
    n, V = 30000, 6
    probs = distinct_logits(rng, V).softmax(-1)
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    counts = torch.bincount(submission.sample(probs.expand(n, V), u[rng.randperm(n)]), minlength=V)
    # A piece of width w holds w n even draws, up to one at each end.
    assert_close(counts.double() / n, probs, rtol=0.0, atol=2 / n, name="frequency")
