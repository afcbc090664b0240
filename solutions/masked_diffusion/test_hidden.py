"""Masked diffusion by loops over plain numbers, and against the entropy of texts whose probabilities are known."""

import itertools
import math

import torch

from grader.testing import assert_close, assert_equal, needs, points

DOUBLE = torch.float64


def texts(rng, B, T, V, mask_id):
    """Random tokens (B, T), none of which is the mask."""
    ids = rng.randint(0, V - 1, (B, T))
    return ids + (ids >= mask_id)


def probabilities(logits, mask_id):
    """The softmax of a list of logits over all tokens but the mask, which has 0."""
    top = max(logit for v, logit in enumerate(logits) if v != mask_id)
    weights = [math.exp(logit - top) if v != mask_id else 0.0 for v, logit in enumerate(logits)]
    return [weight / math.fsum(weights) for weight in weights]


def cross_entropy(logits, token, mask_id):
    """-ln p(token), of a list of logits."""
    others = [logit for v, logit in enumerate(logits) if v != mask_id]
    return max(others) + math.log(math.fsum(math.exp(logit - max(others)) for logit in others)) - logits[token]


def loss_of(logits, ids, noisy, t, mask_id):
    """Place by place, float64."""
    B, T = ids.shape
    total = [
        cross_entropy(logits[b, i].tolist(), int(ids[b, i]), mask_id) / t[b].item()
        for b, i in itertools.product(range(B), range(T))
        if noisy[b, i] == mask_id
    ]
    return torch.tensor(math.fsum(total) / (B * T), dtype=DOUBLE)


def batch(rng, mask_id, V, dtype=DOUBLE):
    """logits, ids, noisy, t: the first text has no masks, the second nothing else, the others are mixed."""
    B, T = 5, 6
    ids = texts(rng, B, T, V, mask_id)
    hidden = rng.rand(B, T) < 0.5
    hidden[0], hidden[1] = False, True
    hidden[2, 0], hidden[2, T - 1] = True, False
    t = 0.1 + 0.9 * rng.rand(B)
    return (2 * rng.randn(B, T, V)).to(dtype), ids, torch.where(hidden, mask_id, ids), t.to(dtype)


@points(2)
def test_mask(submission, rng):
    """masked where u < t, each text at its own t"""
    B, T, V = rng.sizes(3, low=4)
    for dtype in (torch.float32, DOUBLE):
        for mask_id in (0, 2, V - 1):
            ids = texts(rng, B, T, V, mask_id)
            t, u = (0.2 + 0.6 * rng.rand(B)).to(dtype), rng.rand(B, T).to(dtype)
            expected = [[mask_id if u[b, i] < t[b] else int(ids[b, i]) for i in range(T)] for b in range(B)]
            assert_equal(submission.mask_tokens(ids, t, u, mask_id), torch.tensor(expected), name="noisy")


@points(2)
def test_mask_edges(submission, rng):
    """u = t stays, t = 1 masks all, u = 0 always"""
    t = torch.tensor([0.25, 1.0, 0.5, 2.0**-20], dtype=DOUBLE)
    just = 2.0**-50
    u = [[0.25, 0.25 - just, 0.0], [1 - just, 0.999, 0.0], [0.5, 0.5 - just, 0.5 + just], [0.1, 0.9, 0.0]]
    u = torch.tensor(u, dtype=DOUBLE)
    ids, M = rng.randint(0, 7, (4, 3)), 7
    hidden = torch.tensor([[False, True, True], [True, True, True], [False, True, False], [False, False, True]])
    assert_equal(submission.mask_tokens(ids, t, u, M), ids.masked_fill(hidden, M), name="noisy")


