"""The layer against one query of one head at a time."""

import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

B, T, S, D, F = 2, 5, 7, 12, 10


def draw_state(rng):
    """Random parameters in float64, by name."""
    state = {}
    for name in ("q", "k", "v", "out"):
        for part in ("self", "cross"):
            state[f"{part}_{name}_proj.weight"] = 0.4 * rng.randn(D, D)
            state[f"{part}_{name}_proj.bias"] = 0.4 * rng.randn(D)
    state |= {"fc1.weight": 0.5 * rng.randn(F, D), "fc2.weight": 0.5 * rng.randn(D, F)}
    state |= {"fc1.bias": rng.randn(F), "fc2.bias": rng.randn(D)}
    for part in ("self", "cross", "ffn"):
        state[f"{part}_norm.weight"] = 1 + 0.3 * rng.randn(D)
        state[f"{part}_norm.bias"] = 0.3 * rng.randn(D)
    return state


def build(submission, state, heads, **options):
    """The student's block, float64, with these parameters; buffers of its own stay as they are."""
    block = submission.Seq2SeqDecoderBlock(D, heads, F, **options).to(torch.float64)
    block.load_state_dict(dict(block.state_dict()) | state)
    return block


def expected_layer(state, heads, x, memory, memory_mask=None, target_mask=None, eps=1e-5):
    """The layer (B, T, D) with explicit sets of visible keys, one query of one head at a time."""

    def linear(name, x):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(name, x):
        centred = x - x.mean(-1, keepdim=True)
        scale = torch.sqrt((centred**2).mean(-1, keepdim=True) + eps)
        return centred / scale * state[f"{name}_norm.weight"] + state[f"{name}_norm.bias"]

    def attend(part, x, source, visible):
        q = linear(f"{part}_q_proj", x)
        k, v = linear(f"{part}_k_proj", source), linear(f"{part}_v_proj", source)
        K = x.shape[-1] // heads
        out = torch.zeros_like(q)
        for b in range(x.shape[0]):
            for t in range(x.shape[1]):
                keys = [s for s in range(source.shape[1]) if visible(b, t, s)]
                for h in range(heads if keys else 0):
                    own = slice(h * K, (h + 1) * K)
                    e = torch.exp(k[b, keys, own] @ q[b, t, own] / math.sqrt(K))
                    out[b, t, own] = (e / e.sum()) @ v[b, keys, own]
        return linear(f"{part}_out_proj", out)

    def in_target(b, t, s):
        return s <= t and (target_mask is None or bool(target_mask[b, s]))

    def in_source(b, t, s):
        return memory_mask is None or bool(memory_mask[b, s])

    x = norm("self", x + attend("self", x, x, in_target))
    x = norm("cross", x + attend("cross", x, memory, in_source))
    hidden = linear("fc1", x)
    gelu = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
    return norm("ffn", x + linear("fc2", gelu))


def padded(lengths, size):
    """1 for the first `length` of `size` positions in each row, int64."""
    return torch.tensor([[int(t < length) for t in range(size)] for length in lengths])


@points(6)
@needs(test_public.test_parameters)
def test_values(submission, rng):
    """all real tokens, H = 1, 4, 6, S = 7, 1"""
    state = draw_state(rng)
    x, short, block = rng.randn(B, T, D), rng.randn(B, 1, D), build(submission, state, 6, eps=0.5)
    assert_close(block(x, short), expected_layer(state, 6, x, short, eps=0.5), name="y at eps = 0.5")
    for H in (1, 4, 6):
        x, memory = rng.randn(B, T, D), rng.randn(B, S, D)
        block = build(submission, state, H)
        assert_close(block(x, memory), expected_layer(state, H, x, memory), name="y")


@points(4)
@needs(test_values)
def test_masks(submission, rng):
    """padding on either side of source and target"""
    state, H = draw_state(rng), 3
    block = build(submission, state, H)
    x, memory = rng.randn(B, T, D), rng.randn(B, S, D)
    right, source = padded((T, 3), T), padded((4, S), S)
    left = source.flip(1).to(torch.uint8), right.flip(1).to(torch.int32)
    for masks in ((source, None), (None, right), (source.bool(), right.bool()), left):
        assert_close(block(x, memory, *masks), expected_layer(state, H, x, memory, *masks), name="y")


@points(3)
@needs(test_public.test_parameters)
def test_source_padding(submission, rng):
    """padded memory is never read"""
    block = build(submission, draw_state(rng), 4)
    x, memory, mask = rng.randn(B, T, D), rng.randn(B, S, D), padded((3, 5), S)
    other = torch.where(mask[..., None].bool(), memory, 10 * rng.randn(B, S, D))
    y = block(x, memory, memory_mask=mask)
    assert_close(block(x, other, memory_mask=mask), y, name="y with other padding")
    assert_close(block(x[:1], memory[:1, :3]), y[:1], name="y without the padding")


