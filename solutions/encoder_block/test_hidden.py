"""The functions against Python numbers, the block against torch's nn.TransformerEncoderLayer and itself."""

import math

import test_public
import torch
from torch import nn

from grader.testing import assert_close, assert_equal, needs, points

LINEAR = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
NORMS = ("attn_norm", "ffn_norm")


def draw_state(rng, D, F):
    """Random parameters, norms and biases included, that keep activations near size 1."""
    rows = dict.fromkeys(LINEAR, D) | {"fc1": F}
    columns = dict.fromkeys(LINEAR, D) | {"fc2": F}
    state = {}
    for name in LINEAR:
        state[f"{name}.weight"] = 1.5 * rng.randn(rows[name], columns[name]) / math.sqrt(columns[name])
        state[f"{name}.bias"] = rng.randn(rows[name])
    for name in NORMS:
        state[f"{name}.weight"], state[f"{name}.bias"] = 1 + 0.3 * rng.randn(D), rng.randn(D)
    return state


def build(submission, state, H, **options):
    """The student's block, float64, with these parameters."""
    F, D = state["fc1.weight"].shape
    block = submission.EncoderBlock(D, H, F, **options).to(torch.float64)
    block.load_state_dict(state)
    return block


def torchs_own(state, H, eps=1e-12):
    """The same layer by torch, and its parameter of each of our names (q, k and v are slices of one)."""
    F, D = state["fc1.weight"].shape
    layer = nn.TransformerEncoderLayer(
        D, H, F, dropout=0.0, activation="gelu", layer_norm_eps=eps, batch_first=True, dtype=torch.float64
    )
    theirs = dict(out_proj=layer.self_attn.out_proj, fc1=layer.linear1, fc2=layer.linear2)  # noqa: C408
    theirs |= {"attn_norm": layer.norm1, "ffn_norm": layer.norm2}
    with torch.no_grad():
        for name, module in theirs.items():
            module.weight.copy_(state[f"{name}.weight"])
            module.bias.copy_(state[f"{name}.bias"])
        for kind in ("weight", "bias"):
            stacked = torch.cat([state[f"{name}.{kind}"] for name in ("q_proj", "k_proj", "v_proj")])
            getattr(layer.self_attn, f"in_proj_{kind}").copy_(stacked)
    return layer


def gradients_of(layer):
    """Gradients of torch's layer under our names."""
    attn = layer.self_attn
    named = dict(out_proj=attn.out_proj, fc1=layer.linear1, fc2=layer.linear2)  # noqa: C408
    named |= {"attn_norm": layer.norm1, "ffn_norm": layer.norm2}
    gradients = {f"{n}.{kind}": getattr(m, kind).grad for n, m in named.items() for kind in ("weight", "bias")}
    for kind in ("weight", "bias"):
        parts = getattr(attn, f"in_proj_{kind}").grad.chunk(3)
        gradients |= {f"{n}.{kind}": part for n, part in zip(("q_proj", "k_proj", "v_proj"), parts, strict=True)}
    return gradients


@points(4)
def test_gelu(submission, rng):
    """x Φ(x) of numbers from -40 to 40, any shape"""
    B, T, D = rng.sizes(3)
    scales = torch.tensor([0.1, 1.0, 3.0, 40.0], dtype=torch.float64).view(4, 1, 1, 1)
    x = scales * (2 * rng.rand(4, B, T, D) - 1)
    expected = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x.flatten().tolist()]
    assert_close(submission.gelu(x), torch.tensor(expected, dtype=torch.float64).view_as(x), name="gelu")


@points(4)
def test_layer_norm(submission, rng):
    """each token by itself; eps under the root, 1e-12 unless given"""
    B, T, D = rng.sizes(3, low=3)
    large, weight, bias = 3 * rng.randn(B, T, D) + 5, rng.randn(D), rng.randn(D)
    for size, given in ((1.0, (0.5,)), (1.0, (1e-5,)), (1.0, ()), (1e-6, ())):  # of 1e-6: σ² is not far above 1e-12
        x = size * large
        eps, rows = given[0] if given else 1e-12, []
        for row in x.flatten(0, 1).tolist():
            mu = sum(row) / D
            var = sum((v - mu) ** 2 for v in row) / D
            rows.append([(v - mu) / math.sqrt(var + eps) for v in row])
        expected = torch.tensor(rows, dtype=torch.float64).view(B, T, D) * weight + bias
        assert_close(submission.layer_norm(x, weight, bias, *given), expected, name="normed")
        assert_close(submission.layer_norm(x[0, 0], weight, bias, *given), expected[0, 0], name="normed")


@points(8)
@needs(test_public.test_parameters)
def test_block(submission, rng):
    """1, 3 and 4 heads, as torch's own layer"""
    B, T, D, F = 2, 5, 12, 7
    state, x, H = draw_state(rng, D, F), rng.randn(B, T, D), 3
    state |= {name: torch.zeros_like(state[name]) for name in ("fc2.weight", "fc2.bias")}
    assert_close(build(submission, state, H)(x).detach(), torchs_own(state, H)(x).detach(), name="y where fc2 gives 0")
    for H in (1, 3, 4):
        state, x = draw_state(rng, D, F), rng.randn(B, T, D)
        y = build(submission, state, H)(x)
        assert_close(y.detach(), torchs_own(state, H)(x).detach(), name="y")


