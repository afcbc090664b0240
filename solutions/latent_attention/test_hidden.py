"""Latent attention with every key and value written out, head by head and query by query."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

ONE_LAYER = {"D": 12, "H": 3, "C": 13, "N": 14, "R": 20, "V": 11}  # no token count of a test, and no half of R


def by_head(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """(B, H, T, V): keys and values rebuilt; each query sees what is before it and itself."""
    (_, H, T, N), R, S = q_nope.shape, q_rope.shape[-1], latent.shape[1]
    heads = []
    for h in range(H):
        keys = torch.einsum("nc,bsc->bsn", w_k[h], latent)
        values = torch.einsum("vc,bsc->bsv", w_v[h], latent)
        rows = []
        for t in range(T):
            seen = S - T + t + 1
            scores = torch.einsum("bsn,bn->bs", keys[:, :seen], q_nope[:, h, t])
            scores = (scores + torch.einsum("bsr,br->bs", k_rope[:, :seen], q_rope[:, h, t])) / math.sqrt(N + R)
            e = torch.exp(scores - scores.amax(-1, keepdim=True))
            rows.append(torch.einsum("bs,bsv->bv", e / e.sum(-1, keepdim=True), values[:, :seen]))
        heads.append(torch.stack(rows, dim=1))
    return torch.stack(heads, dim=1)


def by_absorption(q_nope, q_rope, latent, k_rope, w_k, w_v):
    """(B, H, 1, V) in float64, of one query: the mean of the latents first, for all heads at once. Quick where tokens
    are many."""
    q_nope, q_rope, latent, k_rope, w_k, w_v = (x.double() for x in (q_nope, q_rope, latent, k_rope, w_k, w_v))
    queries_of_latents = torch.einsum("bhn,hnc->bch", q_nope[:, :, 0], w_k)
    scores = latent @ queries_of_latents + k_rope @ q_rope[:, :, 0].mT  # (B, S, H)
    weights = torch.softmax(scores / math.sqrt(q_nope.shape[-1] + q_rope.shape[-1]), dim=1)
    return torch.einsum("bhc,hvc->bhv", weights.mT @ latent, w_v)[:, :, None]


def inputs(rng, B, H, T, S, N, R, C, V, dtype=torch.float64):
    """The six arguments of absorbed_attention; scores and outputs have size 1. Three are not contiguous."""
    q_nope, q_rope = (rng.randn(B, T, H, width, dtype=dtype).transpose(1, 2) for width in (N, R))
    latent, k_rope = rng.randn(B, C, S, dtype=dtype).mT, rng.randn(B, S, R, dtype=dtype)
    w_k, w_v = rng.randn(H, N, C, dtype=dtype) / C**0.5, rng.randn(H, V, C, dtype=dtype) / C**0.5
    return q_nope, q_rope, latent, k_rope, w_k, w_v


def random_state(rng, D, H, C, N, R, V, Q=None):
    """Parameters for which scores and outputs have size 1, and weights of norms that are not 1."""
    rows = {"kv_a_proj_with_mqa": (C + R, D), "kv_b_proj": (H * (N + V), C), "o_proj": (D, H * V)}
    if Q is None:
        rows["q_proj"] = H * (N + R), D
    else:
        rows |= {"q_a_proj": (Q, D), "q_b_proj": (H * (N + R), Q)}
    state = {f"{name}.weight": rng.randn(*shape) / math.sqrt(shape[1]) for name, shape in rows.items()}
    state["kv_a_layernorm.weight"] = 0.5 + rng.rand(C)
    return state if Q is None else state | {"q_a_layernorm.weight": 0.5 + rng.rand(Q)}


def normed(x, weight):
    return weight * x / torch.sqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6)


def turned(x, start, theta):
    """x (..., T, R) as complex numbers (x_i + i x_{i+R/2}), times e^(i angle); token 0 stands at start."""
    T, R = x.shape[-2:]
    frequency = torch.tensor([theta ** (-2 * i / R) for i in range(R // 2)], dtype=torch.float64)
    angle = torch.outer(torch.arange(start, start + T).double(), frequency)
    pairs = torch.complex(x[..., : R // 2], x[..., R // 2 :]) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([pairs.real, pairs.imag], dim=-1)


def queries(state, x, H, N, R, start, theta):
    """(B, H, T, N) and (B, H, T, R), the second turned."""
    if "q_proj.weight" in state:
        q = x @ state["q_proj.weight"].T
    else:
        q = normed(x @ state["q_a_proj.weight"].T, state["q_a_layernorm.weight"]) @ state["q_b_proj.weight"].T
    each = [q[..., h * (N + R) : (h + 1) * (N + R)] for h in range(H)]
    nope, rope = (torch.stack([part(y) for y in each], dim=1) for part in (lambda y: y[..., :N], lambda y: y[..., N:]))
    return nope, turned(rope, start, theta)


def layer(state, x, D, H, C, N, R, V, theta=10000.0, earlier=None):
    """Output (B, T, D), latents (B, P + T, C) and turned keys (B, P + T, R); `earlier`: those of P tokens before."""
    start = 0 if earlier is None else earlier[0].shape[1]
    q_nope, q_rope = queries(state, x, H, N, R, start, theta)
    down = torch.einsum("ed,btd->bte", state["kv_a_proj_with_mqa.weight"], x)
    latent = normed(down[..., :C], state["kv_a_layernorm.weight"])
    k_rope = turned(down[..., C:], start, theta)
    if earlier is not None:
        latent, k_rope = torch.cat([earlier[0], latent], dim=1), torch.cat([earlier[1], k_rope], dim=1)
    up = state["kv_b_proj.weight"]
    w_k = torch.stack([up[h * (N + V) :][:N] for h in range(H)])
    w_v = torch.stack([up[h * (N + V) + N :][:V] for h in range(H)])
    heads = by_head(q_nope, q_rope, latent, k_rope, w_k, w_v)
    y = sum(heads[:, h] @ state["o_proj.weight"][:, h * V : (h + 1) * V].T for h in range(H))
    return y, latent, k_rope


def built(submission, state, D, H, C, N, R, V, **options):
    """The student's layer with these parameters."""
    module = submission.LatentAttention(D, H, C, N, R, V, **options)
    if state["o_proj.weight"].dtype != torch.float32:  # a new layer is float32, and to() would round its buffers
        module = module.to(state["o_proj.weight"].dtype)
    module.load_state_dict(state, strict=False)  # buffers of your own are fine
    return module


