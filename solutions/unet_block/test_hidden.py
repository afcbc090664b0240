"""Block and network against the same maps spelt out from a table of numbers, with norms and doubling by hand."""

import contextlib
import math

import pytest
import torch
from torch.nn.functional import conv2d

from grader.testing import assert_close, assert_equal, needs, points


def of_block(prefix, a, b, E):
    """Names and shapes of a residual block's parameters."""
    shapes = {"conv1": (b, a, 3, 3), "conv2": (b, b, 3, 3), "time_emb_proj": (b, E), "norm1": (a,), "norm2": (b,)}
    if a != b:
        shapes["conv_shortcut"] = (b, a, 1, 1)
    return with_biases({prefix + name: shape for name, shape in shapes.items()})


def with_biases(weights):
    shapes = {f"{name}.weight": shape for name, shape in weights.items()}
    return shapes | {f"{name}.bias": shape[:1] for name, shape in weights.items()}


def of_network(channels, base, multipliers):
    """Names and shapes of a network's parameters."""
    L, E = len(multipliers), 4 * base
    c = {i: base * m for i, m in enumerate(multipliers)}
    shapes = {"time1": (E, base), "time2": (E, E), "conv_in": (c[0], channels, 3, 3), "norm_out": (c[0],)}
    shapes["conv_out"] = (channels, c[0], 3, 3)
    for i in range(L - 1):
        shapes[f"shrink.{i}"] = (c[i], c[i], 3, 3)
        shapes[f"grow.{i}"] = (c[i + 1], c[i + 1], 3, 3)
    all_shapes = with_biases(shapes) | of_block("mid.", c[L - 1], c[L - 1], E)
    for i in range(L):
        all_shapes |= of_block(f"down.{i}.", c[max(i - 1, 0)], c[i], E)
        all_shapes |= of_block(f"up.{i}.", c[min(i + 1, L - 1)] + c[i], c[i], E)
    return all_shapes


def from_the_deepest(shapes, L):
    """The same shapes with up and grow in the order of their use."""
    last = {"up": L - 1, "grow": L - 2}
    turned = {}
    for name, shape in shapes.items():
        part, *rest = name.split(".")
        if part in last:
            rest[0] = str(last[part] - int(rest[0]))
        turned[".".join([part, *rest])] = shape
    return turned


def draw(rng, shapes):
    """Numbers for all parameters that keep activations of size 1; those of norms near 1."""
    state = {}
    for name, shape in shapes.items():
        if name.endswith("bias"):
            state[name] = 0.5 * rng.randn(*shape)
        elif len(shape) == 1:
            state[name] = 1 + 0.3 * rng.randn(*shape)
        else:
            state[name] = rng.randn(*shape) / math.sqrt(math.prod(shape[1:]))
    return state


def load(module, state):
    """The student's module, float64, with these parameters; buffers of its own stay as they are."""
    module = module.to(torch.float64)
    module.load_state_dict(dict(module.state_dict()) | state)
    return module


def silu(x):
    return x / (1 + torch.exp(-x))


def norm(state, name, x, groups):
    parts = x.reshape(len(x), groups, -1)
    centred = parts - parts.mean(-1, keepdim=True)
    parts = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return parts.reshape(x.shape) * state[f"{name}.weight"][:, None, None] + state[f"{name}.bias"][:, None, None]


def conv(state, name, x, **options):
    return conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], **options)


def linear(state, name, x):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def right_block(state, prefix, x, temb, groups):
    h = conv(state, f"{prefix}conv1", silu(norm(state, f"{prefix}norm1", x, groups)), padding=1)
    h = h + linear(state, f"{prefix}time_emb_proj", silu(temb))[..., None, None]
    h = conv(state, f"{prefix}conv2", silu(norm(state, f"{prefix}norm2", h, groups)), padding=1)
    past = conv(state, f"{prefix}conv_shortcut", x) if f"{prefix}conv_shortcut.weight" in state else x
    return past + h


