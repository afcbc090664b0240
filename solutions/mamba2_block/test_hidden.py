"""The scan head by head and number by number, the norm run by run, the block token by token."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def draw(rng, Bt, T, H, P, G, N):
    """x, dt, A, B, C, D with steps from 0.05 to 1 and rates from 0.3 to 1.5."""
    x, dt, A = rng.randn(Bt, T, H, P), 0.05 + 0.95 * rng.rand(Bt, T, H), -0.3 - 1.2 * rng.rand(H)
    return x, dt, A, rng.randn(Bt, T, G, N), rng.randn(Bt, T, G, N), rng.randn(H)


def scan(x, dt, A, B, C, D, h0=None):
    """y (Bt, T, H, P) and the last state (Bt, H, P, N)."""
    (Bt, T, H, P), (G, N) = x.shape, B.shape[2:]
    ys, hs = [], []
    for b in range(Bt):
        for head in range(H):
            group = head * G // H
            h = x.new_zeros(P, N) if h0 is None else h0[b, head]
            for t in range(T):
                step = dt[b, t, head]
                h = torch.exp(step * A[head]) * h + torch.outer(step * x[b, t, head], B[b, t, group])
                ys.append(h @ C[b, t, group] + D[head] * x[b, t, head])
            hs.append(h)
    return torch.stack(ys).view(Bt, H, T, P).transpose(1, 2), torch.stack(hs).view(Bt, H, P, N)


def norm(y, z, weight, G, eps=1e-5):
    """Run by run, for (..., E)."""
    u = y * z / (1 + torch.exp(-z))
    runs = []
    for run in u.tensor_split(G, dim=-1):
        runs.append(run / ((run**2).sum(-1, keepdim=True) / run.shape[-1] + eps) ** 0.5)
    return torch.cat(runs, dim=-1) * weight


def sizes(D, expand, P, G, N, W):
    """The arguments of a block, by name."""
    return {"d_model": D, "d_state": N, "d_conv": W, "expand": expand, "headdim": P, "ngroups": G}


def parameters_of(rng, d_model, d_state, d_conv, expand, headdim, ngroups):
    """Random parameters, float64, for which everything within the block has size 1."""
    E = expand * d_model
    H, R = E // headdim, E + 2 * ngroups * d_state
    return {
        "in_proj.weight": rng.randn(E + R + H, d_model) / math.sqrt(d_model),
        "conv1d.weight": 1.5 * rng.randn(R, 1, d_conv) / math.sqrt(d_conv),
        "conv1d.bias": 0.5 * rng.randn(R),
        "dt_bias": rng.randn(H),
        "A_log": 0.7 * rng.randn(H),
        "D": rng.randn(H),
        "norm.weight": 1 + 0.5 * rng.randn(E),
        "out_proj.weight": rng.randn(d_model, E) / math.sqrt(E),
    }


def built(submission, parameters, arguments, chunk=3):
    """The student's block with these parameters."""
    block = submission.Mamba2Block(**arguments, chunk=chunk).to(parameters["D"].dtype)
    block.load_state_dict(parameters)
    return block


def right(parameters, arguments, x):
    """y (Bt, T, D), the conv state (Bt, R, W - 1) and h (Bt, H, P, N) after the text, one token after the other."""
    w_in, w, b, dt_bias, A_log, skip, weight, w_out = parameters.values()
    G, P, N = arguments["ngroups"], arguments["headdim"], arguments["d_state"]
    E, H, R, W = len(weight), len(skip), len(b), w.shape[-1]
    past, zs, steps, inputs = [x.new_zeros(len(x), R)] * (W - 1), [], [], []
    for token in x.unbind(1):
        zs.append(token @ w_in[:E].T)
        past.append(token @ w_in[E : E + R].T)
        steps.append(torch.log(1 + torch.exp(token @ w_in[E + R :].T + dt_bias)))
        u = b + sum(w[:, 0, W - 1 - j] * past[-1 - j] for j in range(W))
        inputs.append(u / (1 + torch.exp(-u)))
    z, dt, u = (torch.stack(rows, dim=1) for rows in (zs, steps, inputs))
    B, C = (u[..., E + g : E + g + G * N].reshape(*u.shape[:2], G, N) for g in (0, G * N))
    y, h = scan(u[..., :E].reshape(*u.shape[:2], H, P), dt, -torch.exp(A_log), B, C, skip)
    y = norm(y.reshape(*u.shape[:2], E), z, weight, G) @ w_out.T
    return y, torch.stack(past[1 - W :], dim=-1), h