@points(2)
def test_groups(submission):
    """other sizes, not only those of DeepSeek"""
    for C, R, K in ((96, 40, 80), (256, 32, 64), (1536, 64, 128)):
        assert_close(submission.equivalent_groups(C, R, K), (C + R) / K / 2, name="heads")


@points(5)
@needs(test_public.test_example_split)
def test_split(submission, rng):
    """head h owns N + V neighbouring rows"""
    H, N, V, C = 3, 4, 6, 5
    for dtype in (torch.float64, torch.float32):
        weight = rng.randn(H * (N + V), C, dtype=dtype)
        rows = weight.unbind(0)
        keys = torch.stack([torch.stack([rows[h * 10 + n] for n in range(N)]) for h in range(H)])
        values = torch.stack([torch.stack([rows[h * 10 + 4 + v] for v in range(V)]) for h in range(H)])
        w_k, w_v = submission.split_up_projection(weight, H, N)
        assert_equal(w_k, keys, name="w_k")
        assert_equal(w_v, values, name="w_v")
    w_k, w_v = submission.split_up_projection(weight, 1, V)  # one head, with more numbers in its key than in its value
    assert_equal(w_k, weight[None, :V], name="w_k")
    assert_equal(w_v, weight[None, V:], name="w_v")


@points(7)
@needs(test_public.test_example)
def test_absorbed(submission, rng):
    """the last T of S tokens, every head its own"""
    B, H, N, R, C, V = 2, 4, 6, 8, 9, 7
    for T, S in ((5, 5), (1, 5), (1, 1), (3, 5)):
        arguments = inputs(rng, B, H, T, S, N, R, C, V)
        assert_close(submission.absorbed_attention(*arguments), by_head(*arguments), name=f"output, T = {T}, S = {S}")
    single = [argument.float() for argument in arguments]
    # float32: sums of a dozen products of size 1
    expected = by_head(*arguments).float()
    assert_close(submission.absorbed_attention(*single), expected, rtol=1e-5, atol=1e-5, name="output in float32")


@points(2)
@needs(test_absorbed)
def test_absorbed_gradients(submission, rng):
    """reach all six arguments"""
    B, H, T, S, N, R, C, V = 2, 3, 4, 6, 5, 2, 7, 8
    arguments = [argument.requires_grad_() for argument in inputs(rng, B, H, T, S, N, R, C, V)]
    g = rng.randn(B, H, T, V)
    output = submission.absorbed_attention(*arguments)
    assert output.requires_grad, "No gradient leads from the output to the arguments: something was detached."
    found = torch.autograd.grad((output * g).sum(), arguments, allow_unused=True)
    expected = torch.autograd.grad((by_head(*arguments) * g).sum(), arguments)
    names = ("q_nope", "q_rope", "latent", "k_rope", "w_k", "w_v")
    for name, mine, right in zip(names, found, expected, strict=True):
        assert mine is not None, f"No gradient reaches {name}."
        assert_close(mine, right, name=f"gradient of {name}")


