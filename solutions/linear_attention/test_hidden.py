"""Both forms against the definition, number by number, and against what a mean of the past must obey."""

import math

import test_public
import torch
import torch.nn.functional as F

from grader.testing import assert_close, needs, points


def phi(x):
    return x + 1 if x > 0 else math.exp(x)


def definition(q, k, v, state=None):
    """y (R, T, V), S (R, K, V) and n (R, K) for rows of heads, float64, term by term."""
    ys, Ss, ns = [], [], []
    for r, (queries, keys, values) in enumerate(zip(q.tolist(), k.tolist(), v.tolist(), strict=True)):
        K, V = len(keys[0]), len(values[0])
        S = [[0.0] * V for _ in range(K)] if state is None else state["S"][r].tolist()
        n = [0.0] * K if state is None else state["n"][r].tolist()
        features = [[phi(x) for x in key] for key in keys]
        for t, query in enumerate(queries):
            weights = [sum(phi(x) * f for x, f in zip(query, features[s], strict=True)) for s in range(t + 1)]
            total = sum(weights) + sum(phi(query[i]) * n[i] for i in range(K))
            for j in range(V):
                y = sum(weights[s] * values[s][j] for s in range(t + 1))
                ys.append((y + sum(phi(query[i]) * S[i][j] for i in range(K))) / total)
        T = len(queries)
        Ss += [S[i][j] + sum(features[s][i] * values[s][j] for s in range(T)) for i in range(K) for j in range(V)]
        ns += [n[i] + sum(features[s][i] for s in range(T)) for i in range(K)]
    R = len(q)
    y = torch.tensor(ys, dtype=torch.float64).view(R, *v.shape[-2:])
    S = torch.tensor(Ss, dtype=torch.float64).view(R, k.shape[-1], v.shape[-1])
    return y, {"S": S, "n": torch.tensor(ns, dtype=torch.float64).view(R, k.shape[-1])}


def draw(rng, *leading, T, K, V):
    return rng.randn(*leading, T, K), rng.randn(*leading, T, K), rng.randn(*leading, T, V)


def draw_state(rng, *leading, K, V):
    return {"S": rng.randn(*leading, K, V), "n": 0.5 + rng.rand(*leading, K)}


