"""Slots against a queue in plain Python, buffers against loops over tokens and choices."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


def choices(rng, T, E, k):
    """indices (T, k): popular experts and unpopular ones, the k of a token differ."""
    popularity = torch.linspace(0, 3, E, dtype=torch.float64)[rng.randperm(E)]
    return (popularity + rng.randn(T, E)).argsort(-1, descending=True)[:, :k].contiguous()


def served(indices, E, C):
    """slots (T, k): everyone waits in one queue, by rank of the choice and then by token."""
    T, k = indices.shape
    free = [list(range(C)) for _ in range(E)]
    slots = torch.full((T, k), -1)
    for s in range(k):
        for t in range(T):
            line = free[int(indices[t, s])]
            if line:
                slots[t, s] = line.pop(0)
    return slots


def scattered(rng, indices, E, C):
    """slots (T, k) in no order and with gaps; about a third of the choices is dropped."""
    slots = torch.full(indices.shape, -1)
    for e in range(E):
        mine = [tuple(pair) for pair in (indices == e).nonzero().tolist()]
        kept = [mine[i] for i in rng.randperm(len(mine)).tolist()][: min(C, 1 + 2 * len(mine) // 3)]
        for pair, slot in zip(kept, rng.randperm(C).tolist(), strict=False):
            slots[pair] = slot
    return slots


def places(indices, slots):
    """Token, rank, expert and slot of every choice that got one."""
    T, k = indices.shape
    everyone = [(t, s, int(indices[t, s]), int(slots[t, s])) for t in range(T) for s in range(k)]
    return [choice for choice in everyone if choice[3] >= 0]


def filled(x, indices, slots, E, C):
    buffers = torch.zeros(E, C, x.shape[1], dtype=x.dtype)
    for t, _, e, slot in places(indices, slots):
        buffers[e, slot] = x[t]
    return buffers


def summed(buffers, indices, slots, weights):
    y = torch.zeros(len(indices), buffers.shape[-1], dtype=buffers.dtype)
    for t, s, e, slot in places(indices, slots):
        y[t] += weights[t, s] * buffers[e, slot]
    return y


def mixing(rng, T, k):
    """weights (T, k), positive, those of a token sum to 1."""
    return torch.softmax(rng.randn(T, k), dim=-1)


@points(5)
def test_capacity(submission, rng):
    """T k c / E, rounded up"""
    # Whole quotients are asked for where E is a power of two: then every order of the operations is exact.
    cases = [(64, 8, 2, 4), (64, 8, 2, 5), (4096, 64, 1, 5), (16, 2, 2, 8), (6, 4, 2, 2), (10, 8, 2, 6)]
    for _ in range(6):
        T, E, k = rng.sizes(3, low=2, high=40)
        quarters = int(rng.randint(2, 9, ()))
        while T * k * quarters % (4 * E) == 0:
            T += 1
            E += 1
        cases.append((T, E, k, quarters))
    for T, E, k, quarters in cases:
        expected = -(-T * k * quarters // (4 * E))
        assert_equal(submission.expert_capacity(T, E, k, quarters / 4), expected, name="capacity")
        if quarters % 4 == 0:
            assert_equal(submission.expert_capacity(T, E, k, quarters // 4), expected, name="capacity")


@points(5)
def test_one_choice(submission, rng):
    """k = 1: the first tokens of an expert stay"""
    T, E = 29, 5
    for C in (1, 4, 7):
        indices = choices(rng, T, E, 1)
        assert_equal(submission.assign_slots(indices, E, C), served(indices, E, C), name="slots")
    assert_equal(submission.assign_slots(indices[:1], E, 2), torch.zeros(1, 1, dtype=torch.int64), name="slots")


@points(10)
@needs(test_one_choice)
def test_first_choices_first(submission, rng):
    """no second choice is served before a first one"""
    for T, E, k, C in ((23, 6, 2, 5), (17, 5, 3, 7), (13, 4, 4, 9), (11, 7, 2, 3)):
        indices = choices(rng, T, E, k)
        assert_equal(submission.assign_slots(indices, E, C), served(indices, E, C), name="slots")


@points(5)
def test_dispatch(submission, rng):
    """each token in its slots, 0 in the others"""
    for T, D, E, k, C in ((11, 3, 5, 2, 6), (13, 4, 7, 3, 5), (4, 3, 6, 1, 2)):
        x, indices = rng.randn(T, D), choices(rng, T, E, k)
        slots = scattered(rng, indices, E, C)
        assert_close(submission.dispatch(x, indices, slots, E, C), filled(x, indices, slots, E, C), name="buffers")


@points(5)
def test_combine(submission, rng):
    """the weighted sum of what is in a token's slots"""
    for T, D, E, k, C in ((11, 3, 5, 2, 6), (13, 4, 7, 3, 5), (4, 3, 6, 1, 2)):
        indices, weights, buffers = choices(rng, T, E, k), rng.randn(T, k), rng.randn(E, C, D)  # of any sum
        slots = scattered(rng, indices, E, C)
        y = submission.combine(buffers, indices, slots, weights)
        assert_close(y, summed(buffers, indices, slots, weights), name="y")


