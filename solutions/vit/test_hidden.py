"""The model against torch's own encoder layers, the resizing against weights of Python numbers, published counts."""

import math

import pytest
import test_public
import torch
from torch import nn

from grader.testing import assert_close, assert_equal, needs, points

LINEAR = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")


def draw(rng, g, P, C, D, depth, F, classes):
    """A random state, float64, norms and biases included, that keeps activations near size 1."""

    def linear(name, rows, columns):
        weight = 1.5 * rng.randn(rows, columns) / math.sqrt(columns)
        return {f"{name}.weight": weight, f"{name}.bias": rng.randn(rows)}

    def norm(name):
        return {f"{name}.weight": 1 + 0.3 * rng.randn(D), f"{name}.bias": rng.randn(D)}

    state = {"cls_token": rng.randn(1, 1, D), "pos_embed": rng.randn(1, g * g + 1, D)}
    patches = linear("patch_embed.proj", D, C * P * P)
    state |= patches | {"patch_embed.proj.weight": patches["patch_embed.proj.weight"].view(D, C, P, P)}
    for i in range(depth):
        sizes = {"attn.qkv": (3 * D, D), "attn.proj": (D, D), "mlp.fc1": (F, D), "mlp.fc2": (D, F)}
        for name in LINEAR:
            state |= linear(f"blocks.{i}.{name}", *sizes[name])
        state |= norm(f"blocks.{i}.norm1") | norm(f"blocks.{i}.norm2")
    return state | norm("norm") | linear("head", classes, D)


def built(submission, state, g, H):
    """The student's model, float64, with these parameters."""
    D, C, P, _ = state["patch_embed.proj.weight"].shape
    depth = sum(name.endswith("qkv.bias") for name in state)
    F, classes = len(state.get("blocks.0.mlp.fc1.bias", [0])), len(state["head.bias"])
    vit = submission.ViT(g * P, P, C, D, depth, H, F, classes).to(torch.float64)
    vit.load_state_dict(state)
    return vit


def torchs_layer(state, i, H):
    """Block i as a layer of torch, with the names of its parameters here and there."""
    F, D = state[f"blocks.{i}.mlp.fc1.weight"].shape
    layer = nn.TransformerEncoderLayer(
        D, H, F, 0.0, "gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True, dtype=torch.float64
    )
    theirs = {"norm1": "norm1", "norm2": "norm2", "attn.proj": "self_attn.out_proj"}
    theirs |= {"mlp.fc1": "linear1", "mlp.fc2": "linear2"}
    names = {f"{theirs[part]}.{kind}": f"{part}.{kind}" for part in theirs for kind in ("weight", "bias")}
    names |= {f"self_attn.in_proj_{kind}": f"attn.qkv.{kind}" for kind in ("weight", "bias")}
    return layer, names


def tokens(images, state):
    """The class token and the patches, with positions, (B, N + 1, D)."""
    weight, bias = state["patch_embed.proj.weight"], state["patch_embed.proj.bias"]
    P = weight.shape[-1]
    g = images.shape[-1] // P
    rows = [state["cls_token"][:, 0].expand(len(images), -1)]
    for r in range(g):
        for c in range(g):
            block = images[:, :, r * P : r * P + P, c * P : c * P + P]
            rows.append(torch.einsum("bcij,dcij->bd", block, weight) + bias)
    return torch.stack(rows, dim=1) + state["pos_embed"]


def right_features(images, state, H):
    """(B, N + 1, D) after the last norm. Gradients flow to what of the state requires them."""
    x = tokens(images, state)
    for i in range(sum(name.endswith("qkv.bias") for name in state)):
        layer, names = torchs_layer(state, i, H)
        own = {theirs: state[f"blocks.{i}.{ours}"] for theirs, ours in names.items()}
        x = torch.func.functional_call(layer, own, x)
    centred = x - x.mean(-1, keepdim=True)
    normed = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-6)
    return normed * state["norm.weight"] + state["norm.bias"]


