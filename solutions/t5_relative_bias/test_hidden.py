"""Buckets against integer arithmetic and published spots, attention against torch's own."""

import test_public
import torch
import torch.nn.functional as F

from grader.testing import assert_close, assert_equal, needs, points

SETTINGS = [(32, 128), (16, 100), (8, 50), (64, 300)]  # num_buckets, max_distance


def steps(d, exact, n, max_distance):
    """The logarithmic bucket of d >= exact, counted from `exact`, and whether d lies on its lower edge.

    ln(d/exact) / ln(max_distance/exact) * (n - exact) >= e   is   (d/exact)^(n-exact) >= (max_distance/exact)^e, and
    whole numbers decide that without rounding.
    """
    m = n - exact
    e = 0
    while e < m - 1 and d**m * exact ** (e + 1) >= max_distance ** (e + 1) * exact**m:
        e += 1
    return e, e > 0 and d**m * exact**e == max_distance**e * exact**m


def bucket(r, bidirectional, num_buckets, max_distance):
    """The bucket of one relative position; None where it lies on an edge, so that rounding would decide."""
    n = num_buckets // 2 if bidirectional else num_buckets
    offset = n if bidirectional and r > 0 else 0
    d = abs(r) if bidirectional else max(-r, 0)
    exact = n // 2
    if d < exact:
        return offset + d
    e, on_edge = steps(d, exact, n, max_distance)
    return None if on_edge else offset + exact + e


def table(bidirectional, num_buckets, max_distance):
    """Relative positions from -400 to 400 and their buckets, int64, without those on an edge."""
    pairs = [(r, bucket(r, bidirectional, num_buckets, max_distance)) for r in range(-400, 401)]
    pairs = [(r, b) for r, b in pairs if b is not None]
    return torch.tensor(pairs).unbind(dim=1)


def build(submission, weight, **options):
    """The student's bias module with this weight (num_buckets, H), float64."""
    module = submission.T5RelativeBias(weight.shape[1], **options).to(torch.float64)
    module.load_state_dict({"relative_attention_bias.weight": weight})
    return module


def looked_up(weight, T, S, bidirectional=True, max_distance=128):
    """The bias (1, H, T, S) entry by entry."""
    rows = [
        torch.stack([weight[bucket(j - (i + S - T), bidirectional, len(weight), max_distance)] for j in range(S)])
        for i in range(T)
    ]
    return torch.stack(rows).movedim(-1, 0)[None]


@points(6)
def test_positions(submission, rng):
    """key minus query, the last T of S positions"""
    for _ in range(3):
        T, S = sorted(rng.sizes(2, high=12))
        for t in (T, S, 1):
            expected = torch.tensor([[j - (i + S - t) for j in range(S)] for i in range(t)])
            assert_equal(submission.relative_positions(t, S), expected, name="positions")


@points(9)
@needs(test_public.test_example_buckets)
def test_both_directions(submission, rng):
    """-400 to 400, four settings, bidirectional"""
    for num_buckets, max_distance in SETTINGS:
        r, expected = table(True, num_buckets, max_distance)
        order = rng.randperm(len(r))
        found = submission.relative_position_bucket(r[order], True, num_buckets, max_distance)
        assert_equal(found, expected[order], name="buckets")


@points(8)
@needs(test_public.test_example_buckets)
def test_one_direction(submission, rng):
    """-400 to 400, four settings, decoder"""
    for num_buckets, max_distance in SETTINGS:
        r, expected = table(False, num_buckets, max_distance)
        order = rng.randperm(len(r))
        found = submission.relative_position_bucket(r[order], False, num_buckets, max_distance)
        assert_equal(found, expected[order], name="buckets")


@points(6)
@needs(test_public.test_example_buckets)
def test_published(submission):
    """spots of T5's own code, in any shape"""
    r = torch.tensor([[-1, 1, -7, 7], [-8, 8, -20, -90], [-91, 91, -5000, 0]])
    expected = torch.tensor([[1, 17, 7, 23], [8, 24, 10, 14], [15, 31, 15, 0]])
    assert_equal(submission.relative_position_bucket(r), expected, name="buckets")
    r = torch.tensor([[-15, -16, -112], [-113, 5, 0]])
    expected = torch.tensor([[15, 16, 30], [31, 0, 0]])
    assert_equal(submission.relative_position_bucket(r, bidirectional=False), expected, name="buckets")


