from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from base import combine

from grader.testing import replaces


# ---------------------------------------------------------------- combine
class Step(NamedTuple):
    a: torch.Tensor
    b: torch.Tensor


@replaces("combine")
def comb_named(left, right):
    """a NamedTuple, indices"""
    return Step(left[0] * right[0], right[0] * left[1] + right[1])


@replaces("combine")
def comb_addcmul(left, right):
    """addcmul"""
    (a1, b1), (a2, b2) = left, right
    return torch.mul(a1, a2), torch.addcmul(b2, a2, b1)


@replaces("combine")
def comb_matrix(left, right):
    """products of 2 x 2 matrices [[a, b], [0, 1]]"""

    def matrix(a, b):
        zero, one = torch.zeros_like(a), torch.ones_like(a)
        return torch.stack([torch.stack([a, b], -1), torch.stack([zero, one], -1)], -2)

    m = matrix(*right) @ matrix(*left)
    return m[..., 0, 0], m[..., 0, 1]


@replaces("combine")
def comb_substitute(left, right):
    """the step at h = 0 and, for its slope, the product"""

    def apply(step, h):
        a, b = step
        return a * h + b

    b = apply(right, apply(left, torch.zeros_like(left[1])))
    return left[0] * right[0], b


@replaces("combine")
def comb_inplace(left, right):
    """in place on own copies"""
    a, b = left[0].clone(), left[1].clone()
    a *= right[0]
    b *= right[0]
    b += right[1]
    return a, b


@replaces("combine")
def comb_stacked(left, right):
    """both numbers at once"""
    both = torch.stack(tuple(left)) * right[0]
    return both[0], both[1] + right[1]


@replaces("combine")
def comb_einsum(left, right):
    """einsum"""
    a = torch.einsum("...,...->...", right[0], left[0])
    return a, right[1] + torch.einsum("...,...->...", right[0], left[1])


@replaces("combine")
def comb_keyword(left, right):
    """star and out-of-place methods"""
    a_first, b_first, a_second, b_second = *left, *right
    b_total = b_second.add(b_first.mul(a_second))
    a_total = a_first.mul(a_second)
    return (a_total, b_total)


# ---------------------------------------------------------------- parallel_scan
def fold(a, b, h0):
    """b with the first state in its first entry"""
    if h0 is None:
        return b
    first = torch.zeros(b.shape[-1], dtype=b.dtype)
    first[0] = 1
    return b + a * (h0.unsqueeze(-1) * first)


@replaces("parallel_scan")
def scan_pad(a, b, h0=None):
    """pads with steps that do nothing: (1, 0)"""
    b, s = fold(a, b, h0), 1
    while s < a.shape[-1]:
        before = F.pad(a[..., :-s], (s, 0), value=1.0), F.pad(b[..., :-s], (s, 0))
        a, b = combine(before, (a, b))
        s *= 2
    return b


@replaces("parallel_scan")
def scan_roll(a, b, h0=None):
    """roll and where"""
    T = a.shape[-1]
    b, place = fold(a, b, h0), torch.arange(T)
    for i in range((T - 1).bit_length()):
        s = 2**i
        new_a, new_b = combine((a.roll(s, -1), b.roll(s, -1)), (a, b))
        a, b = torch.where(place < s, a, new_a), torch.where(place < s, b, new_b)
    return b


@replaces("parallel_scan")
def scan_h0_end(a, b, h0=None):
    """h0 at the end: all decays are there after the last round"""
    A, H, s = a, b, 1
    while s < A.shape[-1]:
        tail_a, tail_b = combine((A[..., :-s], H[..., :-s]), (A[..., s:], H[..., s:]))
        A, H = torch.cat((A[..., :s], tail_a), -1), torch.cat((H[..., :s], tail_b), -1)
        s += s
    return H if h0 is None else H + A * h0[..., None]