@points(2)
def test_mask_shares(submission, rng):
    """of 4000 tokens of each text a share of t"""
    T, M = 4000, 50
    t = torch.tensor([0.05, 0.3, 0.8], dtype=DOUBLE)
    even = (torch.arange(T, dtype=DOUBLE) + 0.5) / T
    u = torch.stack([even[rng.randperm(T)] for _ in t])
    noisy = submission.mask_tokens(rng.randint(0, M, (3, T)), t, u, M)
    assert_equal((noisy == M).sum(-1), torch.tensor([200, 1200, 3200]), name="masks in each text")
    halves = (noisy == M)[:, : T // 2].double().mean(-1)
    # half of the even draws are masked by chance: a standard deviation of at most 0.008, and six of them
    assert_close(halves, t, rtol=0.0, atol=0.048, name="share of the masks in the first half")


@points(4)
def test_loss(submission, rng):
    """-ln p / t of the masks, over all places"""
    V = 7
    for mask_id in (V - 1, 0, 3):
        arguments = batch(rng, mask_id, V)
        expected = loss_of(*arguments, mask_id)
        assert_close(submission.diffusion_loss(*arguments, mask_id), expected, name=f"loss, mask_id = {mask_id}")
        logits, ids, noisy, t = (x[3:4] for x in arguments)  # a single text
        noisy = torch.where(torch.arange(ids.shape[1]) == 2, mask_id, ids)
        expected = loss_of(logits, ids, noisy, t, mask_id)
        assert_close(submission.diffusion_loss(logits, ids, noisy, t, mask_id), expected, name="loss, one mask")


@points(2)
@needs(test_loss)
def test_loss_numbers(submission, rng):
    """float32, and logits that lie 1000 apart"""
    V, mask_id = 5, 1
    arguments = batch(rng, mask_id, V, torch.float32)
    expected = loss_of(*(x.double() if x.is_floating_point() else x for x in arguments), mask_id)
    # float32: a dozen logarithms of size 3, each rounded to 2e-7
    result = submission.diffusion_loss(*arguments, mask_id)
    assert_close(result, expected.float(), rtol=1e-5, atol=1e-5, name="loss in float32")
    logits, ids, noisy, t = batch(rng, mask_id, V)
    logits = logits.scatter(-1, ids[..., None], -1000.0)
    result = submission.diffusion_loss(logits, ids, noisy, t, mask_id)
    assert_close(result, loss_of(logits, ids, noisy, t, mask_id), name="loss of improbable tokens")
    for shift in (1000.0, -1000.0):
        result = submission.diffusion_loss(logits + shift, ids, noisy, t, mask_id)
        assert_close(result, loss_of(logits, ids, noisy, t, mask_id), name=f"loss with {shift:g} added to all logits")


@points(2)
@needs(test_loss)
def test_mask_logit(submission, rng):
    """the logit of the mask may be 500 or -500"""
    V, mask_id = 6, 4
    logits, ids, noisy, t = batch(rng, mask_id, V)
    expected = loss_of(logits, ids, noisy, t, mask_id)
    for logit in (500.0, -500.0, 0.0):
        other = logits.clone()
        other[..., mask_id] = logit
        assert_close(submission.diffusion_loss(other, ids, noisy, t, mask_id), expected, name=f"loss at logit {logit}")


@points(2)
@needs(test_loss)
def test_gradient(submission, rng):
    """(softmax - one-hot) / (t B T) at masks"""
    V, mask_id = 6, 2
    logits, ids, noisy, t = batch(rng, mask_id, V)
    logits[..., mask_id] += 5.0
    B, T = ids.shape
    expected = torch.zeros(B, T, V, dtype=DOUBLE)
    for b, i in itertools.product(range(B), range(T)):
        if noisy[b, i] == mask_id:
            expected[b, i] = torch.tensor(probabilities(logits[b, i].tolist(), mask_id), dtype=DOUBLE)
            expected[b, i, ids[b, i]] -= 1.0
            expected[b, i] /= t[b] * B * T
    x = logits.clone().requires_grad_()
    loss = submission.diffusion_loss(x, ids, noisy, t, mask_id)
    assert loss.requires_grad, "No gradient leads from the loss to the logits: something was detached."
    loss.backward()
    assert_close(x.grad, expected, name="gradient of logits")


@points(2)
def test_nothing_masked(submission, rng):
    """a loss of 0 whose gradients are 0"""
    B, T, V = rng.sizes(3, low=3)
    mask_id = V - 1
    ids = texts(rng, B, T, V, mask_id)
    one = ids.clone()
    one[0, 0] = mask_id
    t = 0.1 + 0.9 * rng.rand(B)
    logits = rng.randn(B, T, V)
    result = submission.diffusion_loss(logits, ids, one, t, mask_id)
    assert_close(result, loss_of(logits, ids, one, t, mask_id), name="loss of one mask")
    x = logits.clone().requires_grad_()
    loss = submission.diffusion_loss(x, ids, ids.clone(), t, mask_id)
    assert_close(loss, torch.tensor(0.0, dtype=DOUBLE), name="loss without masks")
    assert loss.requires_grad, "Without masks backward() fails: the loss does not come from the logits."
    loss.backward()
    assert_close(x.grad, torch.zeros(B, T, V, dtype=DOUBLE), name="gradient of logits")


def language(rng, T, V):
    """All texts of T words from V (V^T, T), and how often each occurs among the rows of a corpus."""
    every = torch.tensor(list(itertools.product(range(V), repeat=T)))
    return every, 1 + rng.randint(0, 3, (len(every),))


@points(4)
@needs(test_loss)
def test_bound(submission, rng):
    """a perfect model reaches the entropy"""
    # The mean over masks is a polynomial of degree T - 1 in t, and two points of Gauss integrate degree 3 exactly.
    times = [0.5 - math.sqrt(1 / 12), 0.5 + math.sqrt(1 / 12)]
    for T, words in ((1, 5), (2, 3), (3, 2), (4, 2)):
        mask_id, V = int(rng.randint(0, words + 1, (1,))), words + 1
        every, often = language(rng, T, words)
        share = often.double() / often.sum()
        ids = every + (every >= mask_id)
        rows = torch.arange(len(every)).repeat_interleave(often)
        found = 0.0
        for hidden in itertools.product([False, True], repeat=T):
            seen = ~torch.tensor(hidden)
            agrees = (every[:, None] == every)[:, :, seen].all(-1).double()  # with the visible words of each text
            logits = rng.randn(len(every), T, V)
            for i, v in itertools.product(range(T), range(words)):
                mass = agrees @ (share * (every[:, i] == v))
                logits[:, i, v + (v >= mask_id)] = torch.log(mass.clamp(min=1e-300)) + i
            noisy = ids.masked_fill(~seen, mask_id)
            k, B = sum(hidden), len(rows)
            for t in times:
                time = torch.full((B,), t, dtype=DOUBLE)
                loss = submission.diffusion_loss(logits[rows], ids[rows], noisy[rows], time, mask_id)
                found += 0.5 * t**k * (1 - t) ** (T - k) * T * float(loss)
        entropy = -float((share * share.log()).sum())
        assert_close(found, entropy, name=f"T times the loss, T = {T}")


@points(2)
def test_schedule(submission, rng):
    """any sum, also 0; more steps than masks"""
    cases = {(3, 5): [1, 1, 1, 0, 0], (0, 3): [0, 0, 0], (9, 4): [3, 2, 2, 2], (6, 3): [2, 2, 2], (5, 1): [5]}
    cases[100, 7] = [15, 15, 14, 14, 14, 14, 14]
    for (masks, steps), expected in cases.items():
        name = f"{masks} masks in {steps} steps"
        assert_equal(list(submission.unmask_schedule(masks, steps)), expected, name=name)
    for _ in range(20):
        masks, steps = (int(rng.randint(1, 60, (1,))) for _ in range(2))
        result = list(submission.unmask_schedule(masks, steps))
        assert_equal([len(result), sum(result)], [steps, masks], name="number of steps, and their sum")
        assert_equal(result, sorted(result, reverse=True), name="schedule")
        widest = max(result) - min(result)
        assert widest <= 1, f"{masks} masks in {steps} steps: two of your numbers differ by {widest}."


def step_of(tokens, logits, counts, mask_id):
    """Text by text: sort the masked places by confidence, and fill the first ones."""
    result = tokens.tolist()
    for b, row in enumerate(logits.tolist()):
        guesses = []
        for i, place in enumerate(row):
            if tokens[b, i] == mask_id:
                p = probabilities(place, mask_id)
                guesses.append((max(p), i, p.index(max(p))))
        for _, i, token in sorted(guesses, reverse=True)[: int(counts[b])]:
            result[b][i] = token
    return torch.tensor(result)


def apart(logits, mask_id):
    """Whether all confidences of a text, and the two best tokens of a place, are well apart."""
    p = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -torch.inf).softmax(-1)
    two = p.topk(2, dim=-1).values
    gaps = two[..., 0].sort(-1).values.diff(dim=-1)
    return gaps.min() > 1e-3 and (two[..., 0] - two[..., 1]).min() > 1e-3


