"""Both forms against plain numbers, against each other, and on a long text."""

from functools import partial

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def draw(rng, Ch, N):
    """A, B, C with 0.3 < |A| < 0.9, of both signs."""
    A = 0.3 + 0.6 * rng.rand(Ch, N)
    A[:, ::2] *= -1
    return A, rng.randn(Ch, N), rng.randn(Ch, N)


def loops(A, B, C, x, h0=None):
    """y (Bt, Ch, T) and the last state (Bt, Ch, N), float64, number by number."""
    (Bt, Ch, T), N = x.shape, A.shape[1]
    y, h = torch.zeros(Bt, Ch, T, dtype=torch.float64), torch.zeros(Bt, Ch, N, dtype=torch.float64)
    A, B, C, x = (tensor.tolist() for tensor in (A, B, C, x))
    for b in range(Bt):
        for c in range(Ch):
            for n in range(N):
                state = 0.0 if h0 is None else float(h0[b, c, n])
                for t in range(T):
                    state = A[c][n] * state + B[c][n] * x[b][c][t]
                    y[b, c, t] += C[c][n] * state
                h[b, c, n] = state
    return y, h


def powers(A, B, C, length):
    """K (Ch, length), float64, number by number."""
    channels = zip(A.tolist(), B.tolist(), C.tolist(), strict=True)
    kernel = [[sum(c * a**j * b for a, b, c in zip(*abc, strict=True)) for j in range(length)] for abc in channels]
    return torch.tensor(kernel, dtype=torch.float64)


def all_pairs(x, kernel):
    """The causal convolution in T² products, float64."""
    y = torch.zeros(x.shape, dtype=torch.float64)
    for t in range(x.shape[-1]):
        for s in range(t + 1):
            y[..., t] += kernel[:, t - s] * x[..., s]
    return y


def impulse(Bt, Ch, T, t):
    """1 at token t of every channel."""
    x = torch.zeros(Bt, Ch, T, dtype=torch.float64)
    x[..., t] = 1.0
    return x


@points(4)
@needs(test_public.test_shape)
def test_recurrence(submission, rng):
    """y and the last state, without options"""
    Bt, Ch, N, T = rng.sizes(4)
    A, B, C = draw(rng, Ch, N)
    x = rng.randn(Bt, Ch, T)
    assert_close(submission.ssm_recurrence(A, B, C, x), loops(A, B, C, x))

    single = [tensor.float() for tensor in (A, B, C, x)]
    y, h = loops(*single)
    # float32: sums of up to 8 terms of size 10, which may cancel
    assert_close(submission.ssm_recurrence(*single), (y.float(), h.float()), rtol=1e-5, atol=1e-4)


@points(4)
@needs(test_public.test_shape)
def test_continues(submission, rng):
    """h0 decays and is read; two pieces make a whole"""
    Bt, Ch, N, T = rng.sizes(4, low=3, high=8)
    A, B, C = draw(rng, Ch, N)
    x, D, h0 = rng.randn(Bt, Ch, T), rng.randn(Ch), rng.randn(Bt, Ch, N)
    assert_close(submission.ssm_recurrence(A, B, C, x, h0=h0), loops(A, B, C, x, h0))

    whole = submission.ssm_recurrence(A, B, C, x, D, h0)
    for cut in range(1, T):
        y1, h = submission.ssm_recurrence(A, B, C, x[..., :cut], D, h0)
        y2, h = submission.ssm_recurrence(A, B, C, x[..., cut:], D, h)
        assert_close((torch.cat([y1, y2], dim=-1), h), whole, name="both pieces")


@points(3)
@needs(test_public.test_shape)
def test_kernel(submission, rng):
    """K_0 is C · B; A of any sign, and 0"""
    Ch, N, length = rng.sizes(3)
    A, B, C = draw(rng, Ch, N)
    assert_close(submission.ssm_kernel(A, B, C, length), powers(A, B, C, length))
    assert_close(submission.ssm_kernel(A, B, C, 1), powers(A, B, C, 1))
    A[0, 0], A[1, 1], A[-1, -1] = 0.0, -1.0, 1.0
    A = A.clone()
    assert_close(submission.ssm_kernel(A, B, C, 60), powers(A, B, C, 60))

    single = [tensor.float() for tensor in (A, B, C)]
    # float32: 7 products and sums of up to 8 terms of size 10, which may cancel
    assert_close(submission.ssm_kernel(*single, 8), powers(*single, 8).float(), rtol=1e-5, atol=1e-4)


@points(3)
@needs(test_public.test_shape)
def test_impulse(submission, rng):
    """an impulse brings out the kernel, in both forms"""
    Bt, Ch, N, T = rng.sizes(4, low=3)
    A, B, C = draw(rng, Ch, N)
    kernel = powers(A, B, C, T)
    t = int(rng.randint(0, T, (1,)))
    x = impulse(Bt, Ch, T, t)
    expected = torch.zeros(Bt, Ch, T, dtype=torch.float64)
    expected[..., t:] = kernel[:, : T - t]
    y, _ = submission.ssm_recurrence(A, B, C, x)
    assert_close(y, expected, name="y of the recurrence")
    assert_close(submission.causal_conv(x, kernel), expected, name="y of the convolution")


