"""The scan against a loop over plain numbers, and against itself."""

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def draw(rng, *size):
    """a and b with 0.7 < |a| < 1, of both signs: after 64 steps about 1e-5 of a state is left."""
    a = 0.7 + 0.3 * rng.rand(*size)
    return torch.where(rng.rand(*size) < 0.5, -a, a), rng.randn(*size)


def loop(a, b, h0=None):
    """All states (..., T), float64, number by number."""
    T = a.shape[-1]
    rows = []
    starts = [0.0] * (a.numel() // T) if h0 is None else h0.flatten().tolist()
    for steps_a, steps_b, h in zip(a.reshape(-1, T).tolist(), b.reshape(-1, T).tolist(), starts, strict=True):
        row = []
        for a_t, b_t in zip(steps_a, steps_b, strict=True):
            h = a_t * h + b_t
            row.append(h)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64).view(a.shape)


@points(5)
@needs(test_public.test_shape)
def test_combine(submission, rng):
    """first the left step, then the right one"""
    Bt, Ch = rng.sizes(2)
    (a1, b1), (a2, b2) = left, right = draw(rng, Bt, Ch), draw(rng, Bt, Ch)
    h = rng.randn(Bt, Ch)
    a, b = submission.combine(left, right)
    at_zero = a2 * (a1 * torch.zeros_like(h) + b1) + b2
    assert_close(b, at_zero, name="b")
    assert_close(a, a2 * (a1 * (h + 1) + b1) + b2 - (a2 * (a1 * h + b1) + b2), name="a")

    nothing = torch.ones(Bt, Ch, dtype=torch.float64), torch.zeros(Bt, Ch, dtype=torch.float64)
    assert_close(submission.combine(left, nothing), left)
    assert_close(submission.combine(nothing, left), left)


@points(5)
@needs(test_public.test_shape)
def test_associative(submission, rng):
    """three steps: any bracketing, not any order"""
    Ch = rng.sizes(1, low=4)[0]
    x, y, z = draw(rng, Ch), draw(rng, Ch), draw(rng, Ch)
    end = submission.combine(submission.combine(x, y), z)
    assert_close(end, submission.combine(x, submission.combine(y, z)), name="(x y) z")
    assert_close(end[1], loop(*(torch.stack(each, -1) for each in zip(x, y, z, strict=True)))[:, -1], name="b")


@points(5)
@needs(test_public.test_shape)
def test_every_length(submission, rng):
    """T of 1 to 100, powers of two and others"""
    Ch = 4
    for T in (1, 2, 3, 5, 8, 13, 64, 100):
        a, b = draw(rng, Ch, T)
        assert_close(submission.parallel_scan(a, b), loop(a, b), name=f"h, T = {T}")


@points(5)
@needs(test_public.test_shape)
def test_leading_dimensions(submission, rng):
    """none, or three; float32"""
    Bt, Ch, N, T = rng.sizes(4, low=3)
    a, b = draw(rng, Bt, Ch, N, T)
    assert_close(submission.parallel_scan(a, b), loop(a, b))
    assert_close(submission.parallel_scan(a[0, 1, 2], b[0, 1, 2]), loop(a[0, 1, 2], b[0, 1, 2]))
    a, b = a.float(), b.float()
    # float32: sums of up to 8 terms of size 3, which may cancel
    assert_close(submission.parallel_scan(a, b), loop(a, b).float(), rtol=1e-5, atol=2e-5)


@points(5)
@needs(test_public.test_shape)
def test_initial_state(submission, rng):
    """h0 decays in every step, the first included"""
    Bt, Ch, T = rng.sizes(3, low=3)
    (a, b), h0 = draw(rng, Bt, Ch, T), rng.randn(Bt, Ch)
    assert_close(submission.parallel_scan(a, b, h0), loop(a, b, h0))
    assert_close(submission.parallel_scan(a[..., :1], b[..., :1], h0), loop(a[..., :1], b[..., :1], h0))
    assert_close(submission.parallel_scan(a[0, 0], b[0, 0], h0[0, 0]), loop(a[0, 0], b[0, 0], h0[0, 0]))
    zeros = torch.zeros(Bt, Ch, T, dtype=torch.float64)
    assert_close(submission.parallel_scan(a, zeros, h0), loop(a, zeros, h0))


