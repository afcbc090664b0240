"""The block against torch's attention with everything else spelt out; counts against matrices, one by one."""

import math

import test_public
import torch
from torch.nn.functional import multi_head_attention_forward

from grader.testing import assert_close, assert_equal, needs, points


def draw_state(rng, D, F):
    """Random parameters, ada and biases included, that keep activations near size 1."""
    state = {}
    for name, rows, columns in (("qkv", 3 * D, D), ("proj", D, D), ("fc1", F, D), ("fc2", D, F), ("ada", 6 * D, D)):
        state[f"{name}.weight"] = 1.5 * rng.randn(rows, columns) / math.sqrt(columns)
        state[f"{name}.bias"] = rng.randn(rows)
    return state


def build(submission, state, H):
    """The student's block, float64, with these parameters; buffers of its own stay as they are."""
    F, D = state["fc1.weight"].shape
    block = submission.DiTBlock(D, H, F).to(torch.float64)
    block.load_state_dict(dict(block.state_dict()) | state)
    return block


def norm(x):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()


def attention(state, a, H):
    """torch's own, which wants time first."""
    a = a.transpose(0, 1)
    out, _ = multi_head_attention_forward(
        a, a, a, a.shape[-1], H, state["qkv.weight"], state["qkv.bias"], None, None, False, 0.0,
        state["proj.weight"], state["proj.bias"], need_weights=False,
    )  # fmt: skip
    return out.transpose(0, 1)


def mlp(state, a):
    hidden = a @ state["fc1.weight"].T + state["fc1.bias"]
    hidden = hidden / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3)))
    return hidden @ state["fc2.weight"].T + state["fc2.bias"]


def right(state, x, c, H):
    """y, one image after the other."""
    D, ys = x.shape[-1], []
    for tokens, condition in zip(x, c, strict=True):
        active = condition / (1 + torch.exp(-condition))
        knobs = (state["ada.weight"] @ active + state["ada.bias"]).view(6, D)
        a = norm(tokens) + norm(tokens) * knobs[1] + knobs[0]
        h = tokens + attention(state, a[None], H)[0] * knobs[2]
        a = norm(h) + norm(h) * knobs[4] + knobs[3]
        ys.append(h + mlp(state, a) * knobs[5])
    return torch.stack(ys)


@points(6)
@needs(test_public.test_example_embedding)
def test_embedding(submission, rng):
    """fractions, whole numbers, any dtype, width, period"""
    B = 5
    for dim, max_period in ((8, 10000.0), (7, 10000.0), (2, 10000.0), (12, 50.0), (9, 3.0)):
        half = dim // 2
        whole = rng.randint(1, 20, (B,))
        for t in (1000 * rng.rand(B), whole, whole.float(), whole.half()):
            rows = []
            for step in t.tolist():
                angles = [step / max_period ** (j / half) for j in range(half)]
                rows.append([math.cos(v) for v in angles] + [math.sin(v) for v in angles] + [0.0] * (dim % 2))
            expected = torch.tensor(rows, dtype=torch.float64)
            if t.dtype != torch.float64:
                expected = expected.float()
            embedding = submission.timestep_embedding(t, dim, max_period)
            # float32: an angle below 20 is exact to 1e-6, and to a few times that after exp and log
            tolerance = {} if t.dtype == torch.float64 else {"atol": 3e-5}
            assert_close(embedding, expected, **tolerance, name="embedding")


@points(6)
@needs(test_public.test_example_modulate)
def test_modulate(submission, rng):
    """each image by its own two rows"""
    B, T, D = rng.sizes(3)
    shift, scale = rng.randn(B, D), rng.randn(B, D)
    for tokens in (T, B):  # as many tokens as images: an axis in the wrong place does not raise
        x = rng.randn(B, tokens, D)
        expected = [
            [[v + v * s + m for v, m, s in zip(token, *rows, strict=True)] for token in image]
            for image, *rows in zip(x.tolist(), shift.tolist(), scale.tolist(), strict=True)
        ]
        modulated = submission.modulate(x, shift, scale)
        assert_close(modulated, torch.tensor(expected, dtype=torch.float64), name="modulated")


@points(12)
@needs(test_public.test_parameters)
def test_block(submission, rng):
    """random weights, with 1, 3 and 4 heads"""
    B, T, D, F = 2, 5, 12, 7
    for H in (1, 3, 4):
        state, x, c = draw_state(rng, D, F), rng.randn(B, T, D), 2 * rng.randn(B, D)
        y = build(submission, state, H)(x, c)
        assert_close(y.detach(), right(state, x, c, H), name="y")


