"""Multi-head attention against one head after another, and against torch's own module."""

import math

import test_public
import torch
from torch import nn

from grader.testing import assert_close, assert_equal, needs, points

NAMES = ("q_proj", "k_proj", "v_proj", "out_proj")


def random_state(rng, D, bias=True):
    """Parameters for which scores and outputs have size 1."""
    state = {f"{name}.weight": rng.randn(D, D) / math.sqrt(D) for name in NAMES}
    return state | ({f"{name}.bias": rng.randn(D) for name in NAMES} if bias else {})


def module(submission, state, H):
    """The student's module, float64, with these parameters."""
    mha = submission.MultiHeadAttention(len(state["q_proj.weight"]), H, bias="q_proj.bias" in state).double()
    mha.load_state_dict(state)
    return mha


def by_head(state, H, query, key, value, mask=None):
    """Weights (B, H, T, S) and contributions (B, H, T, D), each head from its own slices of the matrices."""
    (B, T, _), S = query.shape, key.shape[1]
    K = len(state["q_proj.weight"]) // H
    mask = torch.ones(B, H, T, S, dtype=torch.bool) if mask is None else mask.expand(B, H, T, S)
    all_weights, contributions = [], []
    for h in range(H):
        own = slice(h * K, (h + 1) * K)
        q, k, v = (
            x @ state[f"{name}.weight"][own].T + (state[f"{name}.bias"][own] if f"{name}.bias" in state else 0.0)
            for name, x in (("q_proj", query), ("k_proj", key), ("v_proj", value))
        )
        e = torch.exp(torch.einsum("btk,bsk->bts", q, k) / K**0.5) * mask[:, h]
        all_weights.append(e / e.sum(-1, keepdim=True))
        contributions.append(all_weights[-1] @ v @ state["out_proj.weight"][:, own].T)
    return torch.stack(all_weights, 1), torch.stack(contributions, 1)


def attention(state, H, query, key, value, mask=None):
    """Output and weights."""
    weights, contributions = by_head(state, H, query, key, value, mask)
    return contributions.sum(1) + state.get("out_proj.bias", 0.0), weights


def random_mask(rng, *shape):
    """bool, at least one True in every row"""
    mask = rng.rand(*shape) < 0.5
    return mask.scatter(-1, rng.randint(0, shape[-1], (*shape[:-1], 1)), True)


@points(5)
@needs(test_public.test_parameters)
def test_self_attention(submission, rng):
    """1, 2, 4 and 8 heads, with and without bias"""
    B, T, D = 2, 5, 8
    x = rng.randn(B, T, D)
    for H, bias in [(4, True), (1, True), (8, False), (2, False)]:
        state = random_state(rng, D, bias)
        assert_close(module(submission, state, H)(x, x, x), attention(state, H, x, x, x))
    untold = dict(submission.MultiHeadAttention(D, 2).named_parameters())
    assert_equal(sorted(untold), sorted(random_state(rng, D)), name="names of the parameters without an argument bias")


@points(3)
@needs(test_public.test_parameters)
def test_cross_attention(submission, rng):
    """T queries on S keys, and other values"""
    B, T, S, H, K = rng.sizes(5, high=7)
    D = H * K
    query, key, value = rng.randn(B, T, D), rng.randn(B, S, D), rng.randn(B, S, D)
    state = random_state(rng, D)
    assert_close(module(submission, state, H)(query, key, value), attention(state, H, query, key, value))


@points(4)
@needs(test_public.test_parameters)
def test_mask(submission, rng):
    """True may attend, in all shapes of a mask"""
    B, T, S, H, K = rng.sizes(5, high=7)
    D = H * K
    query, key, value = rng.randn(B, T, D), rng.randn(B, S, D), rng.randn(B, S, D)
    state = random_state(rng, D)
    mha = module(submission, state, H)
    for shape in [(T, S), (H, T, S), (B, 1, 1, S), (B, H, T, S)]:
        mask = random_mask(rng, *shape)
        assert_close(mha(query, key, value, mask), attention(state, H, query, key, value, mask))


@points(3)
@needs(test_public.test_parameters)
def test_weights(submission, rng):
    """each row sums to 1, masked keys get 0"""
    B, T, S, H, K = rng.sizes(5, high=7)
    D = H * K
    query, key, value = rng.randn(B, T, D), rng.randn(B, S, D), rng.randn(B, S, D)
    mask = random_mask(rng, B, H, T, S)
    _, weights = module(submission, random_state(rng, D), H)(query, key, value, mask)
    assert_equal(weights.shape, (B, H, T, S), name="shape of weights")
    assert_close(weights.sum(-1), torch.ones(B, H, T, dtype=torch.float64), name="sum of weights")
    masked = weights[~mask]
    assert_equal(masked, torch.zeros_like(masked), name="masked weights")