@points(5)
@needs(test_absorbed)
def test_absorbed_memory(submission, rng):
    """16,384 tokens, one wide head or 64, in 256 MiB"""
    B, T, R, C, S = 2, 1, 8, 32, 16384
    for H, N in ((1, 4096), (64, 64)):
        V = N
        arguments = inputs(rng, B, H, T, S, N, R, C, V, dtype=torch.float32)
        found = submission.absorbed_attention(*arguments)
        some = sorted({0, 5 % H, H - 1})
        q_nope, q_rope, latent, k_rope, w_k, w_v = arguments
        expected = by_absorption(q_nope[:, some], q_rope[:, some], latent, k_rope, w_k[some], w_v[some]).float()
        # float32: means over 16,384 tokens
        assert_close(found[:, some], expected, rtol=1e-5, atol=1e-5, name=f"output of {len(some)} of {H} heads")


@points(7)
@needs(test_public.test_example_layer, test_public.test_parameters, test_absorbed)
def test_layer(submission, rng):
    """a whole text: both ways, with and without q_rank"""
    B, T = 2, 5
    for options in ({}, {"q_rank": 8}, {"rope_theta": 50.0}, {"q_rank": 9, "rope_theta": 1e6}):
        state = random_state(rng, **ONE_LAYER, Q=options.get("q_rank"))
        x = rng.randn(B, T, ONE_LAYER["D"])
        x[1, 2] *= 1e-2  # here the 1e-6 under the root counts
        expected, _, _ = layer(state, x, **ONE_LAYER, theta=options.get("rope_theta", 10000.0))
        module = built(submission, state, **ONE_LAYER, **options)
        for absorb in (False, True):
            y, _ = module(x, absorb=absorb)
            assert_close(y, expected, name=f"output, absorb={absorb}")
    single = built(submission, {name: weight.float() for name, weight in state.items()}, **ONE_LAYER, **options)
    for absorb in (False, True):
        y, _ = single(x.float(), absorb=absorb)
        # float32: some dozen products of size 1, each rounded to 6e-8 of it
        assert_close(y, expected.float(), rtol=1e-5, atol=2e-5, name=f"output in float32, absorb={absorb}")


@points(5)
@needs(test_layer)
def test_pieces(submission, rng):
    """any pieces, absorb changing from call to call"""
    B, T = 2, 7
    state = random_state(rng, **ONE_LAYER)
    module = built(submission, state, **ONE_LAYER)
    x = rng.randn(B, T, ONE_LAYER["D"])
    expected, _, _ = layer(state, x, **ONE_LAYER)
    for pieces in ([1] * T, [4, 3], [2, 1, 4]):
        for first in (0, 1):
            outputs, cache = [], None
            for number, piece in enumerate(x.split(pieces, dim=1)):
                y, cache = module(piece, cache, absorb=(number + first) % 2 == 1)
                outputs.append(y)
            assert_close(torch.cat(outputs, dim=1), expected, name="outputs, " + "+".join(map(str, pieces)))


@points(5)
@needs(test_layer)
def test_cache(submission, rng):
    """normed latents and turned keys, both ways"""
    B, T = 2, 6
    state = random_state(rng, **ONE_LAYER, Q=8)
    module = built(submission, state, **ONE_LAYER, q_rank=8)
    x = rng.randn(B, T, ONE_LAYER["D"])
    _, latent, k_rope = layer(state, x, **ONE_LAYER)
    for absorb in (False, True):
        cache = None
        for piece in x.split([3, 2, 1], dim=1):
            _, cache = module(piece, cache, absorb=absorb)
            S = cache["latent"].shape[1]
            assert_equal(sorted(cache), ["k_rope", "latent"], name="entries of the cache")
            assert_close(cache["latent"], latent[:, :S], name='cache["latent"]')
            assert_close(cache["k_rope"], k_rope[:, :S], name='cache["k_rope"]')
        assert_equal(S, T, name="tokens in the cache")


@points(2)
@needs(test_pieces)
def test_branches(submission, rng):
    """two continuations of one cache, and a new text"""
    B, T = 2, 4
    state = random_state(rng, **ONE_LAYER)
    module = built(submission, state, **ONE_LAYER)
    begin, one, other = (rng.randn(B, n, ONE_LAYER["D"]) for n in (T, 2, 3))
    _, cache = module(begin)
    for continuation in (one, other, one):
        y, _ = module(continuation, cache)
        expected, _, _ = layer(state, torch.cat([begin, continuation], dim=1), **ONE_LAYER)
        assert_close(y, expected[:, T:], name="output of a continuation")
        y, _ = module(continuation)
        assert_close(y, layer(state, continuation, **ONE_LAYER)[0], name="output of a new text")


