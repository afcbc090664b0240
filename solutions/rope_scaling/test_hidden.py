"""The rules pair by pair in Python's floats. Where the reference has logarithms and ramps, turns and wavelengths are
counted."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

# Two orders of the same steps differ by a few times 1e-16, and float32 would by 1e-7.
EXACT = {"rtol": 1e-12, "atol": 0.0}

MODELS = [  # head_dim, base, factor, old_len
    (128, 10000.0, 4.0, 4096),  # Llama 2, for four times its length
    (128, 500000.0, 8.0, 8192),  # Llama 3.1
    (64, 500000.0, 32.0, 8192),  # Llama 3.2 1B
    (128, 1000000.0, 4.0, 32768),  # Qwen2.5
    (64, 10000.0, 40.0, 4096),  # DeepSeek-V3
    (64, 150000.0, 32.0, 4096),  # gpt-oss
    (8, 10000.0, 4.0, 4096),
    (4, 10000.0, 2.0, 4096),  # its last pair makes more than one turn, so that YaRN's ramp goes on behind it
]


def shapes(rng):
    """head_dim, base, factor and old_len of published models, and two that are random."""
    drawn = []
    for size in rng.sizes(2, low=3, high=40):
        u = rng.rand(3).tolist()
        drawn.append((2 * size, 2000.0 + 80000.0 * u[0], 1.5 + 20.0 * u[1], 300 + int(1500 * u[2])))
    return MODELS + drawn


def plain(K, base):
    """θ of a model that has not been scaled, as a list."""
    return [math.exp(-2 * i / K * math.log(base)) for i in range(K // 2)]


def float64(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def yarn(K, base, s, old_len, fast=32.0, slow=1.0):
    """The ramp begins at the last pair that makes `fast` turns and ends at the first that makes at most `slow`."""
    theta = plain(K, base)
    turns = [old_len * each / (2 * math.pi) for each in theta]
    begin = max(sum(each >= fast for each in turns) - 1, 0)
    end = sum(each > slow for each in turns)
    kept = [(end - min(max(i, begin), end)) / (end - begin) for i in range(K // 2)]
    return float64([each * (share + (1 - share) / s) for each, share in zip(theta, kept, strict=True)])


def llama3(K, base, s, old_len, low=1.0, high=4.0):
    """By the length of a wave: how many tokens a pair needs for one turn."""
    new = []
    for each in plain(K, base):
        wave = 2 * math.pi / each
        if wave >= old_len / low:
            new.append(each / s)
        elif wave <= old_len / high:
            new.append(each)
        else:
            share = (old_len / wave - low) / (high - low)
            new.append(each * (share + (1 - share) / s))
    return float64(new)


def all_four(submission, K, base, s, old_len):
    """What the four functions return, by their names."""
    return {
        "linear_scaling": submission.linear_scaling(K, base, s),
        "ntk_scaling": submission.ntk_scaling(K, base, s),
        "yarn_scaling": submission.yarn_scaling(K, base, s, old_len),
        "llama3_scaling": submission.llama3_scaling(K, base, s, old_len),
    }


@points(2)
@needs(test_public.test_example_linear)
def test_linear(submission, rng):
    """every angle over s"""
    for K, base, s, _ in shapes(rng):
        theta, attention = submission.linear_scaling(K, base, s)
        assert_close(theta, float64([each / s for each in plain(K, base)]), **EXACT, name="angles")
        assert_close(attention, 1.0, name="attention factor")


@points(1)
@needs(test_public.test_example_linear)
def test_old_place(submission, rng):
    """position s·m turns as m did"""
    for K, base, s, old_len in shapes(rng):
        theta, _ = submission.linear_scaling(K, base, s)
        far = theta * (s * old_len)
        assert_close(far, old_len * float64(plain(K, base)), **EXACT, name=f"turns at {s * old_len:.0f}")


@points(3)
@needs(test_public.test_example_base)
def test_raised_base(submission, rng):
    """pair i: over s^(2i/(K − 2))"""
    for K, base, s, _ in shapes(rng):
        theta, attention = submission.ntk_scaling(K, base, s)
        expected = [each * s ** (-i / (K / 2 - 1)) for i, each in enumerate(plain(K, base))]
        assert_close(theta, float64(expected), **EXACT, name="angles")
        assert_close(attention, 1.0, name="attention factor")


@points(3)
@needs(test_public.test_example_base)
def test_ends(submission, rng):
    """raised base: first pair as before, last over s"""
    for K, base, s, _ in shapes(rng):
        theta, _ = submission.ntk_scaling(K, base, s)
        old = plain(K, base)
        assert_close(theta[[0, -1]], float64([1.0, old[-1] / s]), **EXACT, name="first and last angle")
        # Every angle is smaller than the one before by the same factor.
        assert_close(theta[1:-1] ** 2, theta[:-2] * theta[2:], **EXACT, name="squares of the angles between")


@points(5)
@needs(test_public.test_example_yarn)
def test_yarn(submission, rng):
    """a ramp over the pairs, for 32 and 1 turns"""
    for K, base, s, old_len in shapes(rng):
        theta, _ = submission.yarn_scaling(K, base, s, old_len)
        assert_close(theta, yarn(K, base, s, old_len), **EXACT, name="angles")


@points(1)
@needs(test_public.test_example_yarn)
def test_betas(submission, rng):
    """other numbers of turns than 32 and 1"""
    for K, base, s, old_len in shapes(rng):
        for fast, slow in ((16.0, 2.0), (64.0, 1.5), (5.0, 4.0)):
            theta, _ = submission.yarn_scaling(K, base, s, old_len, beta_fast=fast, beta_slow=slow)
            assert_close(theta, yarn(K, base, s, old_len, fast, slow), **EXACT, name="angles")
        theta, _ = submission.yarn_scaling(K, base, s, old_len, 20.0, 3.0)  # by their places
        assert_close(theta, yarn(K, base, s, old_len, 20.0, 3.0), **EXACT, name="angles")


@points(2)
@needs(test_public.test_example_yarn)
def test_ramp(submission):
    """low is rounded down, and high up"""
    for old_len in (628, 629, 2010, 2011):  # from 629 tokens on pair 2 makes a turn, from 2011 on pair 1 makes 32
        theta, _ = submission.yarn_scaling(8, 10000.0, 4.0, old_len)
        assert_close(theta, yarn(8, 10000.0, 4.0, old_len), **EXACT, name="angles")
    K, base, s, old_len = 32, 2500.0, 3.0, 700  # i(32) = 2.55 and i(1) = 9.64
    theta, _ = submission.yarn_scaling(K, base, s, old_len)
    old = float64(plain(K, base))
    ramp = (old - theta) / (old - old / s)
    expected = float64([min(max(i - 2, 0), 8) / 8 for i in range(K // 2)])
    assert_close(ramp, expected, name="ramp")


@points(1)
@needs(test_public.test_example_yarn)
def test_short_text(submission):
    """a text in which no pair makes 32 turns"""
    for K, base, s, old_len in ((8, 10000.0, 4.0, 150), (64, 10000.0, 5.0, 40), (32, 3000.0, 2.0, 201)):
        theta, _ = submission.yarn_scaling(K, base, s, old_len)
        assert_close(theta, yarn(K, base, s, old_len), **EXACT, name="angles")


@points(2)
@needs(test_public.test_example_attention)
def test_attention(submission, rng):
    """0.1 ln s + 1"""
    for u in (0.1, 0.3, *rng.rand(2).tolist()):  # s = e, e³, and random ones
        _, attention = submission.yarn_scaling(16, 10000.0, math.exp(10 * u), 4096)
        assert_close(attention, 1 + u, name="attention factor")


@points(4)
@needs(test_public.test_example_llama3)
def test_llama3(submission, rng):
    """a ramp over turns, from 1 to 4"""
    for K, base, s, old_len in shapes(rng):
        theta, attention = submission.llama3_scaling(K, base, s, old_len)
        assert_close(theta, llama3(K, base, s, old_len), **EXACT, name="angles")
        assert_close(attention, 1.0, name="attention factor")
    theta, _ = submission.llama3_scaling(16, 10000.0, 3.0, 5)  # not even the first pair makes one turn
    assert_close(theta, llama3(16, 10000.0, 3.0, 5), **EXACT, name="angles")


@points(2)
@needs(test_public.test_example_llama3)
def test_pairs_of_llama(submission):
    """Llama 3.1: 29 pairs stay, 29 get 1/8"""
    theta, _ = submission.llama3_scaling(128, 500000.0, 8.0, 8192)
    slower = float64(plain(128, 500000.0)) / theta
    assert_close(slower[:29], torch.ones(29, dtype=torch.float64), name="how much slower pairs 0 to 28 are")
    assert_close(slower[35:], torch.full((29,), 8.0, dtype=torch.float64), name="how much slower pairs 35 to 63 are")
    assert_equal(int(((slower > 1.01) & (slower < 7.99)).sum()), 6, name="number of pairs between")


@points(2)
@needs(test_public.test_example_llama3)
def test_low_and_high(submission, rng):
    """other numbers of turns than 1 and 4"""
    for K, base, s, old_len in shapes(rng):
        for low, high in ((2.0, 16.0), (0.5, 1.5), (1.0, 32.0)):
            theta, _ = submission.llama3_scaling(K, base, s, old_len, low=low, high=high)
            assert_close(theta, llama3(K, base, s, old_len, low, high), **EXACT, name="angles")
        theta, _ = submission.llama3_scaling(K, base, s, old_len, 0.25, 8.0)  # by their places
        assert_close(theta, llama3(K, base, s, old_len, 0.25, 8.0), **EXACT, name="angles")


@points(1)
@needs(test_linear, test_raised_base, test_yarn, test_llama3)
def test_factor_one(submission):
    """s = 1 changes nothing"""
    for K, base, _, old_len in MODELS:
        for name, (theta, attention) in all_four(submission, K, base, 1.0, old_len).items():
            assert_close(theta, float64(plain(K, base)), **EXACT, name=f"angles of {name}")
            assert_close(attention, 1.0, name=f"attention factor of {name}")


@points(1)
def test_float64(submission):
    """all four return float64, right to twelve digits"""
    K, base, s, old_len = 10, 10000.0, 3.0, 900
    expected = {
        "linear_scaling": float64([each / s for each in plain(K, base)]),
        "ntk_scaling": float64(plain(K, base * s ** (10 / 8))),
        "yarn_scaling": yarn(K, base, s, old_len),
        "llama3_scaling": llama3(K, base, s, old_len),
    }
    for name, (theta, _) in all_four(submission, K, base, s, old_len).items():
        assert_close(theta, expected[name], **EXACT, name=f"angles of {name}")


@points(1)
def test_odd_width(submission):
    """ValueError for K = 7, in all four"""
    base, s, old_len = 10000.0, 3.0, 900
    for name, (theta, _) in all_four(submission, 6, base, s, old_len).items():
        assert_equal(tuple(theta.shape), (3,), name=f"shape of the angles of {name} for K = 6")
    with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
        submission.linear_scaling(7, base, s)
    with pytest.raises(ValueError):  # noqa: PT011
        submission.ntk_scaling(7, base, s)
    with pytest.raises(ValueError):  # noqa: PT011
        submission.yarn_scaling(7, base, s, old_len)
    with pytest.raises(ValueError):  # noqa: PT011
        submission.llama3_scaling(7, base, s, old_len)


@points(1)
@needs(test_public.test_example_yarn)
def test_order_of_betas(submission):
    """ValueError unless beta_fast > beta_slow"""
    K, base, s, old_len = 16, 10000.0, 4.0, 900
    theta, _ = submission.yarn_scaling(K, base, s, old_len, beta_fast=8.0, beta_slow=2.0)
    assert_close(theta, yarn(K, base, s, old_len, 8.0, 2.0), **EXACT, name="angles for 8 and 2")
    for fast, slow in ((2.0, 8.0), (4.0, 4.0)):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.yarn_scaling(K, base, s, old_len, beta_fast=fast, beta_slow=slow)
