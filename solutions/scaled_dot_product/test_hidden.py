"""Heads against plain slices, the softmax against Python numbers, attention against torch's own."""

import math

import test_public
import torch
import torch.nn.functional as F

from grader.testing import assert_close, assert_equal, needs, points

INF = float("inf")


def softmax(scores, keep=None):
    """Softmax over the last axis of the kept entries, float64, from plain numbers; an empty row gives zeros."""
    keep = torch.ones_like(scores, dtype=torch.bool) if keep is None else keep.expand(scores.shape)
    S = scores.shape[-1]
    weights = []
    for row, kept in zip(scores.reshape(-1, S).tolist(), keep.reshape(-1, S).tolist(), strict=True):
        top = max((s for s, k in zip(row, kept, strict=True) if k), default=0.0)
        e = [math.exp(s - top) if k else 0.0 for s, k in zip(row, kept, strict=True)]
        weights.append([x / (sum(e) or 1.0) for x in e])
    return torch.tensor(weights, dtype=torch.float64).view(scores.shape)


def some(rng, *shape):
    """bool (*shape), about half True; every row has both kinds, since its first two entries differ."""
    keep = rng.rand(*shape) < 0.5
    keep[..., 0] = ~keep[..., 1]
    return keep


@points(3)
def test_split(submission, rng):
    """head h has columns hK to (h+1)K - 1"""
    B, T, H, K = rng.sizes(4)
    x = rng.randn(B, T, H * K)
    heads = torch.stack([x[..., h * K : (h + 1) * K] for h in range(H)], dim=1)
    assert_equal(submission.split_heads(x, H), heads, name="heads")
    assert_equal(submission.split_heads(x, 1), x.view(B, 1, T, H * K), name="heads")


@points(3)
def test_merge(submission, rng):
    """all heads side by side, whatever the strides"""
    B, H, T, K = rng.sizes(4)
    x = rng.randn(B, H, T, K)
    merged = torch.cat([x[:, h] for h in range(H)], dim=-1)
    assert_equal(submission.merge_heads(x), merged, name="merged")
    view = x.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0)  # the same numbers, other strides
    assert_equal(submission.merge_heads(view), merged, name="merged")


@points(3)
def test_softmax(submission, rng):
    """each row by itself, any leading dimensions"""
    B, H, T, S = rng.sizes(4, high=7)
    scores = rng.randn(B, H, T, S)
    assert_close(submission.masked_softmax(scores), softmax(scores), name="weights")
    assert_close(submission.masked_softmax(scores[0]), softmax(scores[0]), name="weights")
    assert_close(submission.masked_softmax(scores[0, 0, 0]), softmax(scores[0, 0, 0]), name="weights")


@points(4)
def test_huge_scores(submission, rng):
    """rows of size 100000, -100000 and 1"""
    B, T, S = rng.sizes(3, low=3, high=7)
    scores = rng.randn(B, T, S)
    scores[:, 0] += 1e5
    scores[:, 1] -= 1e5
    scores[0] += 100.0
    scores[0, 2, 0] += 3000.0  # far above the mean of its row
    keep = some(rng, T, S)
    # Scores of 1e5 in float64 are known to 1e-11, and so are the exponentials.
    assert_close(submission.masked_softmax(scores), softmax(scores), name="weights")
    louder = torch.where(keep, scores, scores + 3e5)  # the forbidden ones are the largest
    assert_close(submission.masked_softmax(louder, keep), softmax(scores, keep), name="weights")
    added = torch.zeros(T, S, dtype=torch.float64).masked_fill(~keep, -INF)
    assert_close(submission.masked_softmax(louder, added), softmax(scores, keep), name="weights")


