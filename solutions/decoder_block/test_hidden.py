"""The Llama layer against published widths and a slow layer of matrices and complex numbers."""

import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def normalised(x, weight, eps):
    """RMSNorm of (..., D) in float64, by the dot product of a token with itself."""
    x = x.double()
    power = torch.einsum("...d,...d->...", x, x) / x.shape[-1]
    return torch.einsum("...d,...,d->...d", x, (power + eps) ** -0.5, weight.double())


def gated(x, w_gate, w_up, w_down):
    gate = torch.einsum("fd,...d->...f", w_gate, x)
    up = torch.einsum("fd,...d->...f", w_up, x)
    return torch.einsum("df,...f->...d", w_down, up * gate / (1 + torch.exp(-gate)))


def attention(x, state, H, theta, positions):
    """Causal attention of (B, T, D) with rotary positions, head by head and query by query."""
    B, T, D = x.shape
    K = D // H
    frequency = torch.tensor([theta ** (-2 * i / K) for i in range(K // 2)], dtype=torch.float64)
    turn = torch.polar(torch.ones(T, K // 2, dtype=torch.float64), torch.outer(positions.double(), frequency))
    heads = torch.zeros(B, T, D, dtype=torch.float64)
    for h in range(H):
        rows = slice(h * K, (h + 1) * K)
        q, k, v = (torch.einsum("kd,btd->btk", state[f"{n}_proj.weight"][rows], x) for n in "qkv")
        q, k = (torch.complex(y[..., : K // 2], y[..., K // 2 :]) * turn for y in (q, k))
        for t in range(T):  # the real part of q times conjugate k is the dot product of the pairs
            scores = (q[:, t : t + 1] * k[:, : t + 1].conj()).real.sum(-1) / math.sqrt(K)  # (B, t + 1)
            heads[:, t, rows] = torch.einsum("bs,bsk->bk", torch.softmax(scores, -1), v[:, : t + 1])
    return torch.einsum("ed,btd->bte", state["o_proj.weight"], heads)


def layer(x, state, H, eps=1e-6, theta=10000.0, positions=None):
    positions = torch.arange(x.shape[1]) if positions is None else positions
    y = x + attention(normalised(x, state["input_layernorm.weight"], eps), state, H, theta, positions)
    ffn = [state[f"{name}_proj.weight"] for name in ("gate", "up", "down")]
    return y + gated(normalised(y, state["post_attention_layernorm.weight"], eps), *ffn)


def draw(rng, D, F):
    """Random weights, float64, whose products with a vector of size 1 have size 1."""
    shapes = {f"{name}_proj.weight": (D, D) for name in "qkvo"}
    shapes |= {"gate_proj.weight": (F, D), "up_proj.weight": (F, D), "down_proj.weight": (D, F)}
    state = {name: rng.randn(*shape) / math.sqrt(shape[1]) for name, shape in shapes.items()}
    for name in ("input_layernorm.weight", "post_attention_layernorm.weight"):
        state[name] = 0.5 + rng.rand(D)
    return state


def built(submission, state, H, *options):
    """The student's block with these weights."""
    F, D = state["gate_proj.weight"].shape
    block = submission.LlamaBlock(D, H, F, *options).to(state["q_proj.weight"].dtype)
    block.load_state_dict(state)
    return block


@points(3)
@needs(test_public.test_example_norm)
def test_norm(submission, rng):
    """each token alone; eps under the root"""
    B, T, D = rng.sizes(3)
    x, weight = rng.randn(B, T, D), rng.randn(D)
    x[0, 0], x[0, 1] = 1e-3 * x[0, 0], 0.0  # eps counts for a small token, and decides for a zero one
    assert_close(submission.rms_norm(x, weight), normalised(x, weight, 1e-6))
    assert_close(submission.rms_norm(x, weight, 0.1), normalised(x, weight, 0.1))
    assert_close(submission.rms_norm(x[-1, -1], weight), normalised(x[-1, -1], weight, 1e-6))


@points(2)
@needs(test_public.test_example_norm)
def test_norm_keeps_mean(submission, rng):
    """sizes cancel, the mean does not"""
    T, D = rng.sizes(2, low=3)
    x, weight = rng.randn(T, D), torch.ones(D, dtype=torch.float64)
    y = submission.rms_norm(x, weight, 1e-12)
    assert_close(submission.rms_norm(1000 * x, weight, 1e-12), y, name="norm of 1000 x")
    assert_close(submission.rms_norm(-x, weight, 1e-12), -y, name="norm of -x")
    shifted = submission.rms_norm(x + 5, weight, 1e-12)
    assert_close(shifted, normalised(x + 5, weight, 1e-12), name="norm of x + 5")


@points(3)
@needs(test_public.test_example_norm)
def test_norm_half(submission, rng):
    """float16 and bfloat16 through float32"""
    T, D = 6, 40
    x, weight = rng.randn(T, D), 0.5 + rng.rand(D)
    x[0], x[1] = 300 + 10 * x[0], 0.002 * x[1]  # 300² overflows float16, 0.002² loses nearly all its bits
    for dtype, precision in ((torch.float16, 2**-11), (torch.bfloat16, 2**-8)):
        rounded, gain = x.to(dtype), weight.to(dtype)
        y = submission.rms_norm(rounded, gain)
        assert_equal(y.dtype, dtype, name="dtype of the result")
        # Rounded after the norm and after the gain: twice the precision, and float32 adds less than 1e-6.
        expected = normalised(rounded, gain, 1e-6)
        assert_close(y.double(), expected, rtol=2 * precision + 1e-5, atol=1e-7, name="result")


@points(3)
@needs(test_public.test_example_swiglu)
def test_swiglu(submission, rng):
    """silu on the gate, any leading dimensions"""
    B, T, D, F = rng.sizes(4)
    x, weights = rng.randn(B, T, D), [rng.randn(F, D), rng.randn(F, D), rng.randn(D, F)]
    assert_close(submission.swiglu(x, *weights), gated(x, *weights))
    assert_close(submission.swiglu(x[0, 0], *weights), gated(x[0, 0], *weights))
    # linear in up and in down, not in gate
    gate, up, down = weights
    assert_close(submission.swiglu(x, gate, -2 * up, down), -2 * gated(x, *weights))
    assert_close(submission.swiglu(x, -2 * gate, up, down), gated(x, -2 * gate, up, down))


@points(3)
def test_published(submission):
    """five models from 7 to 70 billion parameters"""
    for hidden_size, published in ((4096, 11008), (5120, 13824), (8192, 22016)):
        assert_equal(submission.swiglu_hidden_size(hidden_size), published)
    assert_equal(submission.swiglu_hidden_size(8192, 4096, 1.3), 28672)  # Llama-2-70B
    assert_equal(submission.swiglu_hidden_size(4096, 1024, 1.3), 14336)  # Llama-3-8B


@points(2)
@needs(test_public.test_example_width)
def test_rounding(submission, rng):
    """down, down, up; a multiple stays"""
    # With a multiple of 1 nothing hides the first two steps. Compared together: each mistake shows in other places.
    cases = ((4, None), (5, None), (4, 1.375), (5, 1.375), (64, 1.9))
    found = [submission.swiglu_hidden_size(D, 1, multiplier) for D, multiplier in cases]
    assert_equal(found, [10, 13, 13, 17, 323], name="widths with a multiple of 1")
    for D in rng.sizes(4, low=20, high=400):
        step = int(rng.randint(3, 30, (1,)))
        width = 8 * D // 3
        assert_equal(submission.swiglu_hidden_size(D, step), next(n for n in range(width, 2 * width) if n % step == 0))
        width = width * 5 // 4
        assert_equal(
            submission.swiglu_hidden_size(D, step, 1.25), next(n for n in range(width, 2 * width) if n % step == 0)
        )
    assert_equal(submission.swiglu_hidden_size(96, 64), 256)  # 8 * 96 / 3 = 256 = 4 * 64
    assert_equal(submission.swiglu_hidden_size(96, 64, 1.0), 256)


@points(7)
@needs(test_public.test_parameters, test_public.test_example_norm, test_public.test_example_swiglu)
def test_block(submission, rng):
    """1, 2 and 3 heads; also float32 and bfloat16"""
    B, T, D, F = 2, 5, 12, 7
    state = draw(rng, D, F)
    x = rng.randn(B, T, D)
    for H in (1, 2, 3):
        assert_close(built(submission, state, H)(x), layer(x, state, H), name="output")
    H = 3
    assert_close(built(submission, state, H)(x[:, :1]), layer(x[:, :1], state, H), name="output")
    single = built(submission, {name: weight.float() for name, weight in state.items()}, H)
    # float32: some hundred products of size 1, each rounded to 6e-8 of it
    assert_close(single(x.float()), layer(x, state, H).float(), rtol=1e-5, atol=5e-5, name="output")
    half = built(submission, {name: weight.bfloat16() for name, weight in state.items()}, H)
    assert_equal(half(x.bfloat16()).dtype, torch.bfloat16, name="dtype of the output")


@points(2)
@needs(test_block)
def test_block_options(submission, rng):
    """rms_norm_eps and rope_theta are used"""
    B, T, D, F, H = 2, 6, 16, 5, 2
    state = draw(rng, D, F)
    x = rng.randn(B, T, D)
    assert_close(built(submission, state, H, 0.5)(x), layer(x, state, H, eps=0.5), name="output")
    assert_close(built(submission, state, H, 1e-6, 500000.0)(x), layer(x, state, H, theta=500000.0), name="output")


@points(3)
@needs(test_block)
def test_positions(submission, rng):
    """turn q and k; only distances matter"""
    B, T, D, F, H = 2, 5, 12, 7, 3
    state = draw(rng, D, F)
    x = rng.randn(B, T, D)
    block = built(submission, state, H)
    assert_close(block(x, torch.arange(T)), layer(x, state, H), name="output")
    assert_close(block(x, 100 + torch.arange(T)), layer(x, state, H), name="output")
    positions = rng.randperm(40)[:T]
    assert_close(block(x, positions), layer(x, state, H, positions=positions), name="output")


@points(2)
@needs(test_public.test_parameters)
def test_causal(submission, rng):
    """a later token changes nothing before it"""
    B, T, D, F, H = 2, 6, 12, 7, 3
    block = built(submission, draw(rng, D, F), H)
    x = rng.randn(B, T, D)
    y = block(x)
    t = int(rng.randint(1, T, (1,)))
    changed = x.clone()
    changed[:, t] = rng.randn(B, D)
    z = block(changed)
    assert_close(z[:, :t], y[:, :t], name=f"outputs before token {t} changed")
    for later in range(t, T):
        moved = (z[:, later] - y[:, later]).abs().max()
        assert moved > 1e-9, f"Token {t} was changed, and the output at token {later} stayed the same."


@points(1)
@needs(test_block)
def test_gradients(submission, rng):
    """of x and of all nine parameters"""
    B, T, D, F, H = 2, 5, 12, 7, 3
    state = draw(rng, D, F)
    block = built(submission, state, H)
    x, g = rng.randn(B, T, D).requires_grad_(), rng.randn(B, T, D)
    y = block(x)
    assert y.requires_grad, "No gradient leads from the output to x: something was detached."
    (y * g).sum().backward()

    names = sorted(state)
    leaves = [state[name].requires_grad_() for name in names]
    of_x, *of_parameters = torch.autograd.grad((layer(x, state, H) * g).sum(), [x, *leaves])
    assert_close(x.grad, of_x, name="gradient of x")
    for name, expected in zip(names, of_parameters, strict=True):
        found = block.get_parameter(name).grad
        assert found is not None, f"No gradient reaches {name}."
        assert_close(found, expected, name=f"gradient of {name}")
