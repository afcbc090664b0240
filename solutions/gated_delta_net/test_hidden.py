"""Both forms against products of matrices, head by head and token by token; the rest against plain numbers."""

import math

import pytest
import torch

from grader.testing import assert_close, needs, points


def draw(rng, Bt, T, H, K, V):
    """q, k, v, g, beta: keys of lengths around 1.2, -1.5 < g < -0.1; stored with heads before tokens."""
    q, k, v = rng.randn(Bt, H, T, K), 0.6 * rng.randn(Bt, H, T, K), rng.randn(Bt, H, T, V)
    g, beta = -0.1 - 1.4 * rng.rand(Bt, H, T), rng.rand(Bt, H, T)
    return tuple(tensor.transpose(1, 2) for tensor in (q, k, v, g, beta))


def rule(q, k, v, g, beta, state=None):
    """o and the last S, by S ← e^g (I - β k kᵀ) S + β k vᵀ."""
    (Bt, T, H, K), V = k.shape, v.shape[-1]
    eye, outputs, states = torch.eye(K, dtype=k.dtype), [], []
    for b in range(Bt):
        for h in range(H):
            S = torch.zeros(K, V, dtype=k.dtype) if state is None else state[b, h]
            for t in range(T):
                kt, strength = k[b, t, h], beta[b, t, h]
                change = eye - strength * torch.outer(kt, kt)
                S = torch.exp(g[b, t, h]) * (change @ S) + strength * torch.outer(kt, v[b, t, h])
                outputs.append(q[b, t, h] @ S)
            states.append(S)
    return torch.stack(outputs).view(Bt, H, T, V).transpose(1, 2), torch.stack(states).view(Bt, H, K, V)


def forms(submission, chunk):
    """Both functions, as one that takes the same arguments, each with its name."""

    def chunked(q, k, v, g, beta, state=None):
        return submission.gated_delta_chunked(q, k, v, g, beta, chunk, state)

    return (("recurrent", submission.gated_delta_recurrent), (f"chunk = {chunk}", chunked))


def orthonormal(rng, Bt, H, K):
    """K keys of length 1 at right angles for each head, (Bt, H, K, K), one in each row."""
    return torch.linalg.qr(rng.randn(Bt, H, K, K)).Q


def tokens(*rows):
    """Rows (Bt, H, ...), one for each token, as (Bt, T, H, ...)."""
    return torch.stack(rows, dim=1)


@points(3)
def test_l2_normalize(submission, rng):
    """eps under the root; a row of zeros, and gradients"""
    A, B, K = rng.sizes(3)
    x, upstream = rng.randn(A, B, K), rng.randn(A, B, K)
    x[1, 0] = 0.0
    for eps in (0.3, 1e-6):  # the large one first: there every other place of eps has other numbers
        length = torch.tensor(
            [[math.sqrt(sum(v * v for v in row) + eps) for row in rows] for rows in x.tolist()], dtype=torch.float64
        )[..., None]
        leaf = x.clone().requires_grad_()
        normal = submission.l2_normalize(leaf, eps)
        assert_close(normal.detach(), x / length, name=f"result, eps = {eps}")
        assert normal.requires_grad, "No gradient leads from the result to x: something was detached."
        (normal * upstream).sum().backward()
        expected = upstream / length - x * (x * upstream).sum(-1, keepdim=True) / length**3
        assert_close(leaf.grad, expected, name=f"gradient of x, eps = {eps}")
    assert_close(submission.l2_normalize(x[0, 1]), submission.l2_normalize(x, 1e-6)[0, 1], name="result for one row")
    single = x[0].float()
    assert_close(submission.l2_normalize(single), single / (single.square().sum(-1, keepdim=True) + 1e-6).sqrt())