@points(3)
@needs(test_public.test_example_softmax)
def test_bool_mask(submission, rng):
    """False gets 0, the rest shares 1; broadcasts"""
    B, H, T, S = rng.sizes(4, high=7)
    scores = rng.randn(B, H, T, S)
    scores[:, :, 0] -= 200.0  # a forbidden score of −100 would be the highest
    for shape in [(B, H, T, S), (T, S), (B, 1, 1, S)]:
        keep = some(rng, *shape)
        weights = submission.masked_softmax(scores, keep)
        assert_close(weights, softmax(scores, keep), name="weights")
        zeros = torch.zeros_like(weights[~keep.expand(B, H, T, S)])
        assert_equal(weights[~keep.expand(B, H, T, S)], zeros, name="forbidden weights")


@points(3)
@needs(test_public.test_example_softmax)
def test_float_mask(submission, rng):
    """a float mask is added: biases and -inf"""
    B, H, T, S = rng.sizes(4, high=7)
    scores, bias, keep = rng.randn(B, H, T, S), rng.randn(H, T, S), some(rng, B, 1, T, S)
    bias[:, 0, 0] = 0.0
    scores[:, :, 0] -= 200.0
    assert_close(submission.masked_softmax(scores, bias), softmax(scores + bias), name="weights")
    expected = softmax(scores + bias, keep)
    weights = submission.masked_softmax(scores, torch.where(keep, bias, -INF))
    assert_close(weights, expected, name="weights")
    forbidden = weights[~keep.expand(B, H, T, S)]
    assert_equal(forbidden, torch.zeros_like(forbidden), name="forbidden weights")
    assert_close(submission.masked_softmax(scores, torch.zeros_like(bias)), softmax(scores), name="weights")
    low = bias - 1e5  # of the whole row, so that it forbids nothing
    assert_close(submission.masked_softmax(scores, low), softmax(scores + low), name="weights")


@points(3)
@needs(test_public.test_example_softmax)
def test_empty_row(submission, rng):
    """zeros, with either mask; other rows as ever"""
    B, T, S, K, V = rng.sizes(5, high=7)
    q, k, v = rng.randn(B, T, K), rng.randn(B, S, K), rng.randn(B, S, V)
    keep = some(rng, B, T, S)
    keep[B - 1, 0] = False
    weights = softmax(torch.einsum("btk,bsk->bts", q, k), keep)
    expected = torch.einsum("bts,bsv->btv", weights, v), weights
    assert_close(submission.attention(q, k, v, keep, scale=1.0), expected)
    added = torch.zeros(B, T, S, dtype=torch.float64).masked_fill(~keep, -INF)
    assert_close(submission.attention(q, k, v, added, scale=1.0), expected)
    rows, scores = keep[..., :1], rng.randn(B, T, S)  # one entry for all keys of a query
    assert_close(submission.masked_softmax(scores, rows), softmax(scores, rows), name="weights")


@points(4)
@needs(test_public.test_example)
def test_attention(submission, rng):
    """as torch's own, with and without a mask"""
    B, H, T, S, K, V = rng.sizes(6, high=8)
    q, k, v = rng.randn(B, H, T, K), rng.randn(B, H, S, K), rng.randn(B, H, S, V)
    keep, bias = some(rng, T, S), rng.randn(B, 1, T, S)
    for mask in (None, keep, bias):
        out, weights = submission.attention(q, k, v, mask)
        assert_close(out, F.scaled_dot_product_attention(q, k, v, attn_mask=mask), name="out")
        assert_close(weights.sum(-1), torch.ones(B, H, T, dtype=torch.float64), name="sum of weights")
        assert_close(torch.einsum("bhts,bhsv->bhtv", weights, v), out, name="weights times values")
    out, _ = submission.attention(q[0, 0], k[0, 0], v[0, 0])
    assert_close(out, F.scaled_dot_product_attention(q, k, v)[0, 0], name="out")
    out, weights = submission.attention(q.float(), k.float(), v.float())
    expected = F.scaled_dot_product_attention(q, k, v).float()
    assert_close(out, expected, rtol=1e-5, atol=1e-5, name="out")  # float32, sums of at most 8 terms of size 1
    assert_equal(weights.dtype, torch.float32, name="dtype of weights")