def waves(t, dim):
    """The embedding, number by number, float64."""
    half = dim // 2
    rows = []
    for time in t.tolist():
        angles = [time / 10000 ** (j / (half - 1)) for j in range(half)]
        rows.append([math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles])
    return torch.tensor(rows, dtype=torch.float64)


def right_network(state, x, t, base, L, groups):
    temb = linear(state, "time2", silu(linear(state, "time1", waves(t, base))))
    levels = [conv(state, "conv_in", x, padding=1)]
    for i in range(L):
        levels[i] = right_block(state, f"down.{i}.", levels[i], temb, groups)
        if i < L - 1:
            levels.append(conv(state, f"shrink.{i}", levels[i], stride=2, padding=1))
    h = right_block(state, "mid.", levels[-1], temb, groups)
    while levels:
        h = right_block(state, f"up.{len(levels) - 1}.", torch.cat([h, levels.pop()], dim=1), temb, groups)
        if levels:
            h = h.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
            h = conv(state, f"grow.{len(levels) - 1}", h, padding=1)
    return conv(state, "conv_out", silu(norm(state, "norm_out", h, groups)), padding=1)


def result_of(net, x, t, L):
    """What the network returns. That it asks for one halving too many is told here: it does so in its own words."""
    try:
        return net(x, t)
    except ValueError:
        net(x.repeat(1, 1, 2, 2), t)  # who refuses this, too, does so for another reason, and that is told
    with pytest.raises(ValueError):  # noqa: PT011 - once more, since the screen shows the last call
        net(x, t)
    H, W = x.shape[2:]
    what = f"Your network refuses {H} × {W} and takes {2 * H} × {2 * W}"
    raise AssertionError(f"{what}. How often does it halve an image, with L = {L}?")


def shapes_of(module):
    return {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}


def assert_shapes(module, expected):
    shapes = shapes_of(module)
    assert_equal(sorted(shapes), sorted(expected), name="names of parameters")
    assert_equal(shapes, expected, name="shapes of parameters")


@points(4)
def test_embedding(submission, rng):
    """several widths, t of several dtypes"""
    B = 5
    for dim in (8, 4, 6, 14):
        t = 1000 * rng.rand(B)
        assert_close(submission.timestep_embedding(t, dim), waves(t, dim), name=f"embedding, dim = {dim}")
        whole, between = rng.randint(1, 20, (B,)), 20 * rng.rand(B)
        for small in (whole, between.float(), whole.to(torch.int32), between.half()):
            # float32: an angle below 20 is exact to 1e-6, and to a few times that after exp and log
            expected = waves(small, dim).float()
            assert_close(submission.timestep_embedding(small, dim), expected, atol=3e-5, name=f"embedding, dim = {dim}")


@points(2)
def test_block_names(submission):
    """with conv_shortcut where the channels change, and without"""
    for a, b, E, groups in ((4, 6, 5, 2), (6, 6, 7, 3), (9, 3, 4, 3)):
        assert_shapes(submission.ResBlock(a, b, E, groups), of_block("", a, b, E))


@points(8)
@needs(test_block_names)
def test_block_value(submission, rng):
    """several widths and groups, images that are not square"""
    for a, b, E, groups, H, W in ((4, 6, 5, 2, 7, 3), (6, 6, 7, 3, 4, 5), (12, 4, 3, 4, 2, 5), (3, 3, 6, 1, 5, 4)):
        B = 2
        state = draw(rng, of_block("", a, b, E))
        x, temb = rng.randn(B, a, H, W) + 0.5, 2 * rng.randn(B, E)
        y = load(submission.ResBlock(a, b, E, groups), state)(x, temb)
        assert_close(y.detach(), right_block(state, "", x, temb, groups), name=f"result, {a} to {b} channels")
    faint = 1e-3 * x  # where eps counts
    y = load(submission.ResBlock(a, b, E, groups), state)(faint, temb)
    assert_close(y.detach(), right_block(state, "", faint, temb, groups), name="result for a faint image")