@points(5)
def test_gates(submission, rng):
    """both formulas, number by number, and their gradients"""
    Bt, T, H = rng.sizes(3)
    a, b, A_log, dt_bias = 3 * rng.randn(Bt, T, H), 2 * rng.randn(Bt, T, H), rng.randn(H), 2 * rng.randn(H)
    a[0, 0, 0], a[1, 1, 1] = 1000.0, -40.0

    def each(function):
        return torch.tensor(
            [[[function(a[n, t, h], b[n, t, h], h) for h in range(H)] for t in range(T)] for n in range(Bt)],
            dtype=torch.float64,
        )

    def softplus(x):
        return max(x, 0.0) + math.log1p(math.exp(-abs(x)))

    g = each(lambda a, b, h: -math.exp(A_log[h]) * softplus(a.item() + dt_bias[h].item()))
    beta = each(lambda a, b, h: 1 / (1 + math.exp(-b)))
    assert_close(submission.gates(a, b, A_log, dt_bias), (g, beta))

    leaves = [tensor.clone().requires_grad_() for tensor in (a, b, A_log, dt_bias)]
    found = submission.gates(*leaves)
    for name, value in zip(("g", "beta"), found, strict=True):
        assert value.requires_grad, f"No gradient leads from {name} to the arguments: something was detached."
    of_g, of_beta = rng.randn(Bt, T, H), rng.randn(Bt, T, H)
    ((found[0] * of_g).sum() + (found[1] * of_beta).sum()).backward()
    slope = each(lambda a, b, h: -math.exp(A_log[h]) / (1 + math.exp(-(a.item() + dt_bias[h].item()))))
    g = each(lambda a, b, h: -math.exp(A_log[h]) * softplus(a.item() + dt_bias[h].item()))
    expected = {
        "a": of_g * slope,
        "b": of_beta * beta * (1 - beta),
        "A_log": (of_g * g).sum((0, 1)),
        "dt_bias": (of_g * slope).sum((0, 1)),
    }
    for leaf, (name, value) in zip(leaves, expected.items(), strict=True):
        assert leaf.grad is not None, f"No gradient reaches {name}."
        assert_close(leaf.grad, value, name=f"gradient of {name}")


@points(8)
def test_recurrent(submission, rng):
    """the four steps, with a state and without one"""
    Bt, T, H, K, V = rng.sizes(5, high=8)
    inputs, state = draw(rng, Bt, T, H, K, V), rng.randn(Bt, H, K, V)
    assert_close(submission.gated_delta_recurrent(*inputs), rule(*inputs))
    assert_close(submission.gated_delta_recurrent(*inputs, state), rule(*inputs, state))
    first = tuple(tensor[:, :1] for tensor in inputs)
    assert_close(submission.gated_delta_recurrent(*first, state), rule(*first, state))
    o, S = rule(*inputs, state)
    # float32: a dozen sums of numbers of size 1 to 10
    found = submission.gated_delta_recurrent(*(tensor.float() for tensor in inputs), state.float())
    assert_close(found, (o.float(), S.float()), rtol=1e-4, atol=1e-4)


@points(8)
def test_chunked(submission, rng):
    """chunks of 1 to more than T tokens, with a state and without one"""
    Bt, T, H, K, V = 2, 11, 3, 4, 5
    inputs, state = draw(rng, Bt, T, H, K, V), rng.randn(Bt, H, K, V)
    whole, later = rule(*inputs), rule(*inputs, state)
    for chunk in (T, 1, 2, 3, 5, T + 4):
        o, S = submission.gated_delta_chunked(*inputs, chunk)
        assert_close(o, whole[0], name=f"o, chunk = {chunk}")
        assert_close(S, whole[1], name=f"S, chunk = {chunk}")
        o, S = submission.gated_delta_chunked(*inputs, chunk, state)
        assert_close(o, later[0], name=f"o, chunk = {chunk}, with a state")
        assert_close(S, later[1], name=f"S, chunk = {chunk}, with a state")
    single = [tensor.float() for tensor in inputs]
    # float32: sums of at most 11 terms of size 10, which may cancel
    assert_close(
        submission.gated_delta_chunked(*single, 4), tuple(each.float() for each in whole), rtol=1e-4, atol=1e-4
    )