def writing(rng, B, T, V, mask_id, share=0.6, dtype=DOUBLE):
    """tokens (B, T), a share of them masks, and logits (B, T, V), of which the mask's is often the largest."""
    tokens = texts(rng, B, T, V, mask_id)
    tokens = torch.where(rng.rand(B, T) < share, mask_id, tokens)
    logits = 1.5 * rng.randn(B, T, V)
    while not apart(logits, mask_id):
        bad = torch.tensor([not apart(row, mask_id) for row in logits])
        logits[bad] = 1.5 * rng.randn(int(bad.sum()), T, V)
    logits[..., mask_id] += 1.0
    return tokens, logits.to(dtype)


@points(4)
def test_step(submission, rng):
    """each text fills its own surest places"""
    B, T, V = 8, 7, 5
    for mask_id in (V - 1, 0, 2):
        tokens, logits = writing(rng, B, T, V, mask_id)
        counts = rng.randint(1, 4, (B,))
        expected = step_of(tokens, logits, counts, mask_id)
        assert_equal(submission.unmask_step(tokens, logits, counts, mask_id), expected, name="tokens")
    tokens, logits = writing(rng, 3, T, V, 1, dtype=torch.float32)
    counts = torch.tensor([2, 1, 3])
    expected = step_of(tokens, logits.double(), counts, 1)
    assert_equal(submission.unmask_step(tokens, logits, counts, 1), expected, name="tokens, float32")


