"""The selective scan against scalar loops, closed forms and itself."""

import math

import test_public
import torch
import torch.nn.functional as F

from grader.testing import assert_close, needs, points


def draw(rng, Bt, Ch, N, T):
    """u, delta, A, B, C with 0.1 < delta < 1.1 and -2 < A < -0.2."""
    return {
        "u": rng.randn(Bt, Ch, T),
        "delta": 0.1 + rng.rand(Bt, Ch, T),
        "A": -0.2 - 1.8 * rng.rand(Ch, N),
        "B": rng.randn(Bt, N, T),
        "C": rng.randn(Bt, N, T),
    }


def loops(u, delta, A, B, C, h0=None):
    """y (Bt, Ch, T) and the last state (Bt, Ch, N), float64, number by number and without options."""
    (Bt, Ch, T), N = u.shape, A.shape[1]
    y, h = torch.zeros(Bt, Ch, T, dtype=torch.float64), torch.zeros(Bt, Ch, N, dtype=torch.float64)
    u, delta, A, B, C = (x.tolist() for x in (u, delta, A, B, C))
    for b in range(Bt):
        for c in range(Ch):
            for n in range(N):
                state = 0.0 if h0 is None else float(h0[b, c, n])
                for t in range(T):
                    step = delta[b][c][t]
                    state = math.exp(step * A[c][n]) * state + step * u[b][c][t] * B[b][n][t]
                    y[b, c, t] += C[b][n][t] * state
                h[b, c, n] = state
    return y, h


def step_by_step(u, delta, A, B, C, D, z, delta_bias, h0):
    """y (Bt, Ch, T) and the last state with all options, in operations that torch can differentiate."""
    delta, h, ys = F.softplus(delta + delta_bias[:, None]), h0, []
    for t in range(u.shape[-1]):
        step = delta[:, :, t, None]
        h = torch.exp(step * A) * h + step * u[:, :, t, None] * B[:, None, :, t]
        ys.append((h * C[:, None, :, t]).sum(-1))
    return (torch.stack(ys, dim=-1) + D[:, None] * u) * F.silu(z), h


@points(5)
@needs(test_public.test_shape)
def test_recurrence(submission, rng):
    """no options, both precisions, any state"""
    Bt, Ch, N, T = rng.sizes(4, high=6)
    inputs = draw(rng, Bt, Ch, N, T)
    assert_close(submission.selective_scan(**inputs), loops(**inputs))
    h0 = rng.randn(Bt, Ch, N)
    assert_close(submission.selective_scan(**inputs, h0=h0), loops(**inputs, h0=h0))

    single = {name: x.float() for name, x in inputs.items()}
    y, h = loops(**single)
    # float32 sums of up to 6 terms of size 10 that may cancel
    assert_close(submission.selective_scan(**single), (y.float(), h.float()), rtol=1e-5, atol=1e-4)


@points(3)
@needs(test_public.test_shape)
def test_skip(submission, rng):
    """D u is added to y, the state stays"""
    Bt, Ch, N, T = rng.sizes(4, high=6)
    inputs = draw(rng, Bt, Ch, N, T)
    D = rng.randn(Ch)
    y, h = loops(**inputs)
    skip = torch.einsum("d,bdt->bdt", D, inputs["u"])
    assert_close(submission.selective_scan(**inputs, D=D), (y + skip, h))


@points(3)
@needs(test_public.test_shape)
def test_gate(submission, rng):
    """silu(z) multiplies last, after the skip"""
    Bt, Ch, N, T = rng.sizes(4, high=6)
    inputs = draw(rng, Bt, Ch, N, T)
    D, z = rng.randn(Ch), rng.randn(Bt, Ch, T)
    y, h = loops(**inputs)
    silu = z / (1 + torch.exp(-z))
    assert_close(submission.selective_scan(**inputs, z=z), (y * silu, h))
    skip = torch.einsum("d,bdt->bdt", D, inputs["u"])
    assert_close(submission.selective_scan(**inputs, D=D, z=z), ((y + skip) * silu, h))


@points(5)
@needs(test_public.test_shape)
def test_bias_then_softplus(submission, rng):
    """each alone, both, and without overflow"""
    Bt, Ch, N, T = rng.sizes(4, high=6)
    inputs = draw(rng, Bt, Ch, N, T)
    raw = inputs.pop("delta")
    bias = rng.rand(Ch)
    shifted = raw + bias.view(1, Ch, 1)
    assert_close(submission.selective_scan(**inputs, delta=raw, delta_bias=bias), loops(**inputs, delta=shifted))
    assert_close(
        submission.selective_scan(**inputs, delta=raw - 1, delta_softplus=True),
        loops(**inputs, delta=torch.log(1 + torch.exp(raw - 1))),
    )
    assert_close(
        submission.selective_scan(**inputs, delta=raw - 1, delta_bias=bias, delta_softplus=True),
        loops(**inputs, delta=torch.log(1 + torch.exp(shifted - 1))),
    )
    raw = raw.clone()
    raw[..., -1] = 1000.0  # exp(1000) is infinite, softplus(1000) is 1000
    softplus = torch.where(raw < 700, torch.log(1 + torch.exp(raw)), raw)
    assert_close(submission.selective_scan(**inputs, delta=raw, delta_softplus=True), loops(**inputs, delta=softplus))


