"""The matrix and the chunks against the recurrence, head by head and token by token."""

import math

import test_public
import torch

from grader.testing import assert_close, needs, points

INF = float("inf")


def draw(rng, Bt, T, H, P, N):
    """x, a, B, C with -1.5 < a < -0.1."""
    return rng.randn(Bt, T, H, P), -0.1 - 1.4 * rng.rand(Bt, T, H), rng.randn(Bt, T, H, N), rng.randn(Bt, T, H, N)


def recurrence(x, a, B, C, h0=None):
    """y (Bt, T, H, P) and the last state (Bt, H, P, N)."""
    (Bt, T, H, P), N = x.shape, B.shape[-1]
    ys, hs = [], []
    for b in range(Bt):
        for head in range(H):
            h = x.new_zeros(P, N) if h0 is None else h0[b, head]
            for t in range(T):
                h = h * torch.exp(a[b, t, head]) + torch.outer(x[b, t, head], B[b, t, head])
                ys.append(h @ C[b, t, head])
            hs.append(h)
    return torch.stack(ys).view(Bt, H, T, P).transpose(1, 2), torch.stack(hs).view(Bt, H, P, N)


def segments(a):
    """The segment sums of the rows of a (R, T), each added up by itself, float64 (R, T, T)."""
    T = a.shape[-1]

    def table(row):
        return [[math.fsum(row[s + 1 : t + 1]) if s <= t else -INF for s in range(T)] for t in range(T)]

    return torch.tensor([table(row) for row in a.tolist()], dtype=torch.float64)


@points(4)
@needs(test_public.test_example_segsum)
def test_segsum(submission, rng):
    """any leading dimensions, one number too"""
    Bt, H, T = rng.sizes(3)
    a = rng.randn(Bt, H, T)
    expected = segments(a.flatten(0, 1)).view(Bt, H, T, T)
    assert_close(submission.segsum(a), expected)
    assert_close(submission.segsum(a[0, 0]), expected[0, 0])
    assert_close(submission.segsum(a[..., :1]), torch.zeros(Bt, H, 1, 1, dtype=torch.float64))


@points(4)
@needs(test_segsum)
def test_segsum_is_exact(submission, rng):
    """float32: small sums after many steps of -50"""
    T = 200
    a = torch.cat([-50 * torch.ones(T - 20), -0.01 - rng.rand(20, dtype=torch.float32)])
    expected = segments(a[None])[0].float()
    # 200 additions in float32, each off by at most 2^-24 of the sum
    assert_close(submission.segsum(a), expected, rtol=T * 2**-24, atol=0.0)


@points(9)
@needs(test_public.test_example_segsum)
def test_quadratic(submission, rng):
    """the matrix gives what the recurrence gives"""
    Bt, T, H, P, N = rng.sizes(5, high=7)
    inputs = draw(rng, Bt, T, H, P, N)
    assert_close(submission.ssd_quadratic(*inputs), recurrence(*inputs)[0])
    inputs = [tensor[:, :1] for tensor in inputs]
    assert_close(submission.ssd_quadratic(*inputs), recurrence(*inputs)[0], name="y of one token")


@points(4)
@needs(test_public.test_example_segsum)
def test_no_decay(submission, rng):
    """a = 0: causal attention without softmax"""
    Bt, T, H, P, N = 2, 6, 3, 4, 5
    x, a, B, C = draw(rng, Bt, T, H, P, N)
    a = torch.zeros_like(a)
    weights = torch.tensor([[float(s <= t) for s in range(T)] for t in range(T)], dtype=torch.float64)
    expected = torch.einsum("ts,bthn,bshn,bshp->bthp", weights, C, B, x)
    assert_close(submission.ssd_quadratic(x, a, B, C), expected)
    y, h = submission.ssd_chunked(x, a, B, C, chunk=2)
    assert_close(y, expected, name="y")
    assert_close(h, torch.einsum("bshp,bshn->bhpn", x, B), name="h")


@points(13)
@needs(test_public.test_example_segsum)
def test_chunked(submission, rng):
    """chunks of 1 to T tokens give the same"""
    Bt, T, H, P, N = 2, 12, 3, 4, 5
    inputs = draw(rng, Bt, T, H, P, N)
    y, h = recurrence(*inputs)
    for chunk in (T, 6, 1, 4, 3, 2):
        found, last = submission.ssd_chunked(*inputs, chunk)
        assert_close(found, y, name=f"y, chunk = {chunk}")
        assert_close(last, h, name=f"h, chunk = {chunk}")
    single = [tensor.float() for tensor in inputs]
    # float32: sums of at most 12 terms of size 10, which may cancel
    assert_close(submission.ssd_chunked(*single, 4), (y.float(), h.float()), rtol=1e-5, atol=1e-4)