def cubic(t):
    """The kernel of torch's bicubic interpolation at a distance of t pixels, a = -3/4."""
    t, a = abs(t), -0.75
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def resizing(g, n):
    """(n, g): what each of g pixels gives to each of n that cover the same length; the outermost go on beyond it."""
    weights = torch.zeros(n, g, dtype=torch.float64)
    for i in range(n):
        place = (i + 0.5) * g / n - 0.5
        for pixel in range(math.floor(place) - 1, math.floor(place) + 3):
            weights[i, min(max(pixel, 0), g - 1)] += cubic(place - pixel)
    return weights


@points(4)
@needs(test_public.test_example_count)
def test_counts(submission, rng):
    """B/32, L/16, L/32, H/14, and a model as built"""
    published = [
        ((224, 32, 3, 768, 12, 3072, 1000), 88_224_232),
        ((224, 16, 3, 1024, 24, 4096, 1000), 304_326_632),
        ((224, 32, 3, 1024, 24, 4096, 1000), 306_535_400),
        ((224, 14, 3, 1280, 32, 5120, 1000), 632_045_800),
    ]
    for config, parameters in published:
        assert_equal(submission.vit_param_count(*config), parameters, name="parameters")
    g, P, C, D, depth, F, classes = rng.sizes(7, high=10)
    F += 4 * D  # so F is never 4 D, which it is in all that was published
    parameters = sum(value.numel() for value in draw(rng, g, P, C, D, depth, F, classes).values())
    assert_equal(submission.vit_param_count(g * P, P, C, D, depth, F, classes), parameters, name="parameters")


@points(7)
@needs(test_public.test_parameters)
def test_features(submission, rng):
    """1, 3 and 4 heads, 1 to 3 blocks, as torch's layers"""
    B, g, P, C, D, F, classes = 2, 3, 5, 4, 12, 7, 6
    I, T = g * P, g * g + 1  # noqa: E741 - the side of an image
    images = rng.randn(B, C, I, I)
    for H, depth in ((1, 1), (3, 2), (4, 3)):
        state = draw(rng, g, P, C, D, depth, F, classes)
        x = built(submission, state, g, H).features(images)
        assert_equal(x.shape, (B, T, D), name="shape of features")
        assert_close(x.detach(), right_features(images, state, H), name=f"features, heads: {H}")


@points(4)
@needs(test_public.test_parameters)
def test_logits(submission, rng):
    """the head on the class token"""
    B, g, P, C, D, F, H, classes = 5, 3, 2, 4, 12, 8, 6, 7
    state, images = draw(rng, g, P, C, D, 2, F, classes), rng.randn(B, C, g * P, g * P)
    x = right_features(images, state, H)[:, 0]
    expected = x @ state["head.weight"].T + state["head.bias"]
    assert_close(built(submission, state, g, H)(images).detach(), expected, name="logits")


@points(4)
@needs(test_logits)
def test_gradients(submission, rng):
    """reach every pixel and every parameter"""
    B, g, P, C, D, F, H, classes = 3, 2, 4, 1, 6, 7, 3, 5
    state = draw(rng, g, P, C, D, 2, F, classes)
    mine = rng.randn(B, C, g * P, g * P).requires_grad_()
    theirs = mine.detach().clone().requires_grad_()
    vit, w = built(submission, state, g, H), rng.randn(B, classes)
    logits = vit(mine)
    assert logits.requires_grad, "No gradient leads from the logits to images and parameters: something was detached."
    (logits * w).sum().backward()

    leaves = {name: value.clone().requires_grad_() for name, value in state.items()}
    x = right_features(theirs, leaves, H)[:, 0]
    ((x @ leaves["head.weight"].T + leaves["head.bias"]) * w).sum().backward()
    assert_close(mine.grad, theirs.grad, name="gradient of images")
    for name, parameter in vit.named_parameters():
        assert parameter.grad is not None, f"No gradient reaches {name}."
        # A shift of all scores of a query changes no softmax: the gradient of the keys' bias is rounding alone.
        assert_close(parameter.grad, leaves[name].grad, name=f"gradient of {name}")