@points(5)
@needs(test_initial_state)
def test_pieces(submission, rng):
    """two pieces make a whole; the past stays"""
    Bt, Ch, T = rng.sizes(3, low=4)
    (a, b), h0 = draw(rng, Bt, Ch, T), rng.randn(Bt, Ch)
    whole = submission.parallel_scan(a, b, h0)
    for cut in range(1, T):
        first = submission.parallel_scan(a[..., :cut], b[..., :cut], h0)
        second = submission.parallel_scan(a[..., cut:], b[..., cut:], first[..., -1])
        assert_close(torch.cat([first, second], dim=-1), whole, name="both pieces")


@points(5)
@needs(test_public.test_shape)
def test_resets(submission, rng):
    """a = 0 clears the state, and nothing is NaN"""
    Bt, Ch, T = 2, 3, 21
    (a, b), h0 = draw(rng, Bt, Ch, T), rng.randn(Bt, Ch)
    a[0, :, 0] = a[:, 1, 7] = a[1, 2, 12:15] = a[0, 0, -1] = 0.0
    a[1, 1, 3], a[0, 2, 9] = 1e-200, -1e-200
    a = a.clone()
    assert_close(submission.parallel_scan(a, b), loop(a, b))
    assert_close(submission.parallel_scan(a, b, h0), loop(a, b, h0))


@points(5)
@needs(test_public.test_shape)
def test_underflow(submission, rng):
    """1800 steps, whose decays multiply to 0"""
    Ch, T = 2, 1800
    a, b = draw(rng, Ch, T)
    a = a.abs() ** 4  # about 0.5: the product of 1800 is below 1e-324
    assert_close(submission.parallel_scan(a, b), loop(a, b))


@points(5)
@needs(test_public.test_shape)
def test_gradients(submission, rng):
    """of h by a, b and h0, also where a = 0"""
    Bt, Ch, T = 2, 3, 6
    a, b = draw(rng, Bt, Ch, T)
    a[0, 1, 0] = a[1, 2, 3] = 0.0
    inputs = {"a": a, "b": b, "h0": rng.randn(Bt, Ch)}
    ours, theirs = ({name: x.clone().requires_grad_() for name, x in inputs.items()} for _ in range(2))
    h = submission.parallel_scan(**ours)
    assert h.requires_grad, "No gradient leads from h to the arguments: something was detached."
    state, states = theirs["h0"], []
    for a_t, b_t in zip(theirs["a"].unbind(-1), theirs["b"].unbind(-1), strict=True):
        state = a_t * state + b_t
        states.append(state)
    weights = rng.randn(Bt, Ch, T)
    for result in (h, torch.stack(states, dim=-1)):
        (weights * result).sum().backward()
    for name, x in ours.items():
        assert x.grad is not None, f"No gradient reaches {name}."
        assert_close(x.grad, theirs[name].grad, name=f"gradient of {name}")


@points(5)
@needs(test_every_length)
def test_long(submission, rng):
    """a million steps: a loop does not end in time"""
    T = 1_000_000
    a, b = draw(rng, T)
    a = a.sign() * (1 - 1e-6 * a.abs())  # 40 % of a state last to the end
    h0 = 1000 * rng.randn(1)[0]
    h = submission.parallel_scan(a, b, h0)
    assert_equal(h.shape, (T,), name="shape of h")
    assert_close(h[0], a[0] * h0 + b[0], name="h_0")
    assert_close(h[1:], a[1:] * h[:-1] + b[1:], name="h_t beside a_t h_{t-1} + b_t")