@points(2)
@needs(test_block_names)
def test_block_errors(submission, rng):
    """8 groups unless told otherwise; ValueError where they do not divide"""
    B, a, b, E, H, W = 2, 8, 16, 5, 3, 4
    state, x, temb = draw(rng, of_block("", a, b, E)), rng.randn(B, a, H, W), rng.randn(B, E)
    y = load(submission.ResBlock(a, b, E), state)(x, temb)
    assert_close(y.detach(), right_block(state, "", x, temb, 8), name="result with 8 groups")
    for a, b, groups in ((6, 8, 4), (8, 6, 4), (4, 8, 3)):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.ResBlock(a, b, E, groups)


def compare_gradients(found, leaves, wanted):
    for name, expected in zip(leaves, wanted, strict=True):
        gradient = torch.zeros_like(expected) if found[name] is None else found[name]
        assert_close(gradient, expected, name=f"gradient of {name}")


@points(2)
@needs(test_block_value)
def test_block_gradients(submission, rng):
    """reach x, temb and all parameters"""
    B, E, groups, H, W = 2, 5, 2, 3, 4
    for a, b in ((4, 6), (6, 6)):
        state, g = draw(rng, of_block("", a, b, E)), rng.randn(B, b, H, W)
        x, temb = rng.randn(B, a, H, W).requires_grad_(), rng.randn(B, E).requires_grad_()
        leaves = {"x": x, "temb": temb} | {name: value.clone().requires_grad_() for name, value in state.items()}
        wanted = torch.autograd.grad((right_block(leaves, "", x, temb, groups) * g).sum(), list(leaves.values()))
        block = load(submission.ResBlock(a, b, E, groups), state)
        y = block(x, temb)
        assert y.requires_grad, (
            "No gradient leads from the result to x, temb and the parameters: something was detached."
        )
        (y * g).sum().backward()
        found = {"x": x.grad, "temb": temb.grad} | {name: p.grad for name, p in block.named_parameters()}
        compare_gradients(found, leaves, wanted)


@points(2)
def test_unet_parameters(submission):
    """names and shapes for one, two and three levels"""
    for channels, base, multipliers, groups in ((2, 4, (1,), 2), (1, 6, (2, 1), 3), (3, 4, (1, 3, 2), 4)):
        net = submission.UNet(channels, base, multipliers, groups)
        right = of_network(channels, base, multipliers)
        found, turned = shapes_of(net), from_the_deepest(right, len(multipliers))
        what = "Your up and grow are counted in the order of their use. Which level has the number 0 in the docstring?"
        assert found == right or found != turned, what
        assert_shapes(net, right)
    assert_shapes(submission.UNet(2, 8), of_network(2, 8, (1, 2, 4)))


NETWORKS = (
    (3, 4, (1,), 2, 5, 7),
    (1, 6, (2, 1), 3, 6, 4),
    (2, 4, (1, 3, 2), 4, 8, 12),
    (3, 4, (2, 2, 2), 2, 4, 8),
    (2, 4, (1, 2, 1, 2), 2, 8, 16),
)


@points(10)
@needs(test_unet_parameters)
def test_unet_value(submission, rng):
    """one to four levels, wider and narrower ones, images that are not square"""
    B = 2
    for channels, base, multipliers, groups, H, W in NETWORKS:
        state, t = draw(rng, of_network(channels, base, multipliers)), 1000 * rng.rand(B)
        x = rng.randn(B, channels, H, W)
        y = result_of(load(submission.UNet(channels, base, multipliers, groups), state), x, t, len(multipliers))
        expected = right_network(state, x, t, base, len(multipliers), groups)
        assert_close(y.detach(), expected, name=f"result, multipliers {multipliers}")
    channels, base, H, W = 2, 8, 4, 12
    state, x, t = draw(rng, of_network(channels, base, (1, 2, 4))), rng.randn(B, channels, H, W), 1000 * rng.rand(B)
    y = load(submission.UNet(channels, base), state)(x, t)
    assert_close(y.detach(), right_network(state, x, t, base, 3, 8), name="result with the defaults")