@points(3)
@needs(test_public.test_parameters)
def test_no_mask(submission, rng):
    """the first patch sees the last one"""
    B, g, P, C, D, F, H = 1, 3, 2, 4, 6, 8, 3
    vit = built(submission, draw(rng, g, P, C, D, 1, F, 5), g, H)
    images = rng.randn(B, C, g * P, g * P)
    changed = images.clone()
    changed[:, :, -P:, -P:] += 1
    moved = (vit.features(changed) - vit.features(images)).detach().abs().amax((0, 2))
    for token in (0, 1, g * g):
        name = "The class token" if token == 0 else f"Patch {token - 1}"
        assert moved[token] > 1e-6, f"The last patch of the image changed, and {name.lower()} did not notice."


@points(3)
@needs(test_public.test_parameters)
def test_permutation(submission, rng):
    """patches moved with their positions: same logits"""
    B, g, P, C, D, F, H = 2, 3, 2, 4, 12, 8, 3
    state = draw(rng, g, P, C, D, 2, F, 5)
    images, order = rng.randn(B, C, g * P, g * P), rng.randperm(g * g)
    moved = torch.zeros_like(images)
    for n, m in enumerate(order.tolist()):  # patch m goes to place n
        (r, c), (i, j) = divmod(n, g), divmod(m, g)
        moved[:, :, r * P : r * P + P, c * P : c * P + P] = images[:, :, i * P : i * P + P, j * P : j * P + P]
    positions = state["pos_embed"][:, torch.cat([torch.tensor([0]), 1 + order])]
    y = built(submission, state, g, H)(images).detach()
    assert_close(built(submission, state | {"pos_embed": positions}, g, H)(moved).detach(), y, name="logits")
    apart = (built(submission, state, g, H)(moved).detach() - y).abs().max()
    assert apart > 1e-6, "The patches changed places, their positions did not, and the logits are the same."


@points(1)
@needs(test_public.test_parameters)
def test_fresh(submission, rng):
    """a new model is finite and sees its image"""
    torch.manual_seed(int(rng.randint(0, 1000, (1,))))
    vit = submission.ViT(8, 4, 3, 12, 2, 3, 24, 5)
    x = vit.features(rng.randn(2, 3, 8, 8, dtype=torch.float32)).detach()
    assert x.isfinite().all(), "A new model gives NaN or infinity: some parameters hold what was in memory before."
    assert (x[0] - x[1]).abs().max() > 0, "A new model gives the same features to two different images."


@points(4)
def test_resize(submission, rng):
    """bicubic, up and down; row 0 as it was"""
    D = 5
    for g, n in ((4, 7), (7, 3), (3, 3), (1, 2), (14, 24)):
        pos_embed = rng.randn(1, g * g + 1, D).requires_grad_()
        grid = pos_embed.detach()[0, 1:].view(g, g, D)
        weights = resizing(g, n)
        expected = torch.einsum("yr,xc,rcd->yxd", weights, weights, grid).reshape(n * n, D)
        expected = torch.cat([pos_embed.detach()[0, :1], expected])[None]
        resized, w = submission.resize_positions(pos_embed, n), rng.randn(1, n * n + 1, D)
        assert_close(resized.detach(), expected, name=f"positions, {g}×{g} to {n}×{n}")
        assert resized.requires_grad, "No gradient leads from the new table to the old one: something was detached."
        (resized * w).sum().backward()
        to_grid = torch.einsum("yr,xc,yxd->rcd", weights, weights, w[0, 1:].view(n, n, D)).reshape(g * g, D)
        assert_close(pos_embed.grad, torch.cat([w[0, :1], to_grid])[None], name="gradient of pos_embed")


@points(1)
@needs(test_logits)
def test_other_images(submission, rng):
    """an error for images of another size"""
    g, P, C, D, F, H, classes = 2, 4, 1, 6, 7, 3, 5
    state, I = draw(rng, g, P, C, D, 1, F, classes), g * P  # noqa: E741 - the side of an image
    vit = built(submission, state, g, H)
    sizes = (I + P, I + P), (I, I + P), (2 * I, I // 2), (I + 1, I + 1), (I, I + 1), (I + 1, I)
    for height, width in sizes:
        for call in (vit, vit.features):
            with pytest.raises((ValueError, RuntimeError, AssertionError)):
                call(rng.randn(2, C, height, width))
