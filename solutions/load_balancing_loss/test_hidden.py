"""Both losses against counting and exponentials of plain Python numbers."""

import math
from itertools import product

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

SHARES = {"rtol": 1e-6, "atol": 1e-6}  # f is a count divided by a count, which is float32 in torch: 6e-8 off


def distinct_logits(rng, *shape):
    """Logits (*shape), those of a token at least 0.1 apart, so that rounding cannot change the choice."""
    place = rng.rand(*shape).argsort(-1)  # a permutation of 0 .. E-1 for every token
    spread = 1 + rng.rand(*shape[:-1], 1)
    return spread * (0.4 * (place - shape[-1] / 2) + 0.3 * rng.rand(*shape)) + rng.randn(*shape[:-1], 1)


def some(rng, *shape):
    """A bool mask with a True and a False in every row."""
    order = rng.rand(*shape).argsort(-1)
    return (order > 0) & ((rng.rand(*shape) < 0.6) | (order == 1))


def shares(tokens, k):
    """f and p (E,), float64, of the tokens (n, E)."""
    rows = tokens.tolist()
    E = tokens.shape[-1]
    counts, probabilities = [0] * E, [0.0] * E
    for row in rows:
        for e in sorted(range(E), key=row.__getitem__, reverse=True)[:k]:
            counts[e] += 1
        exponentials = [math.exp(value - max(row)) for value in row]
        for e in range(E):
            probabilities[e] += exponentials[e] / sum(exponentials)
    return torch.tensor([[c / len(rows) for c in numbers] for numbers in (counts, probabilities)], dtype=torch.float64)


def balance(tokens, k):
    f, P = shares(tokens, k)
    return tokens.shape[-1] * f.dot(P)


def z_of(row):
    return max(row) + math.log(sum(math.exp(value - max(row)) for value in row))


def z_loss(tokens):
    return torch.tensor(sum(z_of(row) ** 2 for row in tokens.tolist()) / len(tokens), dtype=torch.float64)


@points(2)
@needs(test_public.test_example)
def test_one_choice(submission, rng):
    """k = 1, one pool of T tokens"""
    E = 5
    for T, bounds in ((11, SHARES), (8, {}), (16, {}), (32, {})):  # of 8 tokens each share is exact, in float32 too
        logits = distinct_logits(rng, T, E)
        assert_close(submission.load_balancing_loss(logits, 1), balance(logits, 1), **bounds)


@points(5)
@needs(test_public.test_example)
def test_every_k(submission, rng):
    """2, 3 and all experts for each token"""
    T, E = 11, 5
    logits = distinct_logits(rng, T, E)
    for k in (2, 3, E):
        assert_close(submission.load_balancing_loss(logits, k), balance(logits, k), **SHARES)
    for far in (1e4 * logits, 1e4 * distinct_logits(rng, 32, E), 1e4 * distinct_logits(rng, 32, E)):
        # All probabilities but one are 0, and the second choice is the second all the same. A wrong second choice can
        # give the right loss by chance, but hardly three times.
        assert_close(submission.load_balancing_loss(far, 2), balance(far, 2), **SHARES)


@points(2)
@needs(test_public.test_example)
def test_even_use(submission, rng):
    """every expert as busy as the others: k"""
    E = 6
    first = distinct_logits(rng, 1, E)[0]
    logits = torch.stack([first.roll(e) for e in range(E)])
    for k in (1, 2, 4):
        assert_close(submission.load_balancing_loss(logits, k), torch.tensor(float(k), dtype=torch.float64), **SHARES)


@points(2)
@needs(test_public.test_example)
def test_collapse(submission, rng):
    """one expert has everything, by logits of 1000: E"""
    T, E = 11, 5
    logits = distinct_logits(rng, T, E)
    logits[:, 3] += 1000.0
    expected = torch.tensor(float(E), dtype=torch.float64)
    for k in (1, 3):
        assert_close(submission.load_balancing_loss(logits, k), expected, **SHARES)
        assert_close(submission.load_balancing_loss(logits - 2000.0, k), expected, **SHARES)


@points(5)
@needs(test_public.test_example_mask)
def test_padding(submission, rng):
    """a mask leaves what its tokens alone would give"""
    B, T, E, k = 3, 7, 5, 2
    logits, mask = distinct_logits(rng, B, T, E), some(rng, B, T)
    expected = balance(logits[mask], k)
    for form in (mask, mask.long(), mask.double()):
        assert_close(submission.load_balancing_loss(logits, k, form), expected, **SHARES)


@points(2)
@needs(test_public.test_example)
def test_layers(submission, rng):
    """the tokens of all layers are one pool"""
    L, B, T, E, k = 4, 2, 3, 5, 2
    logits = distinct_logits(rng, L, B, T, E)
    assert_close(submission.load_balancing_loss(logits, k), balance(logits.view(-1, E), k), **SHARES)
    first = logits[:, 0].contiguous()
    assert_close(submission.load_balancing_loss(first, k), balance(first.view(-1, E), k), **SHARES)


@points(2)
@needs(test_public.test_example_mask)
def test_one_mask_for_all_layers(submission, rng):
    """(B, T), (T,) and (B, 1) serve every layer"""
    L, B, T, E, k = 4, 2, 6, 5, 3
    logits, mask = distinct_logits(rng, L, B, T, E), some(rng, B, T)
    assert_close(submission.load_balancing_loss(logits, k, mask), balance(logits[:, mask].view(-1, E), k), **SHARES)
    first = logits[:, 0].contiguous()
    of_first_text = balance(first[:, mask[0]].view(-1, E), k)
    assert_close(submission.load_balancing_loss(first, k, mask[0]), of_first_text, **SHARES)
    of_second_text = balance(logits[:, 1].reshape(-1, E), k)
    texts = torch.tensor([[False], [True]])
    assert_close(submission.load_balancing_loss(logits, k, texts), of_second_text, **SHARES)
    mask = some(rng, L, B, T)
    assert_close(submission.load_balancing_loss(logits, k, mask), balance(logits[mask], k), **SHARES)