@points(2)
@needs(test_public.test_parameters)
def test_target_padding(submission, rng):
    """padded targets are not read by real ones"""
    block = build(submission, draw_state(rng), 4)
    x, memory, mask = rng.randn(B, T, D), rng.randn(B, S, D), padded((3, 3), T).flip(1)
    other = x.clone()
    other[:, :2] = 10 * rng.randn(B, 2, D)
    y = block(x, memory, target_mask=mask)[:, 2:]
    assert_close(block(other, memory, target_mask=mask)[:, 2:], y, name="y of the real tokens")
    assert_close(block(x[:, 2:], memory), y, name="y of the real tokens")


@points(4)
@needs(test_public.test_parameters)
def test_causal(submission, rng):
    """later targets change nothing before them"""
    block = build(submission, draw_state(rng), 4)
    x, memory = rng.randn(B, T, D), rng.randn(B, S, D)
    y = block(x, memory)
    for t in range(1, T):
        other = torch.cat([x[:, :t], rng.randn(B, T - t, D)], dim=1)
        assert_close(block(other, memory)[:, :t], y[:, :t], name="y before the change")
        assert_close(block(x[:, :t], memory), y[:, :t], name="y of the beginning alone")


@points(4)
@needs(test_values)
def test_decode(submission, rng):
    """saved keys and values give the same"""
    state, H = draw_state(rng), 4
    K = D // H
    block = build(submission, state, H)
    x, memory, mask = rng.randn(B, T, D), rng.randn(B, S, D), padded((4, S), S)
    k, v = block.memory_kv(memory)
    for name, heads in (("k", k), ("v", v)):
        rows = memory @ state[f"cross_{name}_proj.weight"].T + state[f"cross_{name}_proj.bias"]
        expected = torch.stack([rows[..., h * K : (h + 1) * K] for h in range(H)], dim=1)
        assert_close(heads, expected, name=f"memory_{name}")
    y = expected_layer(state, H, x, memory, mask)
    for t in (1, 3, T):
        assert_close(block.decode(x[:, :t], k, v, mask), y[:, :t], name="y")
    target = padded((T, 2), T)
    expected = expected_layer(state, H, x, memory, mask, target)
    assert_close(block.decode(x, k, v, memory_mask=mask, target_mask=target), expected, name="y")


@points(2)
@needs(test_public.test_parameters)
def test_memory_order(submission, rng):
    """shuffling the source changes nothing"""
    block = build(submission, draw_state(rng), 4)
    x, memory, mask = rng.randn(B, T, D), rng.randn(B, S, D), padded((4, 6), S)
    order = rng.randperm(S)
    y = block(x, memory, memory_mask=mask)
    assert_close(block(x, memory[:, order], memory_mask=mask[:, order]), y, name="y")


@points(3)
@needs(test_values)
def test_nothing_to_read(submission, rng):
    """an empty source, padding as first token"""
    state, H = draw_state(rng), 4
    block = build(submission, state, H)
    x, memory = rng.randn(B, T, D), rng.randn(B, S, D)
    source, target = padded((0, 3), S), padded((2, T), T).flip(1)
    expected = expected_layer(state, H, x, memory, source, target)
    assert_close(block(x, memory, source, target), expected, name="y")


@points(2)
@needs(test_values)
def test_gradients(submission, rng):
    """reach x, the memory and all parameters, without NaN"""
    state, H, g = draw_state(rng), 2, rng.randn(B, T, D)
    empty = padded((0, 3), S), padded((2, T), T).flip(1)
    for masks, what in (((None, None), ""), (empty, ", with an empty source and padding as first token")):
        block = build(submission, state, H)
        inputs = rng.randn(B, T, D).requires_grad_(), rng.randn(B, S, D).requires_grad_()
        y = block(*inputs, *masks)
        assert y.requires_grad, "No gradient leads from the output to the inputs: something was detached."
        (y * g).sum().backward()
        # The formula's own gradient, by autograd through the loops.
        leaves = {name: tensor.clone().requires_grad_() for name, tensor in state.items()}
        copies = [tensor.detach().clone().requires_grad_() for tensor in inputs]
        (expected_layer(leaves, H, *copies, *masks) * g).sum().backward()
        found = {name: parameter.grad for name, parameter in block.named_parameters()}
        for name, leaf in leaves.items():
            assert_close(found[name], leaf.grad, name=f"gradient of {name}{what}")
        assert_close(inputs[0].grad, copies[0].grad, name=f"gradient of x{what}")
        assert_close(inputs[1].grad, copies[1].grad, name=f"gradient of the memory{what}")


@points(2)
def test_shift(submission, rng):
    """one place to the right, in every row; any pad id"""
    rows, columns = rng.sizes(2, low=3, high=12)
    labels = rng.randint(10, 90, (rows, columns))
    labels[1, 1:] = -100
    labels[2, 0] = -100
    for start, pad in ((2, 0), (3, 1), (0, 0), (95, 91)):
        body = [[pad if token == -100 else token for token in row[:-1]] for row in labels.tolist()]
        expected = torch.tensor([[start, *row] for row in body])
        assert_equal(submission.shift_right(labels, start, pad), expected, name="what the decoder reads")
        assert_equal(submission.shift_right(labels[:, :1], start, pad), expected[:, :1], name="what the decoder reads")