@points(11)
@needs(test_public.test_examples)
def test_scan(submission, rng):
    """any chunk, shared B and C, with h0 and without"""
    Bt, T, H, P, N = 2, 7, 6, 4, 5
    for G in (3, 1, 6):
        inputs, h0 = draw(rng, Bt, T, H, P, G, N), rng.randn(Bt, H, P, N)
        expected, with_state = scan(*inputs), scan(*inputs, h0)
        for chunk in (3, 1, T, 2, T + 4):
            assert_close(submission.ssd_scan(*inputs, chunk), expected)
            assert_close(submission.ssd_scan(*inputs, chunk, h0), with_state)
    inputs = draw(rng, 1, 1, 6, 2, 3, 4)
    assert_close(submission.ssd_scan(*inputs, 5), scan(*inputs))
    x, dt, A, B, C, D = draw(rng, 3, 5, 6, 2, 3, 4)
    x, dt, B, C = (tensor.transpose(1, 2).contiguous().transpose(1, 2) for tensor in (x, dt, B, C))
    y, h = scan(x, dt, A, B, C, D)
    assert_close(submission.ssd_scan(x, dt, A, B, C, D, 2), (y, h))
    found = submission.ssd_scan(*(tensor.float() for tensor in (x, dt, A, B, C, D)), 2)
    # float32: sums of at most 20 products of size 1 to 10, which may cancel
    assert_close(found, (y.float(), h.float()), rtol=1e-5, atol=1e-4)


def gradients(forward, tensors, *g):
    """Those of Σ (result * g) for all tensors; 0 where there is none."""
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    results = forward(*leaves)
    results = results if isinstance(results, tuple | list) else (results,)
    for result in results:
        assert result.requires_grad, "No gradient leads from a result to the arguments: something was detached."
    sum((result * weights).sum() for result, weights in zip(results, g, strict=True)).backward()
    return [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]


@points(5)
@needs(test_scan)
def test_large_steps(submission, rng):
    """steps of 0 and of 10,000 in one text"""
    Bt, T, H, P, G, N = 3, 9, 4, 5, 2, 6
    x, dt, A, B, C, D = draw(rng, Bt, T, H, P, G, N)
    dt[0, 4, 1] = dt[0, 5, 3] = dt[1, 2, 0] = dt[1, 3, 0] = 1e4
    dt[0, 3, 1] = dt[0, 5, 2] = dt[1, 0, 0] = dt[1, T - 1] = 0.0
    x = torch.where(dt[..., None] > 1, 1e-4 * x, x)  # so that what is written has size 1
    inputs, g = (x, dt, A, B, C, D), (rng.randn(Bt, T, H, P), rng.randn(Bt, H, P, N))
    expected, slopes = scan(*inputs), gradients(scan, inputs, *g)
    for chunk in (4, T):
        # Running sums reach 4e4; their differences are exact to 1e-11.
        assert_close(submission.ssd_scan(*inputs, chunk), expected)
        found = gradients(lambda *leaves, chunk=chunk: submission.ssd_scan(*leaves, chunk), inputs, *g)
        # That of A has terms of 1e4 times a number of size 1, with the same 1e-11.
        assert_close(tuple(found), tuple(slopes), rtol=1e-8, atol=1e-6, name="gradients of x, dt, A, B, C, D")

    single = [tensor.float() for tensor in inputs]
    y, h = submission.ssd_scan(*single, 4)
    assert y.isfinite().all(), "In float32 a number of y is infinite or NaN."
    assert h.isfinite().all(), "In float32 a number of the state is infinite or NaN."
    weights = [tensor.float() for tensor in g]
    found = gradients(lambda *leaves: submission.ssd_scan(*leaves, 4), single, *weights)
    for name, slope in zip(("x", "dt", "A", "B", "C", "D"), found, strict=True):
        assert slope.isfinite().all(), f"In float32 a number of the gradient of {name} is infinite or NaN."