@points(4)
def test_feature_map(submission, rng):
    """elu(x) + 1, positive at -30 too"""
    x = torch.cat([3 * rng.randn(20), torch.tensor([-30.0, 0.0, 50.0], dtype=torch.float64)]).view(1, 23)
    features = submission.feature_map(x)
    assert_close(features, torch.tensor([[phi(number) for number in x[0].tolist()]], dtype=torch.float64))
    assert (features > 0).all(), "Not every feature is positive."
    large = torch.tensor([1000.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    features_of_large = submission.feature_map(large)
    expected = torch.tensor([1001.0, math.exp(-2), 4.0], dtype=torch.float64)
    assert_close(features_of_large, expected, name="φ of 1000, -2 and 3")
    features_of_large.sum().backward()
    expected = torch.tensor([1.0, math.exp(-2), 1.0], dtype=torch.float64)
    assert_close(large.grad, expected, name="the gradient of φ at 1000, -2 and 3")
    assert_close(submission.feature_map(x[0, :5].float()), features[0, :5].float(), rtol=1e-5, atol=1e-6)


@points(4)
@needs(test_public.test_shape)
def test_parallel(submission, rng):
    """the definition, term by term"""
    Bt, H, T, K, V = rng.sizes(5, low=3)
    q, k, v = draw(rng, Bt * H, T=T, K=K, V=V)
    y, _ = definition(q, k, v)
    heads = [tensor.view(Bt, H, T, -1) for tensor in (q, k, v)]
    assert_close(submission.linear_attention_parallel(*heads), y.view(Bt, H, T, V))
    assert_close(submission.linear_attention_parallel(q[1], k[1], v[1]), y[1])
    single = [tensor.float() for tensor in (q, k, v)]
    y, _ = definition(*single)
    # float32: up to 8 values of size 3, weighted, which may cancel
    assert_close(submission.linear_attention_parallel(*single), y.float(), rtol=1e-5, atol=1e-5)


@points(4)
@needs(test_public.test_shape)
def test_recurrent(submission, rng):
    """y, S and n, term by term"""
    Bt, H, T, K, V = rng.sizes(5, low=3)
    q, k, v = draw(rng, Bt * H, T=T, K=K, V=V)
    y, state = definition(q, k, v)
    heads = [tensor.view(Bt, H, T, -1) for tensor in (q, k, v)]
    expected = y.view(Bt, H, T, V), {"S": state["S"].view(Bt, H, K, V), "n": state["n"].view(Bt, H, K)}
    assert_close(submission.linear_attention_recurrent(*heads), expected)
    one = y[1], {"S": state["S"][1], "n": state["n"][1]}
    assert_close(submission.linear_attention_recurrent(q[1], k[1], v[1]), one)
    single = [tensor.float() for tensor in (q, k, v)]
    y, state = definition(*single)
    expected = y.float(), {"S": state["S"].float(), "n": state["n"].float()}
    # float32: sums of up to 8 terms of size 9, which may cancel
    assert_close(submission.linear_attention_recurrent(*single), expected, rtol=1e-5, atol=3e-5)


@points(4)
@needs(test_public.test_shape)
def test_continues(submission, rng):
    """S and n are carried; two pieces make a whole"""
    H, T, K, V = rng.sizes(4, low=3)
    q, k, v = draw(rng, H, T=T, K=K, V=V)
    start = draw_state(rng, H, K=K, V=V)
    assert_close(submission.linear_attention_recurrent(q, k, v, start), definition(q, k, v, start))
    whole = submission.linear_attention_recurrent(q, k, v)
    for cut in range(1, T):
        y1, state = submission.linear_attention_recurrent(q[:, :cut], k[:, :cut], v[:, :cut])
        y2, state = submission.linear_attention_recurrent(q[:, cut:], k[:, cut:], v[:, cut:], state)
        assert_close((torch.cat([y1, y2], dim=1), state), whole, name="both pieces")


@points(4)
@needs(test_public.test_shape)
def test_mean(submission, rng):
    """v = 1 gives 1; y stays between the past's v"""
    H, T, K, V = rng.sizes(4, low=3)
    q, k, v = draw(rng, H, T=T, K=K, V=V)
    ones = torch.ones(H, T, V, dtype=torch.float64)
    low, high = v.cummin(dim=1).values - 1e-9, v.cummax(dim=1).values + 1e-9
    for shift in (0.0, -15.0):  # at -15 the denominators are about 1e-13
        near = q + shift, k + shift
        assert_close(submission.linear_attention_parallel(*near, ones), ones, name="y, parallel")
        y, _ = submission.linear_attention_recurrent(*near, ones)
        assert_close(y, ones, name="y, recurrent")
    for shift in (0.0, -15.0):
        near = q + shift, k + shift
        y = submission.linear_attention_parallel(*near, v)
        assert ((low <= y) & (y <= high)).all(), "An output lies outside of all values seen so far (parallel)."
        y, _ = submission.linear_attention_recurrent(*near, v)
        assert ((low <= y) & (y <= high)).all(), "An output lies outside of all values seen so far (recurrent)."


@points(4)
@needs(test_public.test_shape)
def test_causal(submission, rng):
    """the future changes nothing, the token itself does"""
    H, T, K, V = rng.sizes(4, low=4)
    inputs = dict(zip("qkv", draw(rng, H, T=T, K=K, V=V), strict=True))
    y = submission.linear_attention_parallel(**inputs)
    t = int(rng.randint(1, T, (1,)))
    for name, tensor in inputs.items():
        later = torch.cat([tensor[:, :t], rng.randn(*tensor[:, t:].shape)], dim=1)
        changed = submission.linear_attention_parallel(**{**inputs, name: later})
        assert_close(changed[:, :t], y[:, :t], name=f"y before {name} changed")
        moved = (changed[:, t] - y[:, t]).abs().max()
        assert moved > 1e-9, f"{name} was changed at token t, and y at token t stayed the same."


@points(4)
@needs(test_public.test_shape)
def test_two_forms(submission, rng):
    """the matrix and the recurrence are one map"""
    H, K, V = rng.sizes(3)
    for T in (1, 2, 60):
        q, k, v = draw(rng, H, T=T, K=K, V=V)
        y, _ = submission.linear_attention_recurrent(q, k, v)
        assert_close(submission.linear_attention_parallel(q, k, v), y, name=f"y, T = {T}")


def step_by_step(q, k, v, S, n):
    """y (..., T, V) and the state after the last token, in operations that torch can differentiate."""
    q, k, ys = F.elu(q) + 1, F.elu(k) + 1, []
    for t in range(q.shape[-2]):
        S, n = S + k[..., t, :, None] * v[..., t, None, :], n + k[..., t, :]
        ys.append((q[..., t, :, None] * S).sum(-2) / (q[..., t, :] * n).sum(-1, keepdim=True))
    return torch.stack(ys, dim=-2), S, n


def assert_gradients(ours, theirs, form):
    for name, x in ours.items():
        assert x.grad is not None, f"No gradient reaches {name} ({form})."
        assert_close(x.grad, theirs[name].grad, name=f"gradient of {name}, {form}")


@points(4)
@needs(test_public.test_shape)
def test_gradients(submission, rng):
    """of both forms, by all arguments and by the state"""
    H, T, K, V = 2, 3, 4, 5
    inputs = dict(zip("qkv", draw(rng, H, T=T, K=K, V=V), strict=True))
    ours, theirs = ({name: x.clone().requires_grad_() for name, x in inputs.items()} for _ in range(2))
    y = submission.linear_attention_parallel(**ours)
    assert y.requires_grad, "Parallel: no gradient leads from y to the arguments: something was detached."
    weights = rng.randn(H, T, V)
    expected, _, _ = step_by_step(**theirs, S=y.new_zeros(H, K, V), n=y.new_zeros(H, K))
    for result in (y, expected):
        (weights * result).sum().backward()
    assert_gradients(ours, theirs, "parallel")

    inputs |= draw_state(rng, H, K=K, V=V)
    ours, theirs = ({name: x.clone().requires_grad_() for name, x in inputs.items()} for _ in range(2))
    start = {"S": ours["S"], "n": ours["n"]}
    y, end = submission.linear_attention_recurrent(ours["q"], ours["k"], ours["v"], start)
    results = {"y": y, "S": end["S"], "n": end["n"]}
    for name, result in results.items():
        assert result.requires_grad, f"Recurrent: no gradient leads from {name} to the arguments."
    expected = step_by_step(**theirs)
    weights = [rng.randn(*result.shape) for result in expected]
    for found in (results.values(), expected):
        sum((w * result).sum() for w, result in zip(weights, found, strict=True)).backward()
    assert_gradients(ours, theirs, "recurrent")
