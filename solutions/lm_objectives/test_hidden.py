"""The objectives against loops over plain Python numbers."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

MASK = 103


def draw_mlm(rng, B, T):
    """input_ids, special_mask, select_u, action_u, random_ids (B, T); random and original ids do not overlap."""
    return (
        rng.randint(200, 900, (B, T)),
        rng.rand(B, T) < 0.2,
        0.8 * rng.rand(B, T),  # so that p = 0.15 chooses enough
        rng.rand(B, T),
        rng.randint(1000, 1900, (B, T)),
    )


def corrupt(ids, special, u, a, random_ids, p, ignored):
    """Corrupted ids and labels (B, T), token by token."""
    corrupted, labels = ids.clone(), torch.full_like(ids, ignored)
    for b in range(ids.shape[0]):
        for t in range(ids.shape[1]):
            if special[b, t] or u[b, t].item() >= p:
                continue
            labels[b, t] = ids[b, t]
            if a[b, t].item() < 0.8:
                corrupted[b, t] = MASK
            elif a[b, t].item() < 0.9:
                corrupted[b, t] = random_ids[b, t]
    return corrupted, labels


def cross_entropy(logits, label):
    """-log softmax(logits)[label] of a list of numbers."""
    top = max(logits)
    return top + math.log(sum(math.exp(logit - top) for logit in logits)) - logits[label]


def mean_loss(logits, labels, shift=0, ignored=-100):
    """The mean over all labels of the batch of logits at t against the label at t + shift, float64."""
    losses = [
        cross_entropy(logits[b, t].tolist(), int(labels[b, t + shift]))
        for b in range(labels.shape[0])
        for t in range(labels.shape[1] - shift)
        if labels[b, t + shift] != ignored
    ]
    return torch.tensor(sum(losses) / len(losses), dtype=torch.float64)


def draw_loss(rng, ignored=-100):
    """logits (B, T, V) and labels (B, T); the first sequence has few labels and the others have many."""
    B, T, V = rng.sizes(3, low=4)
    labels = rng.randint(1, V, (B, T))
    labels[2] = 0  # a token like any other, unless it is what is ignored
    hidden = rng.rand(B, T) < 0.25
    hidden[0] = True
    hidden[:, 0] = False  # a first label everywhere: it counts for MLM, and not for CLM
    hidden[:, T - 1] = False
    return rng.randn(B, T, V), labels.masked_fill(hidden, ignored)


@points(3)
def test_corrupt(submission, rng):
    """both tensors, at p = 0.15 and at p = 0.4"""
    B, T = rng.sizes(2, low=5, high=12)
    ids, special, u, a, random_ids = draw_mlm(rng, B, T)
    u[:, :3] = 0.1 * rng.rand(B, 3)  # all three actions occur
    a[:, :3] = torch.tensor([0.4, 0.85, 0.95])
    special[:, :2] = torch.tensor([False, True])
    special[0, :3] = False
    inputs = ids, special, u, a, random_ids
    assert_equal(submission.mlm_corrupt(*inputs, MASK), corrupt(*inputs, 0.15, -100))
    result = submission.mlm_corrupt(*inputs, MASK, mlm_probability=0.4, ignore_index=-1)
    assert_equal(result, corrupt(*inputs, 0.4, -1))


@points(2)
@needs(test_public.test_example_mlm)
def test_boundaries(submission, rng):
    """u = p not chosen; a = 0.8 random, 0.9 kept"""
    a = torch.tensor([[0.8, 0.9, 0.0, 0.8, 0.8 - 1e-9, 0.9 - 1e-9]], dtype=torch.float64)
    u = torch.tensor([[0.0, 0.1, 0.15, 0.15 - 1e-9, 0.1, 0.1]], dtype=torch.float64)
    ids, _, _, _, random_ids = draw_mlm(rng, 1, 6)
    special = torch.zeros(1, 6, dtype=torch.bool)
    x, r = ids[0].tolist(), random_ids[0].tolist()
    corrupted = torch.tensor([[r[0], x[1], x[2], r[3], MASK, r[5]]])
    labels = torch.tensor([[x[0], x[1], -100, x[3], x[4], x[5]]])
    assert_equal(submission.mlm_corrupt(ids, special, u, a, random_ids, MASK), (corrupted, labels))


@points(2)
@needs(test_public.test_example_mlm)
def test_special(submission, rng):
    """special tokens are never chosen, at any draw"""
    B, T = rng.sizes(2, low=3)
    ids, special, u, a, random_ids = draw_mlm(rng, B, T)
    special[:, 1], special[1] = True, True
    special[0, 0] = False
    corrupted, labels = submission.mlm_corrupt(ids, special, 0 * u, a, random_ids, MASK)
    assert_equal(labels, torch.where(special, -100, ids), name="labels")
    assert_equal(corrupted[special], ids[special], name="special tokens")


@points(2)
@needs(test_public.test_example_mlm)
def test_proportions(submission, rng):
    """of 20000 tokens 15 %; of those 80, 10, 10 %"""
    B, T = 100, 200
    n = B * T
    ids = rng.randint(200, 900, (B, T))
    even = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    u, a = even[rng.randperm(n)].view(B, T), even[rng.randperm(n)].view(B, T)
    special = torch.zeros(B, T, dtype=torch.bool)
    corrupted, labels = submission.mlm_corrupt(ids, special, u, a, ids + 1000, MASK)
    assert_equal(int((labels >= 0).sum()), 3000, name="tokens chosen")
    # 3000 draws of a chance q: a standard deviation of at most 0.0073, and six of them
    for kind, share in ((corrupted == MASK, 0.8), (corrupted >= 1000, 0.1), ((labels == corrupted), 0.1)):
        assert_close(kind.sum().item() / 3000, share, rtol=0.0, atol=0.044, name="share of the chosen")


@points(3)
def test_mlm_loss(submission, rng):
    """the mean over all labels of the batch"""
    logits, labels = draw_loss(rng)
    expected = mean_loss(logits, labels)
    assert_close(submission.mlm_loss(logits, labels), expected, name="loss")
    # float32 logits of size 3 carry an error of about 2e-7 each
    assert_close(submission.mlm_loss(logits.float(), labels), expected.float(), atol=2e-6, name="loss")
    for ignored in (-1, 0, 1000):  # 1000 is no token: V is smaller
        logits, labels = draw_loss(rng, ignored)
        result = submission.mlm_loss(logits, labels, ignore_index=ignored)
        assert_close(result, mean_loss(logits, labels, ignored=ignored), name="loss")
    single = torch.full_like(labels, -100)
    single[1, 2] = 3
    assert_close(submission.mlm_loss(logits, single), mean_loss(logits, single), name="loss of a single label")


@points(3)
def test_clm_loss(submission, rng):
    """logits at t against the label at t + 1"""
    logits, labels = draw_loss(rng)
    expected = mean_loss(logits, labels, shift=1)
    assert_close(submission.clm_loss(logits, labels), expected, name="loss")
    # float32 logits of size 3 carry an error of about 2e-7 each
    assert_close(submission.clm_loss(logits.float(), labels), expected.float(), atol=2e-6, name="loss")
    for ignored in (-1, 0, 1000):  # 1000 is no token: V is smaller
        logits, labels = draw_loss(rng, ignored)
        result = submission.clm_loss(logits, labels, ignore_index=ignored)
        assert_close(result, mean_loss(logits, labels, shift=1, ignored=ignored), name="loss")
    single = torch.full_like(labels, -100)
    single[1, 2] = 3
    assert_close(submission.clm_loss(logits, single), mean_loss(logits, single, shift=1), name="loss of a single label")


@points(2)
@needs(test_public.test_example_losses)
def test_ends(submission, rng):
    """last logits and first labels do not matter"""
    logits, labels = draw_loss(rng)
    loss = submission.clm_loss(logits, labels)
    V = logits.shape[-1]
    other, relabelled = logits.clone(), labels.clone()
    other[:, -1] = rng.randn(V)
    relabelled[:, 0] = (labels[:, 0] + 1) % V
    assert_close(submission.clm_loss(other, labels), loss, name="loss with other last logits")
    assert_close(submission.clm_loss(logits, relabelled), loss, name="loss with other first labels")
    relabelled[:, 0] = -100
    assert_close(submission.clm_loss(logits, relabelled), loss, name="loss without first labels")


@points(2)
def test_uniform(submission, rng):
    """equal logits cost ln V"""
    B, T, V = rng.sizes(3, low=3, high=40)
    logits, labels = rng.randn(B, T, 1).expand(B, T, V).contiguous(), rng.randint(0, V, (B, T))
    expected = torch.tensor(math.log(V), dtype=torch.float64)
    assert_close(submission.mlm_loss(logits, labels), expected, name="loss")
    assert_close(submission.clm_loss(logits, labels), expected, name="loss")
    one, labels = logits[..., :1].contiguous(), torch.zeros_like(labels)
    labels[0, 1] = -100
    nothing = torch.tensor(0.0, dtype=torch.float64)
    assert_close(submission.mlm_loss(one, labels), nothing, name="loss in a vocabulary of one token")
    assert_close(submission.clm_loss(one, labels), nothing, name="loss in a vocabulary of one token")


@points(2)
@needs(test_public.test_example_losses)
def test_no_labels(submission, rng):
    """a loss of 0 whose gradients are 0"""
    B, T, V = rng.sizes(3, low=3)
    none = torch.full((B, T), -100)
    first_only = none.clone()
    first_only[:, 0] = rng.randint(0, V, (B,))
    for loss_of, labels in (
        (submission.mlm_loss, none),
        (submission.clm_loss, none),
        (submission.clm_loss, first_only),
    ):
        logits = rng.randn(B, T, V).requires_grad_()
        loss = loss_of(logits, labels)
        assert_close(loss, torch.tensor(0.0, dtype=torch.float64), name="loss without labels")
        assert loss.requires_grad, "Without labels backward() fails: the loss does not come from the logits."
        loss.backward()
        assert logits.grad is not None, (
            "Without labels your loss is a new 0 that asks for a gradient itself: backward() runs, and the logits get "
            "none. How can the 0 be computed from the logits?"
        )
        assert_equal(logits.grad, torch.zeros(B, T, V, dtype=torch.float64), name="gradient of logits")


@points(2)
@needs(test_public.test_example_losses)
def test_large_logits(submission, rng):
    """logits of 10000 give a finite loss"""
    logits, labels = draw_loss(rng)
    shifted = submission.mlm_loss(logits + 1e4, labels)
    # a sum of 1e4 and a logit keeps an error of 1e-12
    assert_close(shifted, mean_loss(logits, labels), rtol=0.0, atol=1e-8, name="loss with 10000 added")
    expected = mean_loss(1e4 * logits, labels), mean_loss(1e4 * logits, labels, shift=1)
    assert_close(submission.mlm_loss(1e4 * logits, labels), expected[0], name="loss")
    assert_close(submission.clm_loss(1e4 * logits, labels), expected[1], name="loss")


@points(2)
@needs(test_public.test_example_losses)
def test_short(submission, rng):
    """two positions work; ValueError for one"""
    B, V = rng.sizes(2, low=3)
    logits, labels = rng.randn(B, 2, V), rng.randint(0, V, (B, 2))
    assert_close(submission.clm_loss(logits, labels), mean_loss(logits, labels, shift=1), name="loss")
    for T in (1, 0):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.clm_loss(logits[:, :T], labels[:, :T])


@points(2)
@needs(test_mlm_loss, test_clm_loss)
def test_gradient(submission, rng):
    """(softmax - one-hot) / n, 0 without a label"""
    logits, labels = draw_loss(rng)
    B, T, V = logits.shape
    for loss_of, shift in ((submission.mlm_loss, 0), (submission.clm_loss, 1)):
        kept = [(b, t) for b in range(B) for t in range(T - shift) if labels[b, t + shift] >= 0]
        expected = torch.zeros(B, T, V, dtype=torch.float64)
        for b, t in kept:
            e = torch.exp(logits[b, t])
            expected[b, t] = e / e.sum() / len(kept)
            expected[b, t, labels[b, t + shift]] -= 1 / len(kept)
        x = logits.clone().requires_grad_()
        loss = loss_of(x, labels)
        assert loss.requires_grad, "No gradient leads from the loss to the logits: something was detached."
        loss.backward()
        assert_close(x.grad, expected, name="gradient of logits")


def draw_spans(rng, ids):
    """Two to four spans in random order that do not touch; the text is at least 12 long."""
    n = len(ids)
    count = int(rng.randint(2, 5, (1,)))
    edges = sorted(rng.randperm(n + 1)[: 2 * count].tolist())  # pairwise different: spans do not touch
    spans = [(edges[2 * i], edges[2 * i + 1] - edges[2 * i]) for i in range(count)]
    return [spans[i] for i in rng.randperm(count).tolist()]


@points(2)
@needs(test_public.test_example_spans)
def test_spans(submission, rng):
    """any length, in any order, also at the ends"""
    for n in rng.sizes(4, low=12, high=30):
        ids = rng.randint(0, 20000, (n,)).tolist()
        spans = draw_spans(rng, ids)
        span_at = {t: i for i, (start, length) in enumerate(sorted(spans)) for t in range(start, start + length)}
        text, target = [], []
        for t, token in enumerate(ids):
            sentinel = 32099 - span_at.get(t, 0)
            if t in span_at and span_at.get(t - 1) != span_at[t]:
                text.append(sentinel)
                target.append(sentinel)
            (target if t in span_at else text).append(token)
        target.append(32099 - len(spans))
        result = submission.span_corruption(ids, spans, 32099)
        assert_equal([list(part) for part in result], [text, target], name="input and target")
        backwards = submission.span_corruption(ids, sorted(spans, reverse=True), 32099)
        assert_equal([list(part) for part in backwards], [text, target], name="input and target")
    ends = submission.span_corruption([5, 6, 7, 8], [(3, 1), (0, 2)], 99)
    assert_equal([list(part) for part in ends], [[99, 7, 98], [99, 5, 6, 98, 8, 97]], name="input and target")
    whole = submission.span_corruption([5, 6, 7], [(0, 3)], 99)
    assert_equal([list(part) for part in whole], [[99], [99, 5, 6, 7, 98]], name="input and target")


@points(2)
@needs(test_public.test_example_spans)
def test_invertible(submission, rng):
    """input and target give the text back"""
    for n in rng.sizes(3, low=12, high=30):
        ids = rng.randint(0, 20000, (n,)).tolist()
        spans = draw_spans(rng, ids)
        text, target = (list(part) for part in submission.span_corruption(ids, spans, 32099))
        assert_equal(len(text) + len(target), n + 2 * len(spans) + 1, name="length of both together")
        pieces, sentinel = {}, None
        for token in target:
            if token > 20000:
                sentinel = token
                pieces[sentinel] = []
            else:
                assert sentinel is not None, "The target begins with a sentinel."
                pieces[sentinel].append(token)
        back = [word for token in text for word in pieces.get(token, [token])]
        assert_equal(back, ids, name="text put together again")
    nothing = submission.span_corruption(ids, [], 32099)
    assert_equal([list(part) for part in nothing], [ids, [32099]], name="input and target without spans")


@points(2)
@needs(test_public.test_example_spans)
def test_bad_spans(submission):
    """a gap of 1 works; ValueError for bad spans"""
    ids = [11, 12, 13, 14, 15, 16]
    apart = submission.span_corruption(ids, [(1, 2), (4, 2)], 99)
    assert_equal([list(part) for part in apart], [[11, 99, 14, 98], [99, 12, 13, 98, 15, 16, 97]], name="result")
    bad = {
        "empty": [(2, 0)],
        "of negative length": [(3, -1)],
        "touching": [(1, 2), (3, 1)],
        "overlapping": [(3, 3), (1, 3)],
        "twice the same": [(1, 2), (1, 2)],
        "inside another": [(0, 5), (2, 1)],
        "too long": [(4, 3)],
        "behind the end": [(6, 1)],
        "before the start": [(-2, 1)],
    }
    for spans in bad.values():
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.span_corruption(ids, spans, 99)