@points(5)
@needs(test_public.test_examples)
def test_gated_norm(submission, rng):
    """gate, then RMS in each run, then the weight"""
    E, T = 12, 5
    y, z, weight = rng.randn(2, T, E), 2 * rng.randn(2, T, E), rng.randn(E)
    y = y * (10 ** torch.linspace(-1, 1, E, dtype=torch.float64))  # loud runs beside silent ones
    for G in (3, 1, 2, 12):
        assert_close(submission.gated_rms_norm(y, z, weight, G), norm(y, z, weight, G))
        assert_close(submission.gated_rms_norm(y, z, weight, G, eps=0.3), norm(y, z, weight, G, 0.3))
    assert_close(submission.gated_rms_norm(y, z, weight), norm(y, z, weight, 1))
    assert_close(submission.gated_rms_norm(y[0, 0], z[0, 0], weight, groups=4), norm(y[0, 0], z[0, 0], weight, 4))
    turned = y.transpose(0, 1), z.transpose(0, 1)  # not contiguous
    assert_close(submission.gated_rms_norm(*turned, weight, groups=4), norm(*turned, weight, 4))
    silent = 1e-3 * y
    assert_close(submission.gated_rms_norm(silent, z, weight, groups=4), norm(silent, z, weight, 4))
    single = submission.gated_rms_norm(y.float(), z.float(), weight.float(), groups=4)
    # float32: a mean of three squares, and a few products
    assert_close(single, norm(y, z, weight, 4).float(), rtol=1e-5, atol=1e-5)

    inputs, g = (y, z, weight), rng.randn(2, T, E)
    found = gradients(lambda *leaves: submission.gated_rms_norm(*leaves, 3), inputs, g)
    slopes = gradients(lambda *leaves: norm(*leaves, 3), inputs, g)
    assert_close(tuple(found), tuple(slopes), rtol=1e-8, atol=1e-8, name="gradients of y, z, weight")


@points(3)
@needs(test_public.test_names)
def test_new_block(submission):
    """D, norm, and the ranges of steps and rates"""
    for D, expand, P in ((4, 512, 1), (40, 3, 5)):  # 2048 heads: some are near the ends of both ranges
        H, E = expand * D // P, expand * D
        block = submission.Mamba2Block(D, d_state=4, expand=expand, headdim=P)
        values = {name: tensor.detach() for name, tensor in block.named_parameters()}
        assert_equal(values["D"], torch.ones(H), name="D")
        assert_equal(values["norm.weight"], torch.ones(E), name="norm.weight")
        steps, rates = torch.log1p(values["dt_bias"].double().exp()), values["A_log"].double().exp()
        # float32: log(exp(0.001) - 1) is exact to 1e-4 of the step, and so is what comes back.
        for name, numbers, low, high in (("softplus(dt_bias)", steps, 0.001, 0.1), ("exp(A_log)", rates, 1.0, 16.0)):
            assert (numbers > low * (1 - 1e-3)).all(), f"{name} is {numbers.min():.5g} and should be at least {low}."
            assert (numbers < high * (1 + 1e-3)).all(), f"{name} is {numbers.max():.5g} and should be at most {high}."


@points(2)
@needs(test_public.test_names)
def test_init_state(submission):
    """zeros, in the dtype of the parameters"""
    for dtype in (torch.float32, torch.float64):
        Bt, D, E, H, P, G, N, W = 5, 3, 6, 2, 3, 2, 7, 4
        state = submission.Mamba2Block(**sizes(D, 2, P, G, N, W)).to(dtype).init_state(Bt)
        assert_equal(state["conv"], torch.zeros(Bt, E + 2 * G * N, W - 1, dtype=dtype), name='state["conv"]')
        assert_equal(state["ssm"], torch.zeros(Bt, H, P, N, dtype=dtype), name='state["ssm"]')


BLOCKS = ((6, 2, 3, 2, 5, 4), (4, 3, 2, 1, 7, 3), (5, 4, 5, 4, 3, 2), (4, 2, 1, 2, 3, 6))  # D, expand, P, G, N, W


@points(11)
@needs(test_public.test_names)
def test_block(submission, rng):
    """the whole block and its state, in four sizes"""
    for Bt, T, block_sizes in zip((2, 3, 1, 2), (7, 8, 6, 4), BLOCKS, strict=True):
        arguments = sizes(*block_sizes)
        parameters, x = parameters_of(rng, **arguments), rng.randn(Bt, T, block_sizes[0])
        expected, conv, h = right(parameters, arguments, x)
        y, state = built(submission, parameters, arguments)(x)
        assert_close(y, expected, name="y")
        assert_close(state["conv"], conv, name='state["conv"]')
        assert_close(state["ssm"], h, name='state["ssm"]')
    single = {name: tensor.float() for name, tensor in parameters.items()}
    y, _ = built(submission, single, arguments)(x.float())
    # float32: numbers of size 1 that went through a whole block, of which small runs were scaled up
    assert_close(y, expected.float(), rtol=1e-3, atol=1e-3, name="y")