@points(4)
@needs(test_public.test_example)
def test_gradient(submission, rng):
    """through p: busy experts become less probable"""
    B, T, E, k = 3, 7, 5, 2
    logits, mask = distinct_logits(rng, B, T, E), some(rng, B, T)
    for keep in (None, mask):
        leaf = logits.clone().requires_grad_()
        loss = submission.load_balancing_loss(leaf, k, keep)
        assert loss.requires_grad, "No gradient leads from the loss to the logits: something was detached."
        loss.backward()
        real = torch.ones(B, T, dtype=torch.bool) if keep is None else keep
        f, _ = shares(logits[real], k)
        p = logits.exp() / logits.exp().sum(-1, keepdim=True)
        expected = E / int(real.sum()) * p * (f - (p * f).sum(-1, keepdim=True)) * real[..., None]  # E/n p (f - p.f)
        assert_close(leaf.grad, expected, **SHARES, name="gradient of logits")


@points(2)
@needs(test_public.test_example_z)
def test_z_loss(submission, rng):
    """the mean of squares, over all leading dimensions"""
    L, T, E = 4, 7, 5
    logits = rng.randn(L, T, E)
    assert_close(submission.router_z_loss(logits), z_loss(logits.view(-1, E)))
    assert_close(submission.router_z_loss(logits[0]), z_loss(logits[0]))


@points(2)
@needs(test_public.test_example_z)
def test_z_padding(submission, rng):
    """no padding; a mask for all layers or for each"""
    L, B, T, E = 4, 2, 6, 5
    logits, mask = rng.randn(L, B, T, E), some(rng, B, T)
    for form in (mask, mask.long(), mask.double()):
        assert_close(submission.router_z_loss(logits[0], form), z_loss(logits[0][mask]))
    assert_close(submission.router_z_loss(logits, mask), z_loss(logits[:, mask].view(-1, E)))
    first = logits[:, 0].contiguous()
    assert_close(submission.router_z_loss(first, mask[0]), z_loss(first[:, mask[0]].view(-1, E)))
    texts = torch.tensor([[False], [True]])
    assert_close(submission.router_z_loss(logits, texts), z_loss(logits[:, 1].reshape(-1, E)))
    mask = some(rng, L, B, T)
    mask[0] = False
    mask[0, 0, 0] = True  # the first layer has one real token, and the others have more
    assert_close(submission.router_z_loss(logits, mask), z_loss(logits[mask]))


@points(2)
@needs(test_public.test_example_z)
def test_z_of_large_logits(submission, rng):
    """logits of 1000 and -1000, and the gradient"""
    T, E = 7, 5
    logits = rng.randn(T, E)
    logits[::2] += 1000.0
    logits[1::2] -= 1000.0
    logits.requires_grad_()
    loss = submission.router_z_loss(logits)
    assert_close(loss, z_loss(logits.detach()))
    assert loss.requires_grad, "No gradient leads from the loss to the logits: something was detached."
    loss.backward()
    expected = [[2 / T * z_of(row) * math.exp(value - z_of(row)) for value in row] for row in logits.detach().tolist()]
    assert_close(logits.grad, torch.tensor(expected, dtype=torch.float64), name="gradient of logits")  # 2/T z p


@points(2)
@needs(test_public.test_example, test_public.test_example_z)
def test_half_precision(submission, rng):
    """bfloat16 and float16 are computed in float32"""
    E, k = 7, 2
    for T, dtype in product((1, 2, 3, 5, 600), (torch.bfloat16, torch.float16)):  # 8 bits count to 256
        logits = distinct_logits(rng, T, E).to(dtype)
        loss, z = submission.load_balancing_loss(logits, k), submission.router_z_loss(logits)
        assert_equal(loss.dtype, torch.float32, name="dtype of the loss")
        assert_equal(z.dtype, torch.float32, name="dtype of the z-loss")
        # float32: sums of 600 numbers below 1, and of 600 squares of size 10
        assert_close(loss, balance(logits.double(), k).float(), name="loss")
        assert_close(z, z_loss(logits.double()).float(), name="z-loss")


@points(2)
@needs(test_public.test_example_mask, test_public.test_example_z)
def test_nothing_real(submission, rng):
    """all padding: 0, and gradients of 0"""
    B, T, E, k = 3, 7, 5, 2
    mask = torch.zeros(B, T, dtype=torch.bool)
    zero = torch.tensor(0.0, dtype=torch.float64)
    leaf = distinct_logits(rng, B, T, E).requires_grad_()
    for loss in (submission.load_balancing_loss(leaf, k, mask), submission.router_z_loss(leaf, mask)):
        assert_close(loss, zero, name="loss")
        if loss.requires_grad:
            (gradient,) = torch.autograd.grad(loss, leaf, allow_unused=True)
            gradient = torch.zeros_like(leaf) if gradient is None else gradient
            assert_close(gradient, torch.zeros_like(leaf), name="gradient of logits")
    half = leaf.detach().half()
    for loss in (submission.load_balancing_loss(half, k, mask), submission.router_z_loss(half, mask)):
        assert_equal(loss.dtype, torch.float32, name="dtype of the loss of half precision")