@points(5)
@needs(test_public.test_parameters)
def test_contributions(submission, rng):
    """each head through its columns of out_proj"""
    B, T, S, H, K = rng.sizes(5, high=7)
    D = H * K
    query, key, value = rng.randn(B, T, D), rng.randn(B, S, D), rng.randn(B, S, D)
    mask = random_mask(rng, B, 1, T, S)
    for bias in (False, True):
        state = random_state(rng, D, bias)
        _, contributions = by_head(state, H, query, key, value, mask)
        found = module(submission, state, H).head_contributions(query, key, value, mask)
        assert_close(found, contributions)


@points(2)
@needs(test_public.test_parameters)
def test_gradients(submission, rng):
    """reach the inputs and every parameter"""
    B, T, S, H, K = 2, 3, 5, 4, 6
    D = H * K
    inputs = [rng.randn(B, n, D).requires_grad_() for n in (T, S, S)]
    state = random_state(rng, D)
    mha = module(submission, state, H)
    output, weights = mha(*inputs)
    assert output.requires_grad, "No gradient leads from the output to its inputs: something was detached."
    assert weights.requires_grad, "No gradient leads from the weights to query and key: something was detached."
    contributions = mha.head_contributions(*inputs)
    assert contributions.requires_grad, "No gradient leads from the contributions to the inputs."
    gs = rng.randn(B, T, D), rng.randn(B, H, T, S), rng.randn(B, H, T, D)
    sum((x * g).sum() for x, g in zip((output, weights, contributions), gs, strict=True)).backward()

    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    parameters = {name: tensor.clone().requires_grad_() for name, tensor in state.items()}
    weights, contributions = by_head(parameters, H, *leaves)
    output = contributions.sum(1) + parameters["out_proj.bias"]
    sum((x * g).sum() for x, g in zip((output, weights, contributions), gs, strict=True)).backward()
    for name, mine, theirs in zip(("query", "key", "value"), inputs, leaves, strict=True):
        assert_close(mine.grad, theirs.grad, name=f"gradient of {name}")
    for name, parameter in mha.named_parameters():
        assert_close(parameter.grad, parameters[name].grad, name=f"gradient of {name}")


@points(4)
@needs(test_public.test_parameters)
def test_unpack(submission, rng):
    """the weights of nn.MultiheadAttention"""
    B, T, H, K = rng.sizes(4, high=6)
    D = H * K
    x = rng.randn(B, T, D)
    for bias in (True, False):
        theirs = nn.MultiheadAttention(D, H, bias=bias, batch_first=True, dtype=torch.float64)
        numbers = {name: rng.randn(*p.shape) / D**0.5 for name, p in theirs.named_parameters()}
        unpacked = submission.unpack_in_proj(numbers)
        rows = {"q_proj": slice(0, D), "k_proj": slice(D, 2 * D), "v_proj": slice(2 * D, 3 * D)}
        for kind in ("weight", "bias") if bias else ("weight",):
            for name, own in rows.items():
                assert_equal(unpacked[f"{name}.{kind}"], numbers[f"in_proj_{kind}"][own], name=f"{name}.{kind}")
            assert_equal(unpacked[f"out_proj.{kind}"], numbers[f"out_proj.{kind}"], name=f"out_proj.{kind}")
        assert_equal(len(unpacked), 8 if bias else 4, name="number of tensors")

        theirs.load_state_dict(numbers)
        with torch.no_grad():
            expected = theirs(x, x, x, average_attn_weights=False)
            assert_close(module(submission, unpacked, H)(x, x, x), expected)


@points(5)
def test_prune(submission, rng):
    """n K rows, n K columns, the kept heads' sum"""
    B, T, H, K = rng.sizes(4, low=3, high=6)
    D = H * K
    x = rng.randn(B, T, D)
    for bias in (True, False):
        state = random_state(rng, D, bias)
        keep = rng.randperm(H)[: H - 1].sort().values.tolist()
        pruned = submission.prune_heads(state, H, keep)
        assert_equal(sorted(pruned), sorted(state), name="names of the parameters")
        for name in NAMES[:3]:
            assert_equal(pruned[f"{name}.weight"].shape, (len(keep) * K, D), name=f"shape of {name}.weight")
        assert_equal(pruned["out_proj.weight"].shape, (D, len(keep) * K), name="shape of out_proj.weight")

        _, contributions = by_head(state, H, x, x, x)
        expected = contributions[:, keep].sum(1) + state.get("out_proj.bias", 0.0)
        output, _ = attention(pruned, len(keep), x, x, x)
        assert_close(output, expected, name="output")


@points(1)
@needs(test_prune)
def test_prune_order(submission, rng):
    """any order of keep; keeping all changes nothing"""
    H, K = 5, 3
    state = random_state(rng, H * K)
    rows = [row for h in (1, 2, 4) for row in range(h * K, (h + 1) * K)]
    expected = {name: tensor[rows] for name, tensor in state.items() if not name.startswith("out_proj")}
    expected["out_proj.weight"] = state["out_proj.weight"][:, rows]
    expected["out_proj.bias"] = state["out_proj.bias"]
    assert_equal(submission.prune_heads(state, H, [4, 1, 2]), expected)
    assert_equal(submission.prune_heads(state, H, list(range(H))), state)