@points(2)
def test_step_counts(submission, rng):
    """counts of 0 and above T, no masks at all"""
    B, T, V, mask_id = 6, 5, 4, 1
    tokens, logits = writing(rng, B, T, V, mask_id)
    tokens[0], tokens[3] = mask_id, texts(rng, 1, T, V, mask_id)[0]
    tokens[1, 0], tokens[4, 0], tokens[4, 1] = mask_id, mask_id, 0
    counts = torch.tensor([T - 1, 0, 1, 2, T + 4, T])
    expected = step_of(tokens, logits, counts, mask_id)
    assert_equal(submission.unmask_step(tokens, logits, counts, mask_id), expected, name="tokens")
    none = torch.zeros(B, dtype=torch.int64)
    assert_equal(submission.unmask_step(tokens, logits, none, mask_id), tokens, name="tokens, nothing to fill")


@points(2)
@needs(test_step)
def test_confidence(submission, rng):
    """a probability and not a logit"""
    B, T, V, mask_id = 6, 7, 5, 3
    tokens, logits = writing(rng, B, T, V, mask_id)
    counts = rng.randint(1, 4, (B,))
    expected = step_of(tokens, logits, counts, mask_id)
    raised = logits + 300 * rng.randn(B, T, 1)  # all logits of a place: its probabilities stay
    assert_equal(submission.unmask_step(tokens, raised, counts, mask_id), expected, name="tokens, logits raised")
    masks = torch.full((1, 2), mask_id)
    pair = torch.tensor([[[9.0, 8.9, 0.0, 0.0, 0.0], [-3.0, 1.0, -4.0, 12.0, -5.0]]], dtype=DOUBLE)
    result = submission.unmask_step(masks, pair, torch.tensor([1]), mask_id)
    assert_equal(result, torch.tensor([[mask_id, 1]]), name="tokens")
    close = torch.tensor([[0.60, 0.38, 0.01, 0.0, 0.01], [0.52, 0.46, 0.01, 0.0, 0.01]], dtype=DOUBLE)
    clear = torch.tensor([[0.50, 0.17, 0.17, 0.0, 0.16], [0.55, 0.15, 0.15, 0.0, 0.15]], dtype=DOUBLE)
    # The margin to the second token is larger in `clear`, the entropy is smaller in `close`.
    p = torch.stack([close, clear], dim=1)
    result = submission.unmask_step(torch.full((2, 2), mask_id), (p + 1e-6).log(), torch.tensor([1, 1]), mask_id)
    assert_equal(result, torch.tensor([[0, mask_id], [mask_id, 0]]), name="tokens")