@points(3)
@needs(test_public.test_shape)
def test_convolution(submission, rng):
    """any kernel, odd and even T, T = 1"""
    for T in (1, 2, 7, 32, 33):
        Bt, Ch = rng.sizes(2, high=6)
        x, kernel = rng.randn(Bt, Ch, T), rng.randn(Ch, T)
        assert_close(submission.causal_conv(x, kernel), all_pairs(x, kernel), name=f"y, T = {T}")

    x, kernel = x.float(), kernel.float()
    # float32: an FFT spreads 24 bits of the largest y, here below 30, over all of them
    assert_close(submission.causal_conv(x, kernel), all_pairs(x, kernel).float(), rtol=1e-5, atol=1e-4)


@points(3)
@needs(test_public.test_shape)
def test_no_wrap_around(submission, rng):
    """the last token changes the last y and no other"""
    Bt, Ch, T = rng.sizes(3, low=3)
    x, kernel = rng.randn(Bt, Ch, T), rng.randn(Ch, T)
    y = submission.causal_conv(x, kernel)
    moved = submission.causal_conv(x + 100 * impulse(Bt, Ch, T, T - 1), kernel)
    assert_close(moved[..., :-1], y[..., :-1], name="y before the last token")
    expected = (100 * kernel[:, 0]).repeat(Bt, 1)
    assert_close(moved[..., -1] - y[..., -1], expected, name="change of the last y")


@points(3)
@needs(test_public.test_shape)
def test_skip(submission, rng):
    """D x is added to y, the state stays"""
    Bt, Ch, N, T = rng.sizes(4)
    A, B, C = draw(rng, Ch, N)
    x, kernel, D = rng.randn(Bt, Ch, T), rng.randn(Ch, T), rng.randn(Ch)
    skip = torch.einsum("c,bct->bct", D, x)
    y, h = loops(A, B, C, x)
    assert_close(submission.ssm_recurrence(A, B, C, x, D), (y + skip, h))
    assert_close(submission.causal_conv(x, kernel, D), all_pairs(x, kernel) + skip)


@points(3)
@needs(test_public.test_shape)
def test_two_forms(submission, rng):
    """the recurrence and the convolution are one map"""
    Bt, Ch, N = rng.sizes(3, high=6)
    A, B, C = draw(rng, Ch, N)
    D = rng.randn(Ch)
    for T in (1, 6, 41):
        x = rng.randn(Bt, Ch, T)
        y, _ = submission.ssm_recurrence(A, B, C, x, D)
        assert_close(submission.causal_conv(x, submission.ssm_kernel(A, B, C, T), D), y, name=f"y, T = {T}")


def assert_gradients(rng, name, function, plain, **inputs):
    """The gradients of all results by each input are those of `plain`, which torch differentiates."""
    ours, theirs = ({key: x.clone().requires_grad_() for key, x in inputs.items()} for _ in range(2))
    answers = function(**ours), plain(**theirs)
    found, expected = ([each] if isinstance(each, torch.Tensor) else each for each in answers)
    for result in found:
        assert result.requires_grad, f"{name}: a result has no gradient to the arguments: something was detached."
    weights = [rng.randn(*result.shape) for result in expected]
    for results in (found, expected):
        sum((w * result).sum() for w, result in zip(weights, results, strict=True)).backward()
    for key, x in ours.items():
        assert x.grad is not None, f"{name}: no gradient reaches {key}."
        assert_close(x.grad, theirs[key].grad, name=f"gradient of {key}, {name}")


@points(3)
@needs(test_public.test_shape)
def test_gradients(submission, rng):
    """of all three, by every argument"""
    Bt, Ch, N, T = 2, 3, 4, 5
    A, B, C = draw(rng, Ch, N)
    D, x, h0, kernel = rng.randn(Ch), rng.randn(Bt, Ch, T), rng.randn(Bt, Ch, N), rng.randn(Ch, T)

    def recurrence(A, B, C, x, D, h0):
        ys = []
        for t in range(T):
            h0 = A * h0 + B * x[..., t, None]
            ys.append((C * h0).sum(-1) + D * x[..., t])
        return torch.stack(ys, dim=-1), h0

    def powers(A, B, C):
        return torch.stack([(C * A**j * B).sum(-1) for j in range(T)], dim=-1)

    def sums(x, kernel, D):
        ys = [(x[..., : t + 1] * kernel[:, : t + 1].flip(-1)).sum(-1) + D * x[..., t] for t in range(T)]
        return torch.stack(ys, dim=-1)

    inputs = {"A": A, "B": B, "C": C, "x": x, "D": D, "h0": h0}
    assert_gradients(rng, "ssm_recurrence", submission.ssm_recurrence, recurrence, **inputs)
    assert_gradients(rng, "ssm_kernel", partial(submission.ssm_kernel, length=T), powers, A=A, B=B, C=C)
    assert_gradients(rng, "causal_conv", submission.causal_conv, sums, x=x, kernel=kernel, D=D)


@points(3)
@needs(test_convolution)
def test_long(submission, rng):
    """250,000 tokens: T² products do not end in time"""
    T = 250_000
    x, kernel = rng.randn(1, 1, T), rng.randn(1, T)
    y = submission.causal_conv(x, kernel)
    assert_equal(y.shape, (1, 1, T), name="shape of y")
    places = [0, 1, *rng.randint(2, T, (8,)).tolist(), T - 1]
    expected = torch.stack([torch.dot(x[0, 0, : t + 1], kernel[0, : t + 1].flip(0)) for t in places])
    assert_close(y[0, 0, places], expected, name="y at some tokens")