@points(5)
@needs(test_dispatch, test_combine)
def test_dropped(submission, rng):
    """what is dropped is lost for good"""
    T, D, E, k, C = 13, 3, 5, 2, 1  # at most 5 slots for 26 choices: at least 8 tokens have none
    x, weights, indices = rng.randn(T, D), mixing(rng, T, k), choices(rng, T, E, k)
    slots = served(indices, E, C)
    y = submission.combine(filled(x, indices, slots, E, C), indices, slots, weights)
    assert_close(y, (weights * (slots >= 0)).sum(-1, keepdim=True) * x, name="y")


@points(5)
@needs(test_first_choices_first, test_dispatch, test_combine)
def test_ample_capacity(submission, rng):
    """room for the busiest expert: nothing is lost"""
    T, D, E, k = 12, 3, 5, 2
    x, weights, indices = rng.randn(T, D), mixing(rng, T, k), choices(rng, T, E, k)
    experts = rng.randn(E, D, D)
    expected = torch.zeros(T, D, dtype=torch.float64)
    for t in range(T):
        for s in range(k):
            expected[t] += weights[t, s] * (experts[indices[t, s]] @ x[t])
    for C in (int(indices.flatten().bincount().max()), T + 4):
        slots = submission.assign_slots(indices, E, C)
        buffers = submission.dispatch(x, indices, slots, E, C)
        y = submission.combine(torch.einsum("eij,ecj->eci", experts, buffers), indices, slots, weights)
        assert_close(y, expected, name="y")


@points(5)
@needs(test_dispatch, test_combine)
def test_gradient(submission, rng):
    """flows through the choices that got a slot"""
    T, D, E, k, C = 11, 3, 5, 2, 4
    indices = choices(rng, T, E, k)
    slots = scattered(rng, indices, E, C)

    x, g = rng.randn(T, D).requires_grad_(), rng.randn(E, C, D)
    buffers = submission.dispatch(x, indices, slots, E, C)
    assert buffers.requires_grad, "No gradient leads from the buffers to x: something was detached."
    (buffers * g).sum().backward()
    assert_close(x.grad, summed(g, indices, slots, torch.ones(T, k, dtype=torch.float64)), name="gradient of x")

    buffers, weights = rng.randn(E, C, D).requires_grad_(), mixing(rng, T, k).requires_grad_()
    y = submission.combine(buffers, indices, slots, weights)
    assert y.requires_grad, "No gradient leads from y to buffers and weights: something was detached."
    g = rng.randn(T, D)
    (y * g).sum().backward()
    assert buffers.grad is not None, "No gradient leads from y to the buffers: they were detached."
    assert weights.grad is not None, "No gradient leads from y to the weights: they were detached."
    of_buffers, of_weights = torch.zeros(E, C, D, dtype=torch.float64), torch.zeros(T, k, dtype=torch.float64)
    for t, s, e, slot in places(indices, slots):
        of_buffers[e, slot] = weights.detach()[t, s] * g[t]
        of_weights[t, s] = (g[t] * buffers.detach()[e, slot]).sum()
    assert_close(buffers.grad, of_buffers, name="gradient of buffers")
    assert_close(weights.grad, of_weights, name="gradient of weights")