@points(5)
def test_same_key_replaces(submission, rng):
    """β = 1: the old value goes, the others stay; 0 erases"""
    Bt, H, K, V = 2, 3, 5, 4
    keys = orthonormal(rng, Bt, H, K)
    one, other = keys[:, :, 0], keys[:, :, 1]
    old, apart, new = rng.randn(Bt, H, V), rng.randn(Bt, H, V), rng.randn(Bt, H, V)
    q = tokens(one, one, other, one, one)
    k = tokens(one, other, one, one, other)
    v = tokens(old, apart, new, 0 * new, apart)
    g, beta = torch.zeros(Bt, 5, H, dtype=torch.float64), torch.ones(Bt, 5, H, dtype=torch.float64)
    for name, form in forms(submission, 4):
        o, S = form(q, k, v, g, beta)
        assert_close(o, tokens(old, old, apart, 0 * new, 0 * new), name=f"o, {name}")
        assert_close(S, other[..., :, None] * apart[..., None, :], name=f"S, {name}")


@points(3)
def test_orthogonal_keys(submission, rng):
    """keys at right angles are read back without error"""
    Bt, H, K, V = 2, 3, 5, 4
    keys = orthonormal(rng, Bt, H, K).transpose(1, 2)  # a token for each key
    old, new = rng.randn(Bt, K, H, V), rng.randn(Bt, K, H, V)
    order = rng.randperm(K)
    k = torch.cat([keys, keys[:, order], keys], dim=1)
    v = torch.cat([old, new[:, order], rng.randn(Bt, K, H, V)], dim=1)
    g, beta = torch.zeros(Bt, 3 * K, H, dtype=torch.float64), torch.ones(Bt, 3 * K, H, dtype=torch.float64)
    beta[:, 2 * K :] = 0.0  # the last tokens only read
    for name, form in forms(submission, 4):
        o, _ = form(k, k, v, g, beta)
        assert_close(o[:, 2 * K :], new, name=f"o of the last K tokens, {name}")


@points(3)
def test_beta_zero_only_decays(submission, rng):
    """nothing is written, and the state fades"""
    Bt, T, H, K, V = 3, 7, 2, 4, 5
    q, k, v, g, beta = draw(rng, Bt, T, H, K, V)
    state = rng.randn(Bt, H, K, V)
    left = torch.stack([torch.exp(g[:, : t + 1].sum(1)) for t in range(T)], dim=1)  # (Bt, T, H)
    o = torch.einsum("bth,bhkv,bthk->bthv", left, state, q)
    S = left[:, -1, :, None, None] * state
    for name, form in forms(submission, 3):
        found = form(q, k, v, g, torch.zeros_like(beta), state)
        assert_close(found[0], o, name=f"o, {name}")
        assert_close(found[1], S, name=f"S, {name}")


@points(5)
def test_strong_decay(submission, rng):
    """g of -100 and 0: values, gradients, and float32"""
    Bt, T, H, K, V = 2, 12, 3, 4, 6
    q, k, v, g, beta = draw(rng, Bt, T, H, K, V)
    g = torch.where(rng.rand(Bt, T, H) < 0.7, -100.0, torch.zeros_like(g))
    g[0, :, 0] = -100.0
    inputs = q, k, v, g, beta
    o, S = rule(*inputs)
    assert_close(submission.gated_delta_recurrent(*inputs), (o, S))
    for chunk in (T, 5):
        found = submission.gated_delta_chunked(*inputs, chunk)
        assert_close(found[0], o, name=f"o, chunk = {chunk}")
        assert_close(found[1], S, name=f"S, chunk = {chunk}")
    for chunk in (T, 5):
        found = submission.gated_delta_chunked(*(tensor.float() for tensor in inputs), chunk)
        # float32: sums of at most 12 terms of size 10, which may cancel; the decays add up exactly
        assert_close(found[0], o.float(), rtol=1e-4, atol=1e-4, name=f"o in float32, chunk = {chunk}")
        assert_close(found[1], S.float(), rtol=1e-4, atol=1e-4, name=f"S in float32, chunk = {chunk}")

    of_o, of_S = rng.randn(Bt, T, H, V), rng.randn(Bt, H, K, V)
    expected = gradients(rule, inputs, of_o, of_S)
    found = gradients(lambda *leaves: submission.gated_delta_chunked(*leaves, T), inputs, of_o, of_S)
    assert_close(found, expected, name="gradients of q, k, v, g, beta")