@points(2)
@needs(test_unet_parameters)
def test_sizes(submission, rng):
    """ValueError unless both sides can be halved L - 1 times"""
    B, channels, base, groups = 2, 3, 4, 2
    cases = []
    for multipliers, good, bad in (
        ((1, 2, 1), (4, 12), ((7, 8), (6, 8), (8, 6), (8, 2))),
        ((1, 1), (2, 6), ((3, 4), (4, 3), (3, 5))),
        ((1,), (3, 5), ()),
    ):
        state, t = draw(rng, of_network(channels, base, multipliers)), 10 * rng.rand(B)
        net = load(submission.UNet(channels, base, multipliers, groups), state)
        refused = [rng.randn(B, channels, *sides) for sides in bad]
        for x in refused:  # all of them before the first is judged: together they show what is checked
            with contextlib.suppress(AssertionError, RuntimeError, ValueError):
                net(x, t)
        cases.append((net, state, t, multipliers, good, refused))
    for net, state, t, multipliers, good, refused in cases:
        x = rng.randn(B, channels, *good)
        expected = right_network(state, x, t, base, len(multipliers), groups)
        y = result_of(net, x, t, len(multipliers))
        assert_close(y.detach(), expected, name=f"result for {good}")
        for x in refused:
            with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
                net(x, t)


@points(2)
@needs(test_unet_parameters)
def test_rows_and_time(submission, rng):
    """each row by itself, at its own t, whole or not"""
    B, channels, base, multipliers, groups, H, W = 3, 2, 4, (1, 2), 2, 6, 4
    state = draw(rng, of_network(channels, base, multipliers))
    net = load(submission.UNet(channels, base, multipliers, groups), state)
    x, t = rng.randn(B, channels, H, W), 3 + 100 * rng.rand(B)
    y = net(x, t).detach()
    for row in range(B):
        assert_close(
            net(x[row : row + 1], t[row : row + 1]).detach(), y[row : row + 1], name=f"result for row {row} alone"
        )
    moved = (net(x, t + 1).detach() - y).abs().amax((1, 2, 3))
    assert bool((moved > 1e-6).all()), "Another t gives the same result: the time does not reach the image."

    whole = rng.randint(1, 20, (B,))
    expected = right_network(state, x, whole, base, len(multipliers), groups)
    # the embedding of whole numbers may be float32
    assert_close(net(x, whole).detach(), expected, rtol=1e-3, atol=1e-3, name="result for whole t")
    expected = right_network(state, x, t, base, len(multipliers), groups).float()
    single = net.to(torch.float32)
    # float32: a dozen layers of numbers of size 1; an angle of 100 is exact to 1e-5
    assert_close(single(x.float(), t).detach(), expected, rtol=1e-3, atol=1e-3, name="result in float32, t in float64")


@points(2)
@needs(test_unet_value)
def test_unet_gradients(submission, rng):
    """reach x and all parameters"""
    B, channels, base, multipliers, groups, H, W = 2, 3, 4, (1, 2), 2, 4, 6
    state, g = draw(rng, of_network(channels, base, multipliers)), rng.randn(B, channels, H, W)
    x, t = rng.randn(B, channels, H, W).requires_grad_(), 100 * rng.rand(B)
    leaves = {"x": x} | {name: value.clone().requires_grad_() for name, value in state.items()}
    result = right_network(leaves, x, t, base, len(multipliers), groups)
    wanted = torch.autograd.grad((result * g).sum(), list(leaves.values()))
    net = load(submission.UNet(channels, base, multipliers, groups), state)
    y = net(x, t)
    assert y.requires_grad, "No gradient leads from the result to x and the parameters: something was detached."
    (y * g).sum().backward()
    compare_gradients({"x": x.grad} | {name: p.grad for name, p in net.named_parameters()}, leaves, wanted)
