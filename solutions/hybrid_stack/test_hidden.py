"""The stack against one that reads token by token with lists for memories, and against itself in pieces."""

import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

NEVER, ALWAYS = (50, 49), (1, 0)  # period and offset


def configuration(L, attn, expert, *, k=2, E=5, G=2):
    """H 4, K 3, W 4, N 6, R 8, Ch 24: small, and different wherever two might be confused."""
    return {
        "vocab_size": 11,
        "hidden_size": 12,
        "intermediate_size": 7,
        "num_hidden_layers": L,
        "num_attention_heads": 4,
        "num_key_value_heads": G,
        "attn_layer_period": attn[0],
        "attn_layer_offset": attn[1],
        "num_experts": E,
        "num_experts_per_tok": k,
        "expert_layer_period": expert[0],
        "expert_layer_offset": expert[1],
        "mamba_d_state": 6,
        "mamba_d_conv": 4,
        "mamba_expand": 2,
        "mamba_dt_rank": 8,
    }


# Mamba with experts, attention, Mamba, attention with experts
MIXED = configuration(4, (2, 1), (3, 0))


def draw(rng, c):
    """Random parameters of a stack, float64, for which everything within has size 1."""
    D, F, E = c["hidden_size"], c["intermediate_size"], c["num_experts"]
    N, W, R, Ch = c["mamba_d_state"], c["mamba_d_conv"], c["mamba_dt_rank"], D * c["mamba_expand"]
    kv = D // c["num_attention_heads"] * c["num_key_value_heads"]

    def gain(n):
        return 0.5 + rng.rand(n)

    def matrix(*shape):
        return rng.randn(*shape) / math.sqrt(shape[-1])

    attending = range(c["attn_layer_offset"], c["num_hidden_layers"], c["attn_layer_period"])
    with_experts = range(c["expert_layer_offset"], c["num_hidden_layers"], c["expert_layer_period"])
    state = {"norm.weight": gain(D)}
    for i in range(c["num_hidden_layers"]):
        layer = {"norm1.weight": gain(D), "norm2.weight": gain(D)}
        if i in attending:
            layer |= {f"mixer.{name}_proj.weight": 1.5 * matrix(D if name in "qo" else kv, D) for name in "qkvo"}
        else:
            layer |= {
                "mixer.in_proj.weight": matrix(2 * Ch, D),
                "mixer.conv1d.weight": matrix(Ch, 1, W),
                "mixer.conv1d.bias": 0.5 * rng.randn(Ch),
                "mixer.x_proj.weight": 3 * matrix(R + 2 * N, Ch),
                "mixer.dt_proj.weight": matrix(Ch, R),
                "mixer.dt_proj.bias": rng.randn(Ch) - 0.5,
                "mixer.A_log": 0.7 * rng.randn(Ch, N) - 0.5,
                "mixer.D": rng.randn(Ch),
                "mixer.out_proj.weight": matrix(D, Ch),
                "mixer.dt_norm.weight": gain(R),
                "mixer.b_norm.weight": gain(N),
                "mixer.c_norm.weight": gain(N),
            }
        first = (E,) if i in with_experts else ()
        layer |= {"ffn.w1": matrix(*first, F, D), "ffn.w2": matrix(*first, D, F), "ffn.w3": matrix(*first, F, D)}
        layer |= {"ffn.gate": 1.5 * matrix(E, D)} if first else {}
        state |= {f"layers.{i}.{name}": tensor for name, tensor in layer.items()}
    return state


def normed(x, gain):
    D = x.shape[-1]
    return x * gain / torch.sqrt(torch.linalg.vector_norm(x, dim=-1, keepdim=True) ** 2 / D + 1e-6)


def silu(x):
    return x / (1 + torch.exp(-x))


def attend(token, w, past, G):
    """One token (B, D), head by head; past: two lists of earlier tokens' keys and values, (B, G, K) each."""
    D, H = token.shape[-1], 4
    K, heads = D // H, []
    for name, seen in zip("kv", past, strict=True):
        seen.append((token @ w[f"mixer.{name}_proj.weight"].T).view(-1, G, K))
    for h in range(H):
        q, g = token @ w["mixer.q_proj.weight"][h * K : (h + 1) * K].T, h * G // H
        e = [torch.exp((q * k[:, g]).sum(-1, keepdim=True) / math.sqrt(K)) for k in past[0]]
        heads.append(sum(e_s * v[:, g] for e_s, v in zip(e, past[1], strict=True)) / sum(e))
    return torch.cat(heads, dim=-1) @ w["mixer.o_proj.weight"].T