@points(2)
@needs(test_layer)
def test_layer_gradients(submission, rng):
    """reach all parameters, both ways"""
    B, T = 2, 5
    state = random_state(rng, **ONE_LAYER, Q=8)
    x, g = rng.randn(B, T, ONE_LAYER["D"]), rng.randn(B, T, ONE_LAYER["D"])
    names = sorted(state)
    leaves = [state[name].requires_grad_() for name in names]
    expected = torch.autograd.grad((layer(state, x, **ONE_LAYER)[0] * g).sum(), leaves)
    for absorb in (False, True):
        module = built(submission, {name: weight.detach() for name, weight in state.items()}, **ONE_LAYER, q_rank=8)
        y, _ = module(x, absorb=absorb)
        assert y.requires_grad, "No gradient leads from the output to the parameters: something was detached."
        (y * g).sum().backward()
        for name, right in zip(names, expected, strict=True):
            mine = module.get_parameter(name).grad
            assert mine is not None, f"No gradient reaches {name}."
            assert_close(mine, right, name=f"gradient of {name}, absorb={absorb}")


@points(2)
@needs(test_pieces)
def test_layer_memory(submission, rng):
    """absorb=True: 64 heads, 16,384 tokens, in 256 MiB"""
    B, P, H = 2, 16383, 64
    sizes = {"D": 10, "C": 32, "N": 64, "R": 8, "V": 64}
    state = {name: weight.float() for name, weight in random_state(rng, H=H, **sizes).items()}
    module = built(submission, state, H=H, **sizes)
    cache = {
        "latent": rng.randn(B, P, sizes["C"], dtype=torch.float32),
        "k_rope": rng.randn(B, P, sizes["R"], dtype=torch.float32),
    }
    x = rng.randn(B, 1, sizes["D"], dtype=torch.float32)
    with torch.no_grad():
        y, _ = module(x, cache, absorb=True)
    wide = {name: weight.double() for name, weight in state.items()}
    q_nope, q_rope = queries(wide, x.double(), H, sizes["N"], sizes["R"], P, 10000.0)
    down = wide["kv_a_proj_with_mqa.weight"] @ x.double().mT
    C, N = sizes["C"], sizes["N"]
    latent = torch.cat([cache["latent"].double(), normed(down[:, :C].mT, wide["kv_a_layernorm.weight"])], dim=1)
    k_rope = torch.cat([cache["k_rope"].double(), turned(down[:, C:].mT, P, 10000.0)], dim=1)
    up = wide["kv_b_proj.weight"].view(H, N + sizes["V"], C)
    heads = by_absorption(q_nope, q_rope, latent, k_rope, up[:, :N], up[:, N:])
    expected = heads.transpose(1, 2).flatten(2) @ wide["o_proj.weight"].T
    # float32: means over 16,384 tokens
    assert_close(y, expected.float(), rtol=1e-5, atol=1e-5, name="output")


@points(2)
@needs(test_pieces)
def test_far_and_odd(submission, rng):
    """position 20,011 in float32; an odd rope_dim"""
    B, P, T, theta = 2, 20_011, 2, 100.0
    wide = random_state(rng, **ONE_LAYER)
    state = {name: weight.float() for name, weight in wide.items()}
    wide = {name: weight.double() for name, weight in state.items()}
    module = built(submission, state, **ONE_LAYER, rope_theta=theta)
    cache = {
        "latent": rng.randn(B, P, ONE_LAYER["C"], dtype=torch.float32),
        "k_rope": rng.randn(B, P, ONE_LAYER["R"], dtype=torch.float32),
    }
    x = rng.randn(B, T, ONE_LAYER["D"], dtype=torch.float32)
    earlier = cache["latent"].double(), cache["k_rope"].double()
    expected, _, k_rope = layer(wide, x.double(), **ONE_LAYER, theta=theta, earlier=earlier)
    y, longer = module(x, cache)
    # float32: a dozen products of size 1; an angle computed in it would be off by about 1e-4
    assert_close(longer["k_rope"][:, P:], k_rope[:, P:].float(), rtol=1e-5, atol=1e-5, name="the new keys")
    assert_close(y, expected.float(), rtol=1e-5, atol=1e-5, name="output")
    with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
        submission.LatentAttention(12, 3, 5, 4, 3, 7)