@points(8)
@needs(test_block)
def test_pieces(submission, rng):
    """a text in pieces gives what it gives at once"""
    Bt, T = 3, 11
    for block_sizes in (BLOCKS[0], BLOCKS[3]):
        arguments = sizes(*block_sizes)
        parameters, x = parameters_of(rng, **arguments), rng.randn(Bt, T, block_sizes[0])
        block = built(submission, parameters, arguments)
        expected, conv, h = right(parameters, arguments, x)
        for lengths in ((10, 1), (1, 10), (1,) * T, (2, 5, 1, 3)):
            state = block.init_state(Bt) if lengths[0] == 1 else None
            for y, piece in zip(expected.split(lengths, dim=1), x.split(lengths, dim=1), strict=True):
                found, state = block(piece, state)
                assert_close(found, y, name=f"y, pieces of {lengths}")
            assert_close(state["conv"], conv, name=f'state["conv"], pieces of {lengths}')
            assert_close(state["ssm"], h, name=f'state["ssm"], pieces of {lengths}')


@points(3)
@needs(test_block)
def test_causal(submission, rng):
    """no token sees a later one; chunks change nothing"""
    Bt, T = 2, 8
    arguments = sizes(*BLOCKS[0])
    parameters, x = parameters_of(rng, **arguments), rng.randn(Bt, T, BLOCKS[0][0])
    expected, _, _ = right(parameters, arguments, x)
    y, _ = built(submission, parameters, arguments, chunk=3)(x)
    assert_close(y, expected, name="y, chunk = 3")
    wide, _ = built(submission, parameters, arguments, chunk=100)(x)
    assert_close(wide, expected, name="y, chunk = 100")
    t = int(rng.randint(1, T, (1,)))
    changed = x.clone()
    changed[:, t:] = rng.randn(Bt, T - t, x.shape[-1])
    found, _ = built(submission, parameters, arguments, chunk=3)(changed)
    assert_close(found[:, :t], y[:, :t], name="y before the token that changed")


@points(3)
@needs(test_scan)
def test_gradients(submission, rng):
    """reach all arguments, x and all eight parameters"""
    Bt, T, H, P, G, N = 2, 5, 6, 4, 3, 7
    inputs = *draw(rng, Bt, T, H, P, G, N), rng.randn(Bt, H, P, N)
    g = rng.randn(Bt, T, H, P), rng.randn(Bt, H, P, N)
    expected = gradients(scan, inputs, *g)
    found = gradients(lambda x, dt, A, B, C, D, h0: submission.ssd_scan(x, dt, A, B, C, D, 2, h0), inputs, *g)
    for name, mine, slope in zip(("x", "dt", "A", "B", "C", "D", "h0"), found, expected, strict=True):
        assert_close(mine, slope, name=f"gradient of {name}")

    arguments = sizes(*BLOCKS[0])
    parameters, x = parameters_of(rng, **arguments), rng.randn(Bt, T, BLOCKS[0][0])
    g = rng.randn(*x.shape)
    block, mine = built(submission, parameters, arguments), x.clone().requires_grad_()
    y, _ = block(mine)
    assert y.requires_grad, "No gradient leads from y to x and the parameters: something was detached."
    (y * g).sum().backward()
    x.requires_grad_()
    leaves = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
    (right(leaves, arguments, x)[0] * g).sum().backward()
    assert mine.grad is not None, "No gradient leads from y to x."
    # Norms of small runs make gradients of up to 1e3.
    assert_close(mine.grad, x.grad, rtol=1e-8, atol=1e-8, name="gradient of x")
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, f"No gradient leads from y to {name}."
        assert_close(parameter.grad, leaves[name].grad, rtol=1e-8, atol=1e-8, name=f"gradient of {name}")


@points(3)
@needs(test_public.test_names)
def test_sizes(submission):
    """ValueError where P or G does not divide"""
    assert_equal(submission.Mamba2Block(6, headdim=4, ngroups=3).D.shape, (3,), name="shape of D")
    for P, G in ((5, 1), (8, 1), (24, 1), (4, 2), (3, 8)):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.Mamba2Block(6, d_state=3, headdim=P, ngroups=G)