def recur(token, w, past):
    """One token (B, D) through Mamba; past: a list of earlier inputs of the convolution, (B, Ch), and h (B, Ch, N)."""
    (Ch, N), R = w["mixer.A_log"].shape, w["mixer.dt_norm.weight"].numel()
    inputs, h = past
    kernel, rows = w["mixer.conv1d.weight"], w["mixer.x_proj.weight"]
    W = kernel.shape[-1]
    u, z = (token @ half.T for half in w["mixer.in_proj.weight"].split(Ch))
    inputs.append(u)
    u = silu(w["mixer.conv1d.bias"] + sum(kernel[:, 0, W - 1 - j] * inputs[-1 - j] for j in range(W)))
    dt = normed(u @ rows[:R].T, w["mixer.dt_norm.weight"])
    B = normed(u @ rows[R : R + N].T, w["mixer.b_norm.weight"])
    C = normed(u @ rows[R + N :].T, w["mixer.c_norm.weight"])
    delta = torch.log(1 + torch.exp(dt @ w["mixer.dt_proj.weight"].T + w["mixer.dt_proj.bias"]))
    decay = torch.exp(-torch.einsum("bc,cn->bcn", delta, torch.exp(w["mixer.A_log"])))
    past[1] = decay * h + torch.einsum("bc,bc,bn->bcn", delta, u, B)
    y = torch.einsum("bcn,bn->bc", past[1], C) + w["mixer.D"] * u
    return (y * silu(z)) @ w["mixer.out_proj.weight"].T


def feed(x, w, k):
    """(B, D), each token on its own: one SwiGLU, or the k most probable of E."""
    if "ffn.gate" not in w:
        return (silu(x @ w["ffn.w1"].T) * (x @ w["ffn.w3"].T)) @ w["ffn.w2"].T
    rows = []
    for token in x:
        e = torch.exp(w["ffn.gate"] @ token)
        best = sorted(range(len(e)), key=e.tolist().__getitem__, reverse=True)[:k]
        out = [w["ffn.w2"][i] @ (silu(w["ffn.w1"][i] @ token) * (w["ffn.w3"][i] @ token)) for i in best]
        rows.append(sum(e[i] * y for i, y in zip(best, out, strict=True)) / e.sum())
    return torch.stack(rows)


def right(state, c, x):
    """y (B, T, D) of the whole text, and what every layer remembers at its end."""
    layers = []
    for i in range(c["num_hidden_layers"]):
        w = {name.split(".", 2)[2]: p for name, p in state.items() if name.startswith(f"layers.{i}.")}
        past = [[], []]
        if "mixer.A_log" in w:
            (Ch, N), W = w["mixer.A_log"].shape, w["mixer.conv1d.weight"].shape[-1]
            past = [[x.new_zeros(len(x), Ch)] * (W - 1), x.new_zeros(len(x), Ch, N)]
        layers.append((w, past))
    ys = []
    for token in x.unbind(1):
        for w, past in layers:
            h = normed(token, w["norm1.weight"])
            mamba = "mixer.A_log" in w
            token = token + (recur(h, w, past) if mamba else attend(h, w, past, c["num_key_value_heads"]))
            token = token + feed(normed(token, w["norm2.weight"]), w, c["num_experts_per_tok"])
        ys.append(normed(token, state["norm.weight"]))
    return torch.stack(ys, dim=1), [past for _, past in layers]


def built(submission, state, c):
    """The student's stack with these parameters."""
    stack = submission.HybridStack(c).double()
    stack.load_state_dict(state)
    return stack


@points(4)
@needs(test_public.test_names)
def test_attention(submission, rng):
    """one layer of attention: 4 query heads on 4, 2, 1"""
    B, T, D = 2, 5, 12
    for G in (4, 2, 1):
        c = configuration(1, ALWAYS, NEVER, G=G)
        state, x = draw(rng, c), rng.randn(B, T, D)
        y, _ = built(submission, state, c)(x)
        assert_close(y, right(state, c, x)[0], name=f"y, {G} heads of keys and values")


@points(4)
@needs(test_public.test_names)
def test_mamba(submission, rng):
    """one layer of Mamba, with its three norms"""
    B, T, D = 2, 7, 12
    c = configuration(1, NEVER, NEVER)
    state, x = draw(rng, c), rng.randn(B, T, D)
    y, _ = built(submission, state, c)(x)
    assert_close(y, right(state, c, x)[0], name="y")


@points(4)
@needs(test_public.test_names)
def test_experts(submission, rng):
    """1, 2 and all experts, after a mixer that adds nothing"""
    B, T, D = 2, 4, 12
    for k in (1, 2, 5):
        c = configuration(1, ALWAYS, ALWAYS, k=k)
        state, x = draw(rng, c), rng.randn(B, T, D)
        state["layers.0.mixer.o_proj.weight"].zero_()
        y, _ = built(submission, state, c)(x)
        assert_close(y, right(state, c, x)[0], name=f"y, k = {k}")


@points(7)
@needs(test_public.test_names)
def test_stack(submission, rng):
    """four layers, each of another kind"""
    B, T, D = 2, 6, 12
    state, x = draw(rng, MIXED), rng.randn(B, T, D)
    y, _ = built(submission, state, MIXED)(x)
    assert_close(y, right(state, MIXED, x)[0], name="y")