@points(3)
@needs(test_public.test_parameters)
def test_eps(submission, rng):
    """layer_norm_eps reaches both norms, 1e-12 unless given"""
    B, T, D, F, H = 2, 5, 6, 7, 3
    state, x = draw_state(rng, D, F), rng.randn(B, T, D)
    y = build(submission, state, H, layer_norm_eps=0.5)(x)
    assert_close(y.detach(), torchs_own(state, H, eps=0.5)(x).detach(), name="y")
    # Both norms have numbers of size 1e-6 to divide, whose σ² is about 1e-12.
    state |= {f"{name}.{kind}": 0 * state[f"{name}.{kind}"] for name in LINEAR for kind in ("weight", "bias")}
    state |= {"attn_norm.weight": 1e-6 * state["attn_norm.weight"], "attn_norm.bias": torch.zeros_like(x[0, 0])}
    y = build(submission, state, H)(1e-6 * x)
    assert_close(y.detach(), torchs_own(state, H)(1e-6 * x).detach(), name="y of tiny numbers, with the eps of BERT")


@points(5)
@needs(test_block)
def test_padding(submission, rng):
    """a token's result is that of its text alone"""
    B, T, D, F, H = 3, 7, 6, 8, 2
    state, x = draw_state(rng, D, F), rng.randn(B, T, D)
    layer = torchs_own(state, H)
    left, right = rng.sizes(2, low=1, high=5)
    spans = [slice(left, T), slice(0, T - right), slice(0, T)]  # padded on the left, on the right, not at all
    tokens = torch.zeros(B, T, dtype=torch.int64)
    for b, span in enumerate(spans):
        tokens[b, span] = 1
    for dtype in (torch.int64, torch.bool, torch.uint8):
        y = build(submission, state, H)(x, tokens.to(dtype))
        for b, span in enumerate(spans):
            alone = layer(x[b : b + 1, span])[0]
            assert_close(y[b, span].detach(), alone.detach(), name=f"tokens of text {b}")
        assert y.isfinite().all(), "At the padding of a text the result is NaN or infinite."
    loud = torch.where(tokens.bool()[..., None], x, 1e6 * rng.randn(B, T, D))  # with scores of a million
    y = build(submission, state, H)(loud, tokens)
    for b, span in enumerate(spans):
        alone = layer(x[b : b + 1, span])[0]
        assert_close(y[b, span].detach(), alone.detach(), name=f"tokens of text {b} beside large padding")


@points(3)
@needs(test_padding)
def test_all_padding(submission, rng):
    """is finite, and changes no other text"""
    B, T, D, F, H = 2, 5, 6, 7, 3
    state, x = draw_state(rng, D, F), rng.randn(B, T, D)
    tokens = torch.ones(B, T, dtype=torch.int64)
    tokens[1] = 0
    block = build(submission, state, H)
    y = block(x, tokens).detach()
    assert_close(y[0], torchs_own(state, H)(x[:1])[0].detach(), name="text of tokens")
    assert y[1].isfinite().all(), "A text that is nothing but padding gave NaN or infinity."
    for dtype in (torch.float32, torch.bfloat16):
        y = block.to(dtype)(x.to(dtype), tokens).detach()
        assert_equal(y.dtype, dtype, name="dtype of y")
        assert y.isfinite().all(), f"In {dtype} a text that is nothing but padding gave NaN or infinity."


@points(2)
@needs(test_public.test_parameters)
def test_no_positions(submission, rng):
    """permuted tokens give permuted results"""
    B, T, D, F, H = 2, 7, 6, 5, 3
    state, x = draw_state(rng, D, F), rng.randn(B, T, D)
    block, order = build(submission, state, H), rng.randperm(T)
    y, permuted = block(x).detach(), block(x[:, order]).detach()
    assert_close(permuted, y[:, order], name="y of permuted tokens")
    moved = block(torch.cat([x[:, :-1], rng.randn(B, 1, D)], dim=1)).detach()[:, 0] - y[:, 0]
    assert moved.abs().max() > 1e-6, "The last token changed, and the first one's result did not notice."


@points(4)
@needs(test_block)
def test_gradients(submission, rng):
    """reach x and all parameters but k_proj.bias"""
    B, T, D, F, H = 2, 4, 6, 5, 3
    state, g = draw_state(rng, D, F), rng.randn(B, T, D)
    x = rng.randn(B, T, D)
    layer, theirs = torchs_own(state, H), x.clone().requires_grad_()
    (layer(theirs) * g).sum().backward()
    block, ours = build(submission, state, H), x.clone().requires_grad_()
    y = block(ours)
    assert y.requires_grad, "No gradient leads from the result to x and the parameters: something was detached."
    (y * g).sum().backward()

    assert_close(ours.grad, theirs.grad, name="gradient of x")
    for name, expected in gradients_of(layer).items():
        gradient = dict(block.named_parameters())[name].grad
        gradient = torch.zeros_like(expected) if gradient is None else gradient
        # A shift of all scores of a query changes no softmax: the gradient of k_proj.bias is rounding alone.
        assert_close(gradient, expected, name=f"gradient of {name}")