def gradients(form, tensors, of_o, of_S):
    """Of all arguments, zeros where none arrives."""
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    o, S = form(*leaves)
    assert o.requires_grad, "No gradient leads from o to the arguments: something was detached."
    assert S.requires_grad, "No gradient leads from S to the arguments: something was detached."
    ((o * of_o).sum() + (S * of_S).sum()).backward()
    return tuple(torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves)


@points(3)
def test_pieces(submission, rng):
    """cut anywhere, the state handed on"""
    Bt, T, H, K, V = 2, 10, 3, 4, 5
    inputs = draw(rng, Bt, T, H, K, V)
    o, S = rule(*inputs)
    for cut in (1, 4, 9):
        first, second = (tuple(t[:, part] for t in inputs) for part in (slice(0, cut), slice(cut, T)))
        for name, form in forms(submission, 3):
            o1, middle = form(*first)
            o2, last = form(*second, middle)
            assert_close(torch.cat([o1, o2], dim=1), o, name=f"o, cut at {cut}, {name}")
            assert_close(last, S, name=f"S, cut at {cut}, {name}")


@points(3)
def test_causal_and_separate(submission, rng):
    """later tokens, other heads and other texts have no effect"""
    Bt, T, H, K, V = 2, 9, 3, 4, 5
    inputs, others = draw(rng, Bt, T, H, K, V), draw(rng, Bt, T, H, K, V)
    state = rng.randn(Bt, H, K, V)
    cut = 5
    later = tuple(torch.cat([a[:, :cut], b[:, cut:]], dim=1) for a, b in zip(inputs, others, strict=True))
    apart = tuple(b.clone() for b in others)
    for changed, own in zip(apart, inputs, strict=True):
        changed[1, :, 2] = own[1, :, 2]
    for name, form in forms(submission, 4):
        o, S = form(*inputs, state)
        assert_close(form(*later, state)[0][:, :cut], o[:, :cut], name=f"o before the change, {name}")
        found = form(*apart, state)
        assert_close(found[0][1, :, 2], o[1, :, 2], name=f"o of text 1, head 2, {name}")
        assert_close(found[1][1, 2], S[1, 2], name=f"S of text 1, head 2, {name}")


@points(3)
def test_gradients(submission, rng):
    """of o and of the last state, for every argument"""
    Bt, T, H, K, V = 2, 5, 1, 3, 4
    tensors = *draw(rng, Bt, T, H, K, V), rng.randn(Bt, H, K, V)
    of_o, of_S = rng.randn(Bt, T, H, V), rng.randn(Bt, H, K, V)
    expected = gradients(rule, tensors, of_o, of_S)
    for name, form in forms(submission, 2):
        found = gradients(form, tensors, of_o, of_S)
        assert_close(found, expected, name=f"gradients of q, k, v, g, beta, state, {name}")


@points(3)
@needs(test_chunked)
def test_bad_chunk(submission, rng):
    """a chunk below 1 raises ValueError"""
    inputs = draw(rng, 2, 5, 3, 2, 4)
    for chunk in (0, -3):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.gated_delta_chunked(*inputs, chunk)


@points(2)
@needs(test_chunked)
def test_long_text(submission, rng):
    """70 heads of 1024 tokens in chunks of 9, in 512 MiB"""
    Bt, T, H = 7, 1024, 10  # one matrix T × T for each head is 560 MiB
    q, k, v, g, beta = draw(rng, Bt, T, H, 1, 1)
    S, outputs = torch.zeros(Bt, H, dtype=torch.float64), []
    for t in range(T):
        S = torch.exp(g[:, t]) * S
        S = S + beta[:, t] * k[:, t, :, 0] * (v[:, t, :, 0] - S * k[:, t, :, 0])
        outputs.append(S * q[:, t, :, 0])
    found = submission.gated_delta_chunked(q, k, v, g, beta, 9)
    assert_close(found, (torch.stack(outputs, dim=1)[..., None], S[..., None, None]))