@points(4)
@needs(test_public.test_names)
def test_causal(submission, rng):
    """another token changes y there, and not before"""
    B, T, D = 2, 7, 12
    x = rng.randn(B, T, D)
    t = int(rng.randint(1, T, (1,)))
    changed = x.clone()
    changed[:, t] = rng.randn(B, D)
    for name, attn in (("attention", ALWAYS), ("Mamba", NEVER)):
        c = configuration(2, attn, NEVER)
        stack = built(submission, draw(rng, c), c)
        y, y_changed = stack(x)[0], stack(changed)[0]
        assert_close(y_changed[:, :t], y[:, :t], name=f"y before the token that changed, {name}")
        moved = (y_changed[:, t:] - y[:, t:]).abs().amax((0, 2)).min()
        assert moved > 1e-9, f"Token t was changed, and y at t or later stayed the same, in two layers of {name}."


@points(4)
@needs(test_public.test_names)
def test_positions(submission, rng):
    """the past as a set: for one attention layer, not for Mamba"""
    B, T, D = 2, 6, 12
    x = rng.randn(B, T, D)
    shuffled = torch.cat([x[:, [3, 0, 4, 1, 2]], x[:, -1:]], dim=1)
    c = configuration(1, ALWAYS, ALWAYS)
    stack = built(submission, draw(rng, c), c)
    y, again = stack(x)[0], stack(shuffled)[0]
    assert_close(again[:, -1], y[:, -1], name="y of the last token, the others in another order")
    c = configuration(2, (2, 1), NEVER)
    stack = built(submission, draw(rng, c), c)
    y, again = stack(x)[0], stack(shuffled)[0]
    moved = (again[:, -1] - y[:, -1]).abs().max()
    assert moved > 1e-6, "The tokens before the last changed places, and Mamba did not notice."


def in_pieces(submission, rng, c):
    """Whole texts against pieces of them."""
    B, T, D = 5, 7, 12
    state, x = draw(rng, c), rng.randn(B, T, D)
    stack = built(submission, state, c)
    expected, _ = right(state, c, x)
    for lengths in ((1,) * T, (3, 4), (4, 1, 2)):
        memory = stack.init_state(B)
        for y, piece in zip(expected.split(lengths, dim=1), x.split(lengths, dim=1), strict=True):
            found, memory = stack(piece, memory)
            assert_close(found, y, name=f"y, pieces of {lengths}")
    _, memory = stack(x[:, :3])
    stack(rng.randn(B, 2, D), memory)  # another continuation, which is dropped
    found, _ = stack(x[:, 3:], memory)
    assert_close(found, expected[:, 3:], name="y, a state that is used for the second time")


@points(4)
@needs(test_attention)
def test_pieces_of_attention(submission, rng):
    """a text in pieces, one layer of attention"""
    in_pieces(submission, rng, configuration(1, ALWAYS, NEVER))


@points(4)
@needs(test_mamba)
def test_pieces_of_mamba(submission, rng):
    """a text in pieces, one layer of Mamba"""
    in_pieces(submission, rng, configuration(1, NEVER, NEVER))


@points(4)
@needs(test_stack)
def test_pieces_of_stack(submission, rng):
    """a text in pieces, through four kinds of layers"""
    in_pieces(submission, rng, MIXED)


@points(3)
@needs(test_stack)
def test_state(submission, rng):
    """keys and values grow, what Mamba keeps does not"""
    B, D, G, K, W = 5, 12, 2, 3, 4
    state = draw(rng, MIXED)
    stack = built(submission, state, MIXED)
    for T in (2, 6):
        x = rng.randn(B, T, D)
        _, memory = stack(x)
        _, expected = right(state, MIXED, x)
        assert_equal(len(memory), 4, name="number of states")
        for i, past in enumerate(expected):
            if i in (1, 3):
                for name, seen in zip("kv", past, strict=True):
                    assert_equal(memory[i][name].shape, (B, G, T, K), name=f'shape of state[{i}]["{name}"]')
                    assert_close(memory[i][name], torch.stack(seen, dim=2), name=f'state[{i}]["{name}"]')
            else:
                conv = torch.stack(past[0][1 - W :], dim=-1)
                assert_close(memory[i]["conv"], conv, name=f'state[{i}]["conv"] after {T} tokens')
                assert_close(memory[i]["ssm"], past[1], name=f'state[{i}]["ssm"] after {T} tokens')


@points(3)
@needs(test_stack)
def test_gradients(submission, rng):
    """reach x and the parameters of every layer"""
    B, T, D = 2, 5, 12
    state, x, g = draw(rng, MIXED), rng.randn(B, T, D), rng.randn(B, T, D)
    stack = built(submission, state, MIXED)
    mine = x.clone().requires_grad_()
    y, _ = stack(mine)
    assert y.requires_grad, "No gradient leads from y to x and the parameters: something was detached."
    (y * g).sum().backward()

    x.requires_grad_()
    leaves = {name: tensor.requires_grad_() for name, tensor in state.items()}
    (right(leaves, MIXED, x)[0] * g).sum().backward()
    assert mine.grad is not None, "No gradient leads from y to x."
    assert_close(mine.grad, x.grad, name="gradient of x")
    for name, parameter in stack.named_parameters():
        assert parameter.grad is not None, f"No gradient leads from y to {name}."
        assert_close(parameter.grad, leaves[name].grad, name=f"gradient of {name}")