@points(6)
@needs(test_public.test_example_bias)
def test_bias(submission, rng):
    """[1, H, T, S], every option counts"""
    H, T, S = rng.sizes(3)
    T, S = min(T, S), 7 + max(T, S)  # up to 16, so that no distance lies on an edge
    for options in ({}, {"bidirectional": False}, {"num_buckets": 8, "max_distance": 21}):
        weight = rng.randn(options.get("num_buckets", 32), H)
        module = build(submission, weight, **options)
        checked = {name: value for name, value in options.items() if name != "num_buckets"}
        assert_equal(module(T, S).detach(), looked_up(weight, T, S, **checked), name="bias")
        assert_equal(module(T).detach(), looked_up(weight, T, T, **checked), name="bias")
        other = rng.randn(*weight.shape)
        module.load_state_dict({"relative_attention_bias.weight": other})
        assert_equal(module(T, S).detach(), looked_up(other, T, S, **checked), name="bias of other weights")
    weight = rng.randn(32, H)
    far = build(submission, weight)(1, 92).detach()[0, :, 0, :2]  # 128 puts 91 into the last bucket, and not 90
    assert_equal(far, weight[[15, 14]].T, name="bias of the keys 91 and 90 before the query")


@points(3)
@needs(test_bias)
def test_cached_step(submission, rng):
    """one new query has the last row"""
    H, S = rng.sizes(2, low=3)
    module = build(submission, rng.randn(32, H), bidirectional=False)
    assert_equal(module(1, S).detach(), module(S).detach()[:, :, -1:], name="bias of one query")


@points(4)
@needs(test_public.test_example_attention)
def test_attention(submission, rng):
    """as torch's own with scale 1"""
    B, H, T, S, K, V = rng.sizes(6, high=8)
    q, k, v, bias = rng.randn(B, H, T, K), rng.randn(B, H, S, K), rng.randn(B, H, S, V), rng.randn(1, H, T, S)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(B, H, T, S), scale=1.0)
    assert_close(submission.t5_attention(q, k, v, bias), expected, name="out")


@points(3)
@needs(test_public.test_example_attention)
def test_mask(submission, rng):
    """forbidden keys are gone, bias and dtype stay"""
    B, H, T, S, K, V = rng.sizes(6, low=3, high=8)  # with two keys a mask leaves one, and its bias has no effect
    q, k, v, bias = rng.randn(B, H, T, K), rng.randn(B, H, S, K), rng.randn(B, H, S, V), rng.randn(1, H, T, S)
    for shape in [(T, S), (H, T, S), (B, 1, 1, S), (B, 1, T, S)]:
        keep = rng.rand(*shape) < 0.5
        keep[..., 0] = ~keep[..., 1]
        added = torch.where(keep, bias, float("-inf")).expand(B, H, T, S)
        expected = F.scaled_dot_product_attention(q, k, v, attn_mask=added, scale=1.0)
        assert_close(submission.t5_attention(q, k, v, bias, keep), expected, name="out")
    for dtype in (torch.float32, torch.bfloat16):
        out = submission.t5_attention(*(x.to(dtype) for x in (q, k, v, bias)), keep)
        assert_equal(out.dtype, dtype, name="dtype of out")


@points(3)
@needs(test_bias, test_attention)
def test_gradients(submission, rng):
    """reach q, k, v and the buckets in use only"""
    B, H, T, K, V = rng.sizes(5, high=7)
    tensors, weight = (rng.randn(B, H, T, K), rng.randn(B, H, T, K), rng.randn(B, H, T, V)), rng.randn(32, H)
    g = rng.randn(B, H, T, V)

    theirs = [x.clone().requires_grad_() for x in (*tensors, weight)]
    bias = looked_up(theirs[3], T, T).expand(B, H, T, T)
    (F.scaled_dot_product_attention(*theirs[:3], attn_mask=bias, scale=1.0) * g).sum().backward()

    module = build(submission, weight)
    ours = [x.clone().requires_grad_() for x in tensors]
    out = submission.t5_attention(*ours, module(T, T))
    assert out.requires_grad, "No gradient leads from the output to the arguments: something was detached."
    (out * g).sum().backward()
    (parameter,) = module.parameters()
    gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in (*ours, parameter)]
    for name, gradient, expected in zip("qkv", gradients, theirs, strict=False):
        assert_close(gradient, expected.grad, name=f"gradient of {name}")
    assert_close(gradients[3], theirs[3].grad, name="gradient of the weight")