@points(4)
@needs(test_chunked)
def test_initial_state(submission, rng):
    """h0 decays and is read; two halves make a whole"""
    Bt, T, H, P, N = 3, 12, 2, 4, 5
    inputs, h0 = draw(rng, Bt, T, H, P, N), rng.randn(Bt, H, P, N)
    expected = recurrence(*inputs, h0)
    assert_close(submission.ssd_chunked(*inputs, 2, h0), expected)
    first, second = ([tensor[:, part] for tensor in inputs] for part in (slice(0, 4), slice(4, T)))
    y1, h = submission.ssd_chunked(*first, 4, h0)
    y2, h = submission.ssd_chunked(*second, 2, h)
    assert_close((torch.cat([y1, y2], dim=1), h), expected, name="both halves")


@points(4)
@needs(test_public.test_example_segsum)
def test_resets(submission, rng):
    """a = -inf clears the state, and nothing is NaN"""
    Bt, T, H, P, N = 2, 12, 3, 4, 5
    x, a, B, C = draw(rng, Bt, T, H, P, N)
    a[0, 5, 1] = a[1, 2, 0] = a[1, 3, 0] = a[1, 8, 2] = a[0, 0, 2] = -INF
    a = a.clone()
    assert_close(submission.segsum(a[1].T), segments(a[1].T))
    y, h = recurrence(x, a, B, C)
    assert_close(submission.ssd_quadratic(x, a, B, C), y)
    for chunk in (4, 3):
        assert_close(submission.ssd_chunked(x, a, B, C, chunk), (y, h))


@points(4)
@needs(test_chunked)
def test_gradients(submission, rng):
    """of y and of the last state, for every argument"""
    Bt, T, H, P, N = 2, 6, 1, 3, 4
    tensors = *draw(rng, Bt, T, H, P, N), rng.randn(Bt, H, P, N)
    gy, gh = rng.randn(Bt, T, H, P), rng.randn(Bt, H, P, N)

    def gradients(y, h, leaves):
        ((y * gy).sum() + (h * gh).sum()).backward()
        return tuple(torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves)

    *inputs, h0 = leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    expected = gradients(*recurrence(*inputs, h0), leaves)
    *inputs, h0 = leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    y, h = submission.ssd_chunked(*inputs, 3, h0)
    assert y.requires_grad, "No gradient leads from y to the arguments: something was detached."
    assert h.requires_grad, "No gradient leads from the last state to the arguments: something was detached."
    assert_close(gradients(y, h, leaves), expected, name="gradients of x, a, B, C, h0")

    inputs = [tensor.clone().requires_grad_() for tensor in tensors[:4]]
    expected = gradients(recurrence(*inputs)[0], torch.zeros(()), inputs)
    inputs = [tensor.clone().requires_grad_() for tensor in tensors[:4]]
    y = submission.ssd_quadratic(*inputs)
    assert y.requires_grad, "No gradient leads from y to the arguments: something was detached."
    assert_close(gradients(y, torch.zeros(()), inputs), expected, name="gradients of x, a, B, C")

    steps, weights = rng.randn(T).requires_grad_(), rng.randn(T, T).tril(-1)
    sums = submission.segsum(steps)
    assert sums.requires_grad, "No gradient leads from segsum(a) to a: something was detached."
    (sums.masked_fill(sums == -INF, 0.0) * weights).sum().backward()
    # step r is in all segments that begin before r and end at r or later
    expected = torch.stack([weights[r:, :r].sum() for r in range(T)])
    assert_close(steps.grad, expected, name="gradient of segsum's a")


@points(4)
@needs(test_chunked)
def test_cost(submission, rng):
    """8192 tokens in chunks of 16, in 512 MiB"""
    T = 8192
    x, a, B, C = draw(rng, 1, T, 1, 1, 1)
    h, ys = 0.0, []
    for x_t, a_t, B_t, C_t in zip(*(tensor.flatten().tolist() for tensor in (x, a, B, C)), strict=True):
        h = math.exp(a_t) * h + x_t * B_t
        ys.append(h * C_t)
    y, last = submission.ssd_chunked(x, a, B, C, 16)
    assert_close(y.flatten(), torch.tensor(ys, dtype=torch.float64), name="y")
    assert_close(last.flatten(), torch.tensor([h], dtype=torch.float64), name="h")
