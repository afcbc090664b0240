"""The block against one that reads token by token, and against itself in pieces."""

import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def draw(rng, D, N, W, E, R):
    """Random parameters, float64, for which everything within the block has size 1."""
    return {
        "in_proj.weight": rng.randn(2 * E, D) / math.sqrt(D),
        "conv1d.weight": rng.randn(E, 1, W) / math.sqrt(W),
        "conv1d.bias": 0.5 * rng.randn(E),
        "x_proj.weight": 1.5 * rng.randn(R + 2 * N, E) / math.sqrt(E),
        "dt_proj.weight": rng.randn(E, R) / math.sqrt(R),
        "dt_proj.bias": rng.randn(E),
        "A_log": 0.7 * rng.randn(E, N),
        "D": rng.randn(E),
        "out_proj.weight": rng.randn(D, E) / math.sqrt(E),
    }


def built(submission, parameters):
    """The student's block with these parameters."""
    (E, N), D, R = parameters["A_log"].shape, len(parameters["out_proj.weight"]), len(parameters["dt_proj.weight"].T)
    W = parameters["conv1d.weight"].shape[-1]
    block = submission.MambaBlock(D, d_state=N, d_conv=W, expand=E // D, dt_rank=R)
    block = block.to(parameters["A_log"].dtype)
    block.load_state_dict(parameters)
    return block


def right(parameters, x):
    """y (Bt, T, D), the conv state (Bt, E, W - 1) and h (Bt, E, N) after the text, one token after the other."""
    w_in, w, b, w_x, w_dt, b_dt, A_log, skip, w_out = parameters.values()
    (E, N), R, W = A_log.shape, w_dt.shape[1], w.shape[-1]
    past = [x.new_zeros(len(x), E)] * (W - 1)
    h, ys = x.new_zeros(len(x), E, N), []
    for token in x.unbind(1):
        u, z = (token @ rows.T for rows in (w_in[:E], w_in[E:]))
        past.append(u)
        u = b + sum(w[:, 0, W - 1 - j] * past[-1 - j] for j in range(W))
        u = u / (1 + torch.exp(-u))
        dt, B, C = (u @ rows.T for rows in (w_x[:R], w_x[R : R + N], w_x[R + N :]))
        delta = torch.log(1 + torch.exp(dt @ w_dt.T + b_dt))
        decay = torch.exp(-torch.einsum("be,en->ben", delta, torch.exp(A_log)))
        h = decay * h + torch.einsum("be,be,bn->ben", delta, u, B)
        y = torch.einsum("ben,bn->be", h, C) + skip * u
        ys.append((y * z / (1 + torch.exp(-z))) @ w_out.T)
    return torch.stack(ys, dim=1), torch.stack(past[1 - W :], dim=-1), h


@points(4)
@needs(test_public.test_names)
def test_initialisation(submission, rng):
    """A_log is ln 1 ... ln N, D is 1; dt_rank by default"""
    D, N, expand = rng.sizes(3, low=3, high=7)
    E = expand * D
    for width, options, states in ((D, {"d_state": N, "expand": expand}, N), (E, {"expand": 1}, 16)):
        block = submission.MambaBlock(width, **options)
        A_log, skip = block.A_log.detach(), block.D.detach()
        expected = torch.tensor([[math.log(n) for n in range(1, states + 1)]] * E)
        assert_close(A_log, expected, name="A_log")
        assert_equal(skip, torch.ones(E), name="D")
    for D, R in ((16, 1), (17, 2), (32, 2)):
        shape = submission.MambaBlock(D, expand=3).dt_proj.weight.shape
        assert_equal(shape, (3 * D, R), name=f"shape of dt_proj.weight, d_model = {D}, dt_rank = None")


@points(4)
@needs(test_public.test_names)
def test_causal(submission, rng):
    """another token changes y there, and not before"""
    Bt, T, D, N, W, R = 2, 9, 6, 5, 4, 3
    block = built(submission, draw(rng, D, N, W, 2 * D, R))
    x = rng.randn(Bt, T, D)
    y, _ = block(x)
    t = int(rng.randint(1, T, (1,)))
    changed = x.clone()
    changed[:, t] = rng.randn(Bt, D)
    y_changed, _ = block(changed)
    assert_close(y_changed[:, :t], y[:, :t], name="y before the token that changed")
    moved = (y_changed[:, t] - y[:, t]).abs().max()
    assert moved > 1e-9, "Token t was changed, and y at token t stayed the same."


@points(4)
@needs(test_public.test_names)
def test_without_state(submission, rng):
    """C = 0: convolution, silu, skip and gate alone"""
    Bt, T, D, N, W, R = 2, 9, 6, 5, 4, 3
    parameters = draw(rng, D, N, W, 2 * D, R)
    parameters["x_proj.weight"][R + N :] = 0.0
    x = rng.randn(Bt, T, D)
    y, _ = built(submission, parameters)(x)
    assert_close(y, right(parameters, x)[0], name="y")


@points(13)
@needs(test_public.test_names)
def test_value(submission, rng):
    """the whole block, in two sizes"""
    for Bt, T, D, E, N, W, R in ((2, 7, 6, 12, 5, 4, 3), (3, 5, 2, 8, 6, 7, 4)):
        parameters, x = draw(rng, D, N, W, E, R), rng.randn(Bt, T, D)
        y, _ = built(submission, parameters)(x)
        assert_close(y, right(parameters, x)[0], name="y")


@points(4)
@needs(test_value)
def test_state(submission, rng):
    """inputs of the convolution, and h, of any text"""
    Bt, D, N, R = 2, 6, 5, 3
    for E, W in ((12, 4), (18, 3)):
        parameters = draw(rng, D, N, W, E, R)
        block = built(submission, parameters)
        for T in (9, 3, 2, 1):
            x = rng.randn(Bt, T, D)
            _, conv, h = right(parameters, x)
            _, state = block(x)
            assert_close(state["conv"], conv, name=f'state["conv"] after {T} tokens')
            assert_close(state["ssm"], h, name=f'state["ssm"] after {T} tokens')


@points(9)
@needs(test_value)
def test_pieces(submission, rng):
    """a text in pieces gives what it gives at once"""
    Bt, T, D, N, R = 5, 11, 6, 4, 3
    for E, W in ((12, 4), (18, 6)):
        parameters, x = draw(rng, D, N, W, E, R), rng.randn(Bt, T, D)
        block = built(submission, parameters)
        expected, _, _ = right(parameters, x)
        for lengths in ((10, 1), (1, 10), (1,) * T, (8, 2, 1)):
            state = block.init_state(Bt)
            for y, piece in zip(expected.split(lengths, dim=1), x.split(lengths, dim=1), strict=True):
                found, state = block(piece, state)
                assert_close(found, y, name=f"y, pieces of {lengths}")


@points(4)
@needs(test_value)
def test_long(submission, rng):
    """250 tokens: nothing grows, nothing is NaN"""
    Bt, T, D, N, W, R = 2, 250, 3, 8, 4, 5
    parameters, x = draw(rng, D, N, W, 2 * D, R), rng.randn(Bt, T, D)
    parameters["A_log"] = torch.arange(1.0, N + 1, dtype=torch.float64).log().repeat(2 * D, 1)
    y, _ = built(submission, parameters)(x)
    assert_close(y, right(parameters, x)[0], name="y")


@points(4)
@needs(test_value)
def test_gradients(submission, rng):
    """reach x and all nine parameters"""
    Bt, T, D, N, W, R = 2, 5, 6, 7, 4, 3
    parameters, x, g = draw(rng, D, N, W, 2 * D, R), rng.randn(Bt, T, D), rng.randn(Bt, T, D)
    block = built(submission, parameters)
    mine = x.clone().requires_grad_()
    y, _ = block(mine)
    assert y.requires_grad, "No gradient leads from y to x and the parameters: something was detached."
    (y * g).sum().backward()

    x.requires_grad_()
    leaves = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
    (right(leaves, x)[0] * g).sum().backward()
    assert mine.grad is not None, "No gradient leads from y to x."
    assert_close(mine.grad, x.grad, name="gradient of x")
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, f"No gradient leads from y to {name}."
        assert_close(parameter.grad, leaves[name].grad, name=f"gradient of {name}")