@points(3)
@needs(test_public.test_shape)
def test_chunks_continue(submission, rng):
    """two pieces give what one piece gives"""
    Bt, Ch, N, T = rng.sizes(4, low=3, high=7)
    inputs = {**draw(rng, Bt, Ch, N, T), "z": rng.randn(Bt, Ch, T)}
    per_channel = {"A": inputs.pop("A"), "D": rng.randn(Ch), "delta_bias": rng.randn(Ch)}
    options = {**per_channel, "delta_softplus": True}
    h0 = rng.randn(Bt, Ch, N)
    whole = submission.selective_scan(**inputs, **options, h0=h0)
    for cut in range(1, T):
        first = {name: x[..., :cut] for name, x in inputs.items()}
        second = {name: x[..., cut:] for name, x in inputs.items()}
        y1, h = submission.selective_scan(**first, **options, h0=h0)
        y2, h = submission.selective_scan(**second, **options, h0=h)
        assert_close((torch.cat([y1, y2], dim=-1), h), whole, name="both pieces")


@points(3)
@needs(test_public.test_shape)
def test_hold_and_forget(submission, rng):
    """Δ = 0 keeps the state, a huge Δ replaces it"""
    Bt, Ch, N, T = rng.sizes(4, low=3, high=6)
    inputs = draw(rng, Bt, Ch, N, T)
    h0 = rng.randn(Bt, Ch, N)
    held = {**inputs, "delta": torch.zeros(Bt, Ch, T, dtype=torch.float64)}
    y = torch.einsum("bdn,bnt->bdt", h0, inputs["C"])
    assert_close(submission.selective_scan(**held, h0=h0), (y, h0))

    inputs["delta"][..., T // 2] = 1e4  # exp(-2000) is 0 in float64
    assert_close(submission.selective_scan(**inputs, h0=h0), loops(**inputs, h0=h0))


@points(3)
@needs(test_public.test_shape)
def test_causal(submission, rng):
    """what comes later changes nothing before it"""
    Bt, Ch, N, T = rng.sizes(4, low=3, high=7)
    inputs, later = draw(rng, Bt, Ch, N, T), draw(rng, Bt, Ch, N, T)
    y, _ = submission.selective_scan(**inputs)
    t = int(rng.randint(1, T, (1,)))
    for name in ("u", "delta", "B", "C"):
        changed = {**inputs, name: torch.cat([inputs[name][..., :t], later[name][..., t:]], dim=-1)}
        y_changed, _ = submission.selective_scan(**changed)
        assert_close(y_changed[..., :t], y[..., :t], name=f"y before {name} changed")
        moved = (y_changed[..., t] - y[..., t]).abs().max()
        assert moved > 1e-9, f"{name} was changed at token t, and y at token t stayed the same."


@points(3)
@needs(test_public.test_shape)
def test_constant_parameters(submission, rng):
    """constant Δ, B, C make a convolution"""
    Bt, Ch, N, T = rng.sizes(4, low=3, high=7)
    inputs = draw(rng, Bt, Ch, N, T)
    for name in ("delta", "B", "C"):
        inputs[name] = inputs[name][..., :1].repeat(1, 1, T)
    u, A, delta = inputs["u"], inputs["A"], inputs["delta"][..., 0]
    decay = torch.exp(torch.einsum("bd,dn,t->bdnt", delta, A, torch.arange(T, dtype=torch.float64)))
    CB = inputs["C"][..., 0] * inputs["B"][..., 0]
    kernel = torch.einsum("bn,bd,bdnt->bdt", CB, delta, decay)  # K_t = C exp(ΔA)^t ΔB
    y = torch.zeros(Bt, Ch, T, dtype=torch.float64)
    for t in range(T):
        for s in range(t + 1):
            y[..., t] += kernel[..., t - s] * u[..., s]
    scanned, _ = submission.selective_scan(**inputs)
    assert_close(scanned, y, name="y")


@points(3)
@needs(test_public.test_shape)
def test_gated_rnn(submission, rng):
    """N = 1, A = -1, B = g/Δ: h = (1-g) h + g u"""
    Bt, Ch, T = rng.sizes(3, low=3, high=7)
    u, delta = rng.randn(Bt, Ch, T), 0.1 + rng.rand(Bt, 1, T).repeat(1, Ch, 1)
    gate = 1 - torch.exp(-delta)  # B is shared by the channels, and so here is Δ
    h, hs = torch.zeros(Bt, Ch, dtype=torch.float64), []
    for t in range(T):
        h = (1 - gate[..., t]) * h + gate[..., t] * u[..., t]
        hs.append(h)
    A = -torch.ones(Ch, 1, dtype=torch.float64)
    B, C = (gate / delta)[:, :1], torch.ones(Bt, 1, T, dtype=torch.float64)
    assert_close(submission.selective_scan(u, delta, A, B, C), (torch.stack(hs, dim=-1), h[..., None]))


@points(3)
@needs(test_public.test_shape)
def test_gradients(submission, rng):
    """of y and of the last state, by all nine tensors"""
    Bt, Ch, N, T = 2, 3, 4, 5
    inputs = {
        **draw(rng, Bt, Ch, N, T),
        "D": rng.randn(Ch),
        "z": rng.randn(Bt, Ch, T),
        "delta_bias": rng.randn(Ch),
        "h0": rng.randn(Bt, Ch, N),
    }
    ours, theirs = ({name: x.clone().requires_grad_() for name, x in inputs.items()} for _ in range(2))
    y, h = submission.selective_scan(**ours, delta_softplus=True)
    assert y.requires_grad, "No gradient leads from y to the arguments: something was detached."
    assert h.requires_grad, "No gradient leads from the last state to the arguments: something was detached."
    weights = rng.randn(Bt, Ch, T), rng.randn(Bt, Ch, N)
    for results in ((y, h), step_by_step(**theirs)):
        sum((w * result).sum() for w, result in zip(weights, results, strict=True)).backward()
    for name, x in ours.items():
        assert x.grad is not None, f"No gradient reaches {name}."
        assert_close(x.grad, theirs[name].grad, name=f"gradient of {name}")
