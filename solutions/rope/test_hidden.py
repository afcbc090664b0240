"""RoPE against multiplication of complex numbers, and against what a rotation cannot change."""

import cmath
import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def even(size):
    """A width of 16 or more: its half is above all other sizes, too. With K = 4 both directions of interleaved_to_half
    are the same."""
    return 2 * size + 12


def angles(positions, K, base=10000.0):
    """position * base^(-2i/K), float64 (..., K/2), from plain numbers."""
    theta = torch.tensor([base ** (-2 * i / K) for i in range(K // 2)], dtype=torch.float64)
    return positions.double()[..., None] * theta


def turned(x, positions, base=10000.0):
    """x (B, H, T, K) as complex numbers (x_i + i x_{i+K/2}), times e^(i angle); float64."""
    K = x.shape[-1]
    angle = angles(positions, K, base)
    angle = angle[:, None] if positions.dim() == 2 else angle
    pairs = torch.complex(x.double()[..., : K // 2], x.double()[..., K // 2 :])
    pairs = pairs * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([pairs.real, pairs.imag], dim=-1)


@points(2)
@needs(test_public.test_example_theta)
def test_frequencies(submission, rng):
    """any even K and base"""
    for size in rng.sizes(3):
        K, base = even(size), 10.0 ** float(2 + 4 * rng.rand(1))
        expected = [base ** (-2 * i / K) for i in range(K // 2)]
        assert_close(submission.rope_frequencies(K, base), torch.tensor(expected, dtype=torch.float64))


@points(1)
@needs(test_public.test_example_half)
def test_rotate_half(submission, rng):
    """on the last axis, whatever stands before it"""
    B, H, T, N = rng.sizes(4, low=4, high=7)
    K = 2 * N
    x = rng.randn(B, H, T, K)
    assert_equal(submission.rotate_half(x), torch.cat([-x[..., N:], x[..., :N]], dim=-1))
    assert_equal(submission.rotate_half(x[0, 0].float()), torch.cat([-x[0, 0, :, N:], x[0, 0, :, :N]], -1).float())


@points(5)
@needs(test_public.test_example_rope)
def test_rotation(submission, rng):
    """pairs (x_i, x_{i+K/2}) as complex numbers"""
    B, H, T, N = rng.sizes(4, high=5)
    K = even(N)
    x = rng.randn(B, H, T, K)
    positions = rng.randperm(50)[:T]  # neither from 0 nor in order
    assert_close(submission.apply_rope(x, positions), turned(x, positions))
    assert_close(submission.apply_rope(x, positions, 500000.0), turned(x, positions, 500000.0))
    # float32: angles are float64, so only the numbers themselves round
    single = x.float()
    assert_close(submission.apply_rope(single, positions), turned(single, positions).float())


@points(4)
@needs(test_public.test_example_rope)
def test_batch_positions(submission, rng):
    """positions (B, T): each sequence its own"""
    B, H, T, N = rng.sizes(4, high=5)
    K = even(N)
    x = rng.randn(B, H, T, K)
    positions = rng.randperm(100)[: B * T].view(B, T)
    assert_close(submission.apply_rope(x, positions), turned(x, positions))
    assert_close(submission.apply_rope(x[:1], positions[:1]), turned(x[:1], positions[:1]))


@points(2)
@needs(test_public.test_example_rope)
def test_length_stays(submission, rng):
    """position 0 is no turn; no pair changes length"""
    B, H, T, N = rng.sizes(4, high=5)
    K = even(N)
    x = rng.randn(B, H, T, K)
    assert_close(submission.apply_rope(x, torch.zeros(T, dtype=torch.int64)), x)
    y = submission.apply_rope(x, rng.randint(1, 100, (T,)))

    def lengths(z):
        return torch.hypot(z[..., : K // 2], z[..., K // 2 :])

    assert_close(lengths(y), lengths(x), name="lengths of the pairs")


@points(4)
@needs(test_public.test_example_rope)
def test_distance(submission, rng):
    """a score depends on m - n, and on its sign"""
    B, H, T, N = rng.sizes(4, high=5)
    K = even(N)
    q, k = rng.randn(B, H, T, K), rng.randn(B, H, T, K)

    def score(m, n):
        at = torch.zeros(T, dtype=torch.int64)
        return (submission.apply_rope(q, at + m) * submission.apply_rope(k, at + n)).sum(-1)

    for s in (1, 50, 4000):
        assert_close(score(7 + s, 3 + s), score(7, 3), name=f"scores at {7 + s} and {3 + s}")
    assert_close(score(7, 3), (turned(q, torch.full((T,), 4)) * k).sum(-1), name="scores at 7 and 3")
    assert_close(score(3, 7), (turned(k, torch.full((T,), 4)) * q).sum(-1), name="scores at 3 and 7")


@points(2)
@needs(test_public.test_example_rope)
def test_turns_add_up(submission, rng):
    """turned by m, then by n, is turned by m + n"""
    B, H, T, N = rng.sizes(4, high=5)
    K = even(N)
    x = rng.randn(B, H, T, K)
    m, n = rng.randint(1, 100, (T,)), rng.randint(1, 100, (B, T))
    twice = submission.apply_rope(submission.apply_rope(x, m), n)
    assert_close(twice, submission.apply_rope(x, m + n), name="x turned twice")


@points(3)
@needs(test_public.test_example_rope)
def test_far_position(submission, rng):
    """position 1000003, right to eight digits"""
    B, H, T, K = 2, 3, 5, 8
    x = rng.randn(B, H, T, K)
    positions = 1_000_003 + rng.randint(0, 1000, (T,))
    # A frequency is right to about 1e-15, times 1e6; a float32 angle would be wrong by 1e-2.
    assert_close(submission.apply_rope(x, positions), turned(x, positions), rtol=0.0, atol=1e-8)
    single = x.float()
    assert_close(submission.apply_rope(single, positions), turned(single, positions).float())


@points(2)
@needs(test_public.test_example_rope)
def test_half_precision(submission, rng):
    """bfloat16 in and out, at positions above 256"""
    B, H, T, K = 2, 3, 5, 8
    x = rng.randn(B, H, T, K).bfloat16()
    positions = 257 + rng.randperm(700)[:T]
    y = submission.apply_rope(x, positions)
    assert_equal(y.dtype, torch.bfloat16, name="dtype of the result")
    # Each term is a product of two rounded numbers, rounded, and their sum is rounded: three times 2^-8 of
    # |a| + |b|, at most. An angle in bfloat16 would be wrong by a radian.
    size = (x.double().abs() + torch.roll(x.double().abs(), K // 2, -1)).max().item()
    assert_close(y.double(), turned(x, positions), rtol=0.0, atol=3 * 2**-8 * size, name="result")


@points(1)
@needs(test_public.test_example_rope)
def test_gradient(submission, rng):
    """of x: the incoming one, turned back"""
    B, H, T, N = rng.sizes(4, high=5)
    K = even(N)
    x, g = rng.randn(B, H, T, K).requires_grad_(), rng.randn(B, H, T, K)
    positions = rng.randperm(50)[:T]
    y = submission.apply_rope(x, positions)
    assert y.requires_grad, "No gradient leads from the result to x: something was detached."
    (y * g).sum().backward()
    assert_close(x.grad, turned(g, -positions), name="gradient of x")


@points(2)
@needs(test_public.test_example_rows)
def test_rows(submission, rng):
    """row 2i to i, row 2i+1 to i + K/2, per head"""
    H, N, D = rng.sizes(3, high=5)
    K = even(N)
    weight = rng.randn(H * K, D)
    expected = torch.empty_like(weight)
    for h in range(H):
        for i in range(K // 2):
            expected[h * K + i] = weight[h * K + 2 * i]
            expected[h * K + K // 2 + i] = weight[h * K + 2 * i + 1]
    assert_equal(submission.interleaved_to_half(weight, H), expected)
    assert_equal(submission.interleaved_to_half(weight[:, 0], H), expected[:, 0])  # a bias


@points(2)
@needs(test_rotation, test_rows)
def test_same_scores(submission, rng):
    """moved rows score as neighbours did"""
    H, T, N, D = rng.sizes(4, high=5)
    K = even(N)
    x = rng.randn(T, D)
    W_q, W_k = rng.randn(H * K, D), rng.randn(H * K, D)
    positions = rng.randperm(50)[:T]

    def neighbours(W):
        pairs = torch.view_as_complex((x @ W.T).view(T, H, K // 2, 2).transpose(0, 1).contiguous())
        turn = [[cmath.exp(1j * a) for a in row] for row in angles(positions, K).tolist()]
        return torch.view_as_real(pairs * torch.tensor(turn, dtype=torch.complex128)).flatten(-2)

    def halves(W):
        moved = submission.interleaved_to_half(W, H)
        return submission.apply_rope((x @ moved.T).view(1, T, H, K).transpose(1, 2), positions)[0]

    expected = neighbours(W_q) @ neighbours(W_k).mT / math.sqrt(K)
    assert_close(halves(W_q) @ halves(W_k).mT / math.sqrt(K), expected, name="scores")