@replaces("parallel_scan")
def scan_prepend(a, b, h0=None):
    """h0 is a step before all others: (0, h0)"""
    if h0 is None:
        h0 = torch.zeros(a.shape[:-1], dtype=a.dtype)
    a = torch.cat([torch.zeros_like(h0).unsqueeze(-1), a], -1)
    b = torch.cat([h0.unsqueeze(-1), b], -1)
    s = 1
    while s < a.size(-1):
        a, b = (
            torch.cat([a[..., :s], a[..., s:] * a[..., :-s]], -1),
            torch.cat([b[..., :s], a[..., s:] * b[..., :-s] + b[..., s:]], -1),
        )
        s *= 2
    return b[..., 1:]


@replaces("parallel_scan")
def scan_blelloch(a, b, h0=None):
    """pairs first, recursively"""

    def scan(a, b):
        T = a.shape[-1]
        if T == 1:
            return b
        pa, pb = combine((a[..., 0 : T - 1 : 2], b[..., 0 : T - 1 : 2]), (a[..., 1::2], b[..., 1::2]))
        odd = scan(pa, pb)  # h_1, h_3, ...
        n_even = (T + 1) // 2
        even = torch.cat([b[..., :1], a[..., 2::2] * odd[..., : n_even - 1] + b[..., 2::2]], -1)
        both = torch.stack([even[..., : odd.shape[-1]], odd], -1).flatten(-2)
        return both if T % 2 == 0 else torch.cat([both, even[..., -1:]], -1)

    return scan(a, fold(a, b, h0))


@replaces("parallel_scan")
def scan_blocks(a, b, h0=None):
    """blocks of 16 steps, all blocks at once; the ends of the blocks recursively: 16 rounds for each factor of 16"""
    T = a.shape[-1]
    if h0 is None:
        h0 = b.new_zeros(b.shape[:-1])
    size = 16
    if T <= size:
        h, out = h0, []
        for t in range(T):
            h = a[..., t] * h + b[..., t]
            out.append(h)
        return torch.stack(out, -1)
    extra = -T % size
    ab = F.pad(a, (0, extra)).unflatten(-1, (-1, size))
    bb = F.pad(b, (0, extra)).unflatten(-1, (-1, size))
    A, H = [ab[..., 0]], [bb[..., 0]]
    for t in range(1, size):
        x, y = combine((A[-1], H[-1]), (ab[..., t], bb[..., t]))
        A.append(x)
        H.append(y)
    ends = scan_blocks(A[-1], H[-1], h0)
    before = torch.cat([h0.unsqueeze(-1), ends[..., :-1]], -1)
    return (torch.stack(A, -1) * before.unsqueeze(-1) + torch.stack(H, -1)).flatten(-2)[..., :T]


class _Scan(torch.autograd.Function):
    """h forwards; the gradient of b is the same scan backwards"""

    @staticmethod
    def run(a, b):
        a, b = a.copy(), b.copy()
        s = 1
        while s < a.shape[-1]:
            b[..., s:] += a[..., s:] * b[..., :-s]
            a[..., s:] = a[..., s:] * a[..., :-s]
            s *= 2
        return b

    @staticmethod
    def forward(ctx, a, b):
        h = torch.from_numpy(_Scan.run(a.numpy(), b.numpy()))
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    def backward(ctx, g):
        a, h = ctx.saved_tensors
        an, gn = a.numpy(), g.numpy()
        after = np.concatenate([an[..., 1:], np.zeros_like(an[..., :1])], -1)
        gb = torch.from_numpy(_Scan.run(after[..., ::-1], gn[..., ::-1])[..., ::-1].copy())
        ga = gb * F.pad(h[..., :-1], (1, 0))
        return ga, gb


@replaces("parallel_scan")
def scan_numpy(a, b, h0=None):
    """NumPy in a custom autograd.Function"""
    return _Scan.apply(a, fold(a, b, h0))


@replaces("parallel_scan")
def scan_sklansky(a, b, h0=None):
    """neighbouring blocks are joined: the right one gets the end of the left one; padded to a power of two"""
    T = a.shape[-1]
    n = 1 << (T - 1).bit_length()
    A = F.pad(a, (0, n - T), value=1.0)
    H = F.pad(fold(a, b, h0), (0, n - T))
    size = 1
    while size < n:
        A, H = A.unflatten(-1, (-1, 2, size)), H.unflatten(-1, (-1, 2, size))
        left = A[..., 0, -1:], H[..., 0, -1:]
        A2 = A[..., 1, :] * left[0]
        H2 = A[..., 1, :] * left[1] + H[..., 1, :]
        A = torch.stack([A[..., 0, :], A2], -2).flatten(-3)
        H = torch.stack([H[..., 0, :], H2], -2).flatten(-3)
        size *= 2
    return H[..., :T]