@points(6)
@needs(test_public.test_new_block)
def test_gates(submission, rng):
    """in a new block the gates learn, and they alone"""
    B, T, D, F, H = 3, 5, 6, 7, 2
    block = submission.DiTBlock(D, H, F).to(torch.float64)
    state = {name: parameter.detach().clone() for name, parameter in block.named_parameters()}
    for name in ("qkv.weight", "proj.weight", "fc1.weight", "fc2.weight"):
        assert state[name].any(), f"In a new block {name} is zero throughout. Which map alone starts at zero?"
    x, c, g = rng.randn(B, T, D), rng.randn(B, D), rng.randn(B, T, D)
    x.requires_grad_()
    y = block(x, c)
    assert y.requires_grad, "No gradient leads from the result to x and the parameters: something was detached."
    (y * g).sum().backward()
    assert_close(x.grad, g, name="gradient of x")

    a = norm(x.detach())
    branches = attention(state, a, H), mlp(state, a)
    expected = torch.zeros(6, D, D, dtype=torch.float64), torch.zeros(6, D, dtype=torch.float64)
    for row, branch in zip((2, 5), branches, strict=True):
        of_gates = (g * branch).sum(1)  # (B, D)
        expected[0][row] = of_gates.T @ (c * torch.sigmoid(c))
        expected[1][row] = of_gates.sum(0)
    gradients = {name: parameter.grad for name, parameter in block.named_parameters()}
    for kind, gradient in zip(("weight", "bias"), expected, strict=True):
        assert gradients[f"ada.{kind}"] is not None, f"No gradient reaches ada.{kind}."
        assert_close(gradients.pop(f"ada.{kind}"), gradient.flatten(0, 1), name=f"gradient of ada.{kind}")
        for row, what in ((2, "attention"), (5, "MLP")):
            moved = gradient[row].abs().max() > 0
            assert moved, f"The {what} branch of a new block gives zeros: neither it nor its gate can ever learn."
    for name, gradient in gradients.items():
        zero = torch.zeros_like(state[name])
        assert_close(zero if gradient is None else gradient, zero, name=f"gradient of {name}")


@points(3)
@needs(test_block)
def test_gradients(submission, rng):
    """reach x, c and all parameters"""
    B, T, D, F, H = 2, 4, 6, 5, 3
    state, g = draw_state(rng, D, F), rng.randn(B, T, D)
    x, c = rng.randn(B, T, D).requires_grad_(), rng.randn(B, D).requires_grad_()
    theirs = {name: value.clone().requires_grad_() for name, value in state.items()}
    wanted = torch.autograd.grad((right(theirs, x, c, H) * g).sum(), [x, c, *theirs.values()])
    block = build(submission, state, H)
    y = block(x, c)
    assert y.requires_grad, "No gradient leads from the result to x, c and the parameters: something was detached."
    (y * g).sum().backward()
    gradients = {"x": x.grad, "c": c.grad} | {name: parameter.grad for name, parameter in block.named_parameters()}
    for name, expected in zip(("x", "c", *state), wanted, strict=True):
        gradient = torch.zeros_like(expected) if gradients[name] is None else gradients[name]
        assert_close(gradient, expected, name=f"gradient of {name}")


@points(3)
def test_count_of_paper(submission):
    """S, B, L and XL, with patches of 2"""
    for D, depth, count in (
        (384, 12, 32_865_056),
        (768, 12, 130_315_808),
        (1024, 24, 457_840_672),
        (1152, 28, 674_834_720),
    ):
        assert_equal(submission.dit_param_count(D, depth), count, name=f"parameters with D = {D}")


@points(3)
@needs(test_count_of_paper)
def test_count(submission, rng):
    """other patches, latents, ratios and classes"""
    for half in (0, 0.5, 0, 0.5):
        D, depth, P, C, classes, ratio = rng.sizes(6, low=2, high=12)
        D, ratio = 2 * D, ratio + half
        F = int(ratio * D)  # whole before, too
        sides = 8 * P, 40 * P
        for learn_sigma in (True, False):
            linear = [(C * P * P, D), (256, D), (D, D), (D, 2 * D), (D, P * P * C * (2 if learn_sigma else 1))]
            for _ in range(depth):
                linear += [(D, 3 * D), (D, D), (D, F), (F, D), (D, 6 * D)]
            expected = (classes + 1) * D + sum(n * m + m for n, m in linear)
            for side in sides:
                count = submission.dit_param_count(
                    dim=D, depth=depth, patch=P, channels=C, input_size=side, mlp_ratio=float(ratio),
                    num_classes=classes, learn_sigma=learn_sigma,
                )  # fmt: skip
                assert_equal(count, expected, name="parameters")