@points(2)
def test_scale(submission, rng):
    """multiplies the products alone; 0 counts too"""
    T, S, K, V = rng.sizes(4)
    q, k, v, bias = rng.randn(T, K), rng.randn(S, K), rng.randn(S, V), rng.randn(T, S)
    products = torch.einsum("tk,sk->ts", q, k)
    for scale in (0.3, 1.0, -2.0, 0.0):
        weights = softmax(scale * products + bias)
        expected = torch.einsum("ts,sv->tv", weights, v), weights
        assert_close(submission.attention(q, k, v, bias, scale), expected)


@points(2)
@needs(test_empty_row)
def test_empty_gradient(submission, rng):
    """an empty row passes 0 on, never NaN"""
    T, S, K, V = rng.sizes(4, low=3, high=7)
    q, k, v = rng.randn(T, K), rng.randn(S, K), rng.randn(S, V)
    g = rng.randn(T, V)
    keep = some(rng, T, S)
    keep[0] = False

    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    scores = torch.einsum("tk,sk->ts", *leaves[:2])[1:] / math.sqrt(K)  # without the empty row
    out = torch.einsum("ts,sv->tv", scores.masked_fill(~keep[1:], -INF).softmax(-1), leaves[2])
    (out * g[1:]).sum().backward()
    expected = tuple(x.grad for x in leaves)

    added = torch.zeros(T, S, dtype=torch.float64).masked_fill(~keep, -INF)
    for mask in (keep, added):
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        out, _ = submission.attention(*leaves, mask)
        assert out.requires_grad, "No gradient leads from the output to q, k and v: something was detached."
        (out * g).sum().backward()
        gradients = tuple(torch.zeros_like(x) if x.grad is None else x.grad for x in leaves)
        assert_close(gradients, expected, name="gradients of q, k, v")

    scores, g = rng.randn(T, S), rng.randn(T, S)
    leaf = scores[1:].clone().requires_grad_()
    (leaf.masked_fill(~keep[1:], -INF).softmax(-1) * g[1:]).sum().backward()
    expected = torch.cat([torch.zeros(1, S, dtype=torch.float64), leaf.grad])
    scores.requires_grad_()
    added.requires_grad_()
    weights = submission.masked_softmax(scores, added)
    assert weights.requires_grad, "No gradient leads from the weights to the scores: something was detached."
    (weights * g).sum().backward()
    for name, mine in (("scores", scores.grad), ("mask", added.grad)):
        assert mine is not None, f"No gradient leads from the weights to the {name}."
        assert_close(mine, expected, name=f"gradient of the {name}")


@points(2)
@needs(test_public.test_example)
def test_gradients(submission, rng):
    """of output and weights, as torch's autograd"""
    T, S, K, V = rng.sizes(4)
    tensors = rng.randn(T, K), rng.randn(S, K), rng.randn(S, V), rng.randn(T, S)
    g_out, g_weights = rng.randn(T, V), rng.randn(T, S)

    leaves = [x.clone().requires_grad_() for x in tensors]
    q, k, v, bias = leaves
    expected_weights = (torch.einsum("tk,sk->ts", q, k) / math.sqrt(K) + bias).softmax(-1)
    expected_out = torch.einsum("ts,sv->tv", expected_weights, v)
    ((expected_out * g_out).sum() + (expected_weights * g_weights).sum()).backward()
    expected = tuple(x.grad for x in leaves)

    leaves = [x.clone().requires_grad_() for x in tensors]
    out, weights = submission.attention(*leaves)
    assert out.requires_grad, "No gradient leads from the output to the arguments: something was detached."
    assert weights.requires_grad, "No gradient leads from the weights to the arguments: something was detached."
    ((out * g_out).sum() + (weights * g_weights).sum()).backward()
    gradients = tuple(torch.zeros_like(x) if x.grad is None else x.grad for x in leaves)
    assert_close(gradients, expected, name="gradients of q, k, v and mask")