@replaces("parallel_scan")
def scan_first_axis(a, b, h0=None):
    """time first; the result is a view with moved axes"""
    a, b = a.movedim(-1, 0), b.movedim(-1, 0)
    if h0 is not None:
        b = torch.cat([torch.addcmul(b[:1], a[:1], h0.unsqueeze(0)), b[1:]])
    s = 1
    while s < len(a):
        x, y = combine((a[:-s], b[:-s]), (a[s:], b[s:]))
        a, b = torch.cat([a[:s], x]), torch.cat([b[:s], y])
        s <<= 1
    return b.movedim(0, -1)


@replaces("parallel_scan")
def scan_clones(a, b, h0=None):
    """in place on a clone in each round"""
    a, b = a.clone(), b.clone()
    if h0 is not None:
        b[..., 0] += a[..., 0] * h0
    s, T = 1, a.shape[-1]
    while s < T:
        new_a, new_b = a.clone(), b.clone()
        new_a[..., s:] *= a[..., : T - s]
        new_b[..., s:] += a[..., s:] * b[..., : T - s]
        a, b = new_a, new_b
        s = 2 * s
    return b


@replaces("parallel_scan")
def scan_gather(a, b, h0=None):
    """gather of the entry s places before; the last round leaves the decays out"""
    T = a.shape[-1]
    b, t = fold(a, b, h0), torch.arange(T)
    rounds = (T - 1).bit_length()
    for i in range(rounds):
        place = t - 2**i
        has = place >= 0
        before = place.clamp(min=0)
        b = b + torch.where(has, a * b.index_select(-1, before), 0)
        if i + 1 < rounds:
            a = a * torch.where(has, a.index_select(-1, before), 1)
    return b


@replaces("parallel_scan")
def scan_recursive(a, b, h0=None):
    """doubling by recursion; float64 inside"""

    def rounds(a, b, s):
        if s >= a.shape[-1]:
            return b
        x, y = combine((a[..., :-s], b[..., :-s]), (a[..., s:], b[..., s:]))
        return rounds(torch.cat([a[..., :s], x], -1), torch.cat([b[..., :s], y], -1), 2 * s)

    wide = a.double(), b.double()
    return rounds(wide[0], fold(*wide, None if h0 is None else h0.double()), 1).to(a.dtype)


class _Reverse(torch.autograd.Function):
    @staticmethod
    def scan(a, b):
        for i in range((a.shape[-1] - 1).bit_length()):
            s = 1 << i
            b = torch.cat([b[..., :s], torch.addcmul(b[..., s:], a[..., s:], b[..., :-s])], -1)
            a = torch.cat([a[..., :s], a[..., s:] * a[..., :-s]], -1)
        return b

    @staticmethod
    def forward(ctx, a, b, h0):
        first = torch.cat([(b[..., 0] + a[..., 0] * h0)[..., None], b[..., 1:]], -1)
        h = _Reverse.scan(a, first)
        ctx.save_for_backward(a, h, h0)
        return h

    @staticmethod
    def backward(ctx, g):
        a, h, h0 = ctx.saved_tensors
        after = torch.cat([a[..., 1:], torch.zeros_like(a[..., :1])], -1)
        gb = _Reverse.scan(after.flip(-1), g.flip(-1)).flip(-1)
        before = torch.cat([h0[..., None], h[..., :-1]], -1)
        return gb * before, gb, gb[..., 0] * a[..., 0]


@replaces("parallel_scan")
def scan_reverse(a, b, h0=None):
    """a custom autograd.Function that scans backwards"""
    return _Reverse.apply(a, b, torch.zeros_like(b[..., 0]) if h0 is None else h0)
