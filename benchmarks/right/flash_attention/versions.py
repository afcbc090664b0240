import functools
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from base import merge, tile_scores
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


@replaces("merge")
def merge_max(out_a, lse_a, out_b, lse_b):
    """by the maximum, divided by the sum"""
    m = torch.maximum(lse_a, lse_b)
    m = torch.where(m == -INF, torch.zeros_like(m), m)
    a, b = torch.exp(lse_a - m), torch.exp(lse_b - m)
    total = a + b
    some = torch.where(total == 0, torch.ones_like(total), total)
    out = (out_a * a.unsqueeze(-1) + out_b * b.unsqueeze(-1)) / some.unsqueeze(-1)
    return out, m + total.log()


@replaces("merge")
def merge_sigmoid(out_a, lse_a, out_b, lse_b):
    """a sigmoid of the difference; nan_to_num where both are empty"""
    w = torch.nan_to_num(torch.sigmoid(lse_a - lse_b), nan=0.0).unsqueeze(-1)
    return w * out_a + (1 - w) * out_b, torch.logaddexp(lse_a, lse_b)


@replaces("merge")
def merge_stacked(out_a, lse_a, out_b, lse_b):
    """logsumexp and softmax of a stack"""
    lses = torch.stack([lse_a, lse_b])
    weights = lses.softmax(0).nan_to_num(0.0)
    return torch.einsum("s...,s...v->...v", weights, torch.stack([out_a, out_b])), lses.logsumexp(0)


@replaces("merge")
def merge_where(out_a, lse_a, out_b, lse_b):
    """empty sets by torch.where"""
    lse = torch.logaddexp(lse_a, lse_b)
    w_a = torch.where(lse_a == -INF, 0.0, torch.exp(lse_a - lse))
    w_b = torch.where(lse_b == -INF, 0.0, torch.exp(lse_b - lse))
    return w_a.unsqueeze(-1) * out_a + w_b.unsqueeze(-1) * out_b, lse


@replaces("merge")
def merge_numpy(out_a, lse_a, out_b, lse_b):
    """numpy in float64"""
    la, lb = lse_a.detach().double().numpy(), lse_b.detach().double().numpy()
    with np.errstate(all="ignore"):
        lse = np.logaddexp(la, lb)
        wa, wb = (np.where(np.isneginf(x), 0.0, np.exp(x - lse))[..., None] for x in (la, lb))
    out = wa * out_a.detach().double().numpy() + wb * out_b.detach().double().numpy()
    return torch.as_tensor(out).to(out_a.dtype), torch.as_tensor(lse).to(lse_a.dtype)


@replaces("merge")
def merge_lerp(out_a, lse_a, out_b, lse_b):
    """the smaller set corrects the larger"""
    swap = lse_b > lse_a
    big, small = torch.where(swap, lse_b, lse_a), torch.where(swap, lse_a, lse_b)
    out_big = torch.where(swap[..., None], out_b, out_a)
    out_small = torch.where(swap[..., None], out_a, out_b)
    ratio = torch.where(small == -INF, torch.zeros_like(small), (small - big).exp())
    share = (ratio / (1 + ratio))[..., None]
    return out_big + share * (out_small - out_big), big + torch.log1p(ratio)


@replaces("merge")
def merge_finite(out_a, lse_a, out_b, lse_b):
    """-inf is replaced by a very small number"""
    low = torch.finfo(lse_a.dtype).min / 4
    a, b = lse_a.clamp(min=low), lse_b.clamp(min=low)
    lse = torch.logaddexp(a, b)
    out = out_a * (a - lse).exp()[..., None] + out_b * (b - lse).exp()[..., None]
    return out, lse.masked_fill((lse_a == -INF) & (lse_b == -INF), -INF)


@replaces("merge")
def merge_index(out_a, lse_a, out_b, lse_b):
    """only rows with keys are computed, in place"""
    out, lse = torch.zeros_like(out_a), torch.full_like(lse_a, -INF)
    some = (lse_a > -INF) | (lse_b > -INF)
    a, b = lse_a[some], lse_b[some]
    both = torch.logsumexp(torch.stack([a, b], -1), -1)
    lse[some] = both
    out[some] = out_a[some] * (a - both).exp()[:, None] + out_b[some] * (b - both).exp()[:, None]
    return out, lse


@replaces("merge")
def merge_python(out_a, lse_a, out_b, lse_b):
    """row by row with math"""
    out, lse = [], []
    V = out_a.shape[-1]
    for a, la, b, lb in zip(
        out_a.reshape(-1, V), lse_a.reshape(-1).tolist(), out_b.reshape(-1, V), lse_b.reshape(-1).tolist()
    ):
        high = max(la, lb)
        if high == -math.inf:
            out.append(torch.zeros_like(a))
            lse.append(-math.inf)
            continue
        total = math.exp(la - high) + math.exp(lb - high)
        lse.append(high + math.log(total))
        out.append((a * math.exp(la - high) + b * math.exp(lb - high)) / total)
    return torch.stack(out).view(out_a.shape), torch.tensor(lse, dtype=lse_a.dtype).view(lse_a.shape)


class Attended(NamedTuple):
    out: Tensor
    lse: Tensor


@replaces("merge")
def merge_named(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> Attended:
    """a NamedTuple; both weights by softmax over a last axis, float64"""
    logs = torch.stack([lse_a, lse_b], dim=-1).double()
    empty = torch.isneginf(logs).all(-1, keepdim=True)
    w = torch.softmax(logs.masked_fill(empty, 0.0), -1).masked_fill(empty, 0.0)
    out = (torch.stack([out_a, out_b], dim=-1).double() @ w.unsqueeze(-1)).squeeze(-1)
    return Attended(out.to(out_a.dtype), logs.logsumexp(-1).to(lse_a.dtype))


@replaces("flash_forward")
def forward_keys_outside(q, k, v, block_q, block_k, causal=False):
    """keys are the outer loop; m, l and o of all queries"""
    B, H, T, K = q.shape
    S, V = v.shape[2:]
    m = torch.full((B, H, T), -INF, dtype=q.dtype)
    l = torch.zeros(B, H, T, dtype=q.dtype)
    o = torch.zeros(B, H, T, V, dtype=q.dtype)
    for j in range(0, S, block_k):
        kj, vj = k[:, :, j : j + block_k], v[:, :, j : j + block_k]
        for i in range(0, T, block_q):
            rows = slice(i, min(i + block_q, T))
            s = tile_scores(q[:, :, rows], kj, i, j, S - T, causal)
            new = torch.maximum(m[:, :, rows], s.max(-1).values)
            p = torch.exp(s - new[..., None])
            factor = torch.exp(m[:, :, rows] - new)
            l[:, :, rows] = l[:, :, rows] * factor + p.sum(-1)
            o[:, :, rows] = o[:, :, rows] * factor[..., None] + p @ vj
            m[:, :, rows] = new
    return o / l[..., None], m + l.log()


@replaces("flash_forward")
def forward_merge(q, k, v, block_q, block_k, causal=False):
    """finished attention of each tile, put together by merge"""
    T, S = q.shape[2], k.shape[2]
    outs, lses = [], []
    for i in range(0, T, block_q):
        qi = q[:, :, i : i + block_q]
        out = qi.new_zeros(*qi.shape[:3], v.shape[-1])
        lse = qi.new_full(qi.shape[:3], -INF)
        for j in range(0, S, block_k):
            s = tile_scores(qi, k[:, :, j : j + block_k], i, j, S - T, causal)
            p = s.softmax(-1).nan_to_num(0.0)
            out, lse = merge(out, lse, p @ v[:, :, j : j + block_k], s.logsumexp(-1))
        outs.append(out)
        lses.append(lse)
    return torch.cat(outs, 2), torch.cat(lses, 2)


@replaces("flash_forward")
def forward_two_passes(q, k, v, block_q, block_k, causal=False):
    """first all log-sum-exps, then the output with finished weights"""
    T, S = q.shape[2], k.shape[2]
    out = torch.zeros(*q.shape[:3], v.shape[-1], dtype=q.dtype)
    lse = torch.full(q.shape[:3], -INF, dtype=q.dtype)

    def tiles():
        for i, j in itertools.product(range(0, T, block_q), range(0, S, block_k)):
            if not causal or j <= min(i + block_q, T) - 1 + S - T:
                s = tile_scores(q[:, :, i : i + block_q], k[:, :, j : j + block_k], i, j, S - T, causal)
                yield slice(i, i + block_q), slice(j, j + block_k), s

    for rows, _, s in tiles():
        lse[:, :, rows] = torch.logaddexp(lse[:, :, rows], s.logsumexp(-1))
    for rows, columns, s in tiles():
        out[:, :, rows] += (s - lse[:, :, rows, None]).exp() @ v[:, :, columns]
    return out, lse


@replaces("flash_forward")
def forward_double(q, k, v, block_q, block_k, causal=False):
    """float64 tiles; the maximum is replaced where it is -inf"""
    B, H, T, K = q.shape
    S = k.shape[-2]
    outs, lses = [], []
    for qi, i in zip(q.split(block_q, 2), itertools.count(0, block_q)):
        m, l, o = torch.full((B, H, qi.shape[2], 1), -INF).double(), 0.0, 0.0
        for kj, vj, j in zip(k.split(block_k, 2), v.split(block_k, 2), itertools.count(0, block_k)):
            s = torch.einsum("bhtk,bhsk->bhts", qi.double() * K**-0.5, kj.double())
            if causal:
                visible = torch.ones(s.shape[-2:], dtype=torch.bool).tril(i + S - T - j)
                s = torch.where(visible, s, -INF)
            new = torch.maximum(m, s.amax(-1, keepdim=True))
            p, factor = torch.exp(s - new), torch.exp(m - new)
            l, o, m = l * factor + p.sum(-1, keepdim=True), o * factor + p @ vj.double(), new
        outs.append((o / l).to(q.dtype))
        lses.append((m + torch.log(l)).squeeze(-1).to(q.dtype))
    return torch.cat(outs, -2), torch.cat(lses, -1)


@replaces("flash_forward")
def forward_recursive(q, k, v, block_q, block_k, causal=False):
    """halves of keys, halves of queries, merged"""
    S, T = k.shape[2], q.shape[2]

    def attend(i, n, j, m):
        if n > block_q:
            top, bottom = attend(i, n // 2, j, m), attend(i + n // 2, n - n // 2, j, m)
            return torch.cat([top[0], bottom[0]], 2), torch.cat([top[1], bottom[1]], 2)
        if m > block_k:
            return merge(*attend(i, n, j, m // 2), *attend(i, n, j + m // 2, m - m // 2))
        qi, vj = q[:, :, i : i + n], v[:, :, j : j + m]
        if causal and j > i + n - 1 + S - T:
            return q.new_zeros(*qi.shape[:3], v.shape[-1]), q.new_full(qi.shape[:3], -INF)
        s = tile_scores(qi, k[:, :, j : j + m], i, j, S - T, causal)
        lse = s.logsumexp(-1)
        weights = (s - lse.masked_fill(lse == -INF, 0)[..., None]).exp()
        return weights @ vj, lse

    return attend(0, T, 0, S)


@replaces("flash_forward")
def forward_heads(q, k, v, block_q, block_k, causal=False):
    """one head at a time, baddbmm-free 2-d products"""
    B, H, T, K = q.shape
    S, V = k.shape[2], v.shape[3]
    out = torch.empty((B, H, T, V), dtype=q.dtype)
    lse = torch.empty((B, H, T), dtype=q.dtype)
    for b in range(B):
        for h in range(H):
            for i in range(0, T, block_q):
                x = q[b, h, i : i + block_q] / math.sqrt(K)
                end = min(S, i + len(x) + S - T) if causal else S
                m = torch.full((len(x),), -INF, dtype=q.dtype)
                l, o = torch.zeros_like(m), torch.zeros(len(x), V, dtype=q.dtype)
                for j in range(0, end, block_k):
                    stop = min(j + block_k, end)
                    s = x.mm(k[b, h, j:stop].t())
                    if causal:
                        s[torch.arange(j, stop)[None] > torch.arange(i, i + len(x))[:, None] + (S - T)] = -INF
                    top = torch.max(m, s.max(1)[0])
                    s.sub_(top[:, None]).exp_()
                    shrink = torch.exp(m - top)
                    l.mul_(shrink).add_(s.sum(1))
                    o.mul_(shrink[:, None]).addmm_(s, v[b, h, j:stop])
                    m = top
                out[b, h, i : i + len(x)] = o / l[:, None]
                lse[b, h, i : i + len(x)] = l.log() + m
    return out, lse


@dataclass
class Online:
    m: Tensor
    l: Tensor
    o: Tensor

    def add(self, s, v):
        new = torch.maximum(self.m, s.amax(-1, keepdim=True))
        factor, p = (self.m - new).exp(), (s - new).exp()
        return Online(new, self.l * factor + p.sum(-1, keepdim=True), self.o * factor + p.matmul(v))


@replaces("flash_forward")
def forward_dataclass(q, k, v, block_q, block_k, causal=False):
    """a running state folded over the tiles of keys"""
    S, T = k.size(2), q.size(2)
    results = []
    for i in range(0, T, block_q):
        qi = q.narrow(2, i, min(block_q, T - i))
        start = Online(
            torch.full_like(qi[..., :1], -INF), torch.zeros_like(qi[..., :1]), q.new_zeros(*qi.shape[:3], v.size(3))
        )

        def step(state, j, qi=qi, i=i):
            n = min(block_k, S - j)
            return state.add(tile_scores(qi, k.narrow(2, j, n), i, j, S - T, causal), v.narrow(2, j, n))

        end = functools.reduce(step, range(0, S, block_k), start)
        results.append((end.o / end.l, end.m.squeeze(-1) + end.l.squeeze(-1).log()))
    outs, lses = zip(*results)
    return torch.cat(outs, dim=2), torch.cat(lses, dim=2)


@replaces("flash_forward")
def forward_max_first(q, k, v, block_q, block_k, causal=False):
    """one pass for the maxima, one for sums and output; no correction"""
    T, S = q.shape[2], k.shape[2]
    out, lse = q.new_zeros(*q.shape[:3], v.shape[3]), q.new_zeros(*q.shape[:3])
    for i in range(0, T, block_q):
        qi = q[:, :, i : i + block_q]
        tiles = [(j, min(j + block_k, S)) for j in range(0, S, block_k)]
        score = lambda a, b: tile_scores(qi, k[:, :, a:b], i, a, S - T, causal)
        m = functools.reduce(torch.maximum, (score(a, b).amax(-1, keepdim=True) for a, b in tiles))
        l = o = 0
        for a, b in tiles:
            p = torch.exp(score(a, b) - m)
            l = l + p.sum(-1, keepdim=True)
            o = o + torch.matmul(p, v[:, :, a:b])
        out[:, :, i : i + block_q] = o / l
        lse[:, :, i : i + block_q] = (m + l.log())[..., 0]
    return out, lse


@replaces("flash_forward")
def forward_backwards(q, k, v, block_q, block_k, causal=False):
    """from the last key to the first, guarded against rows without a key"""
    T, S = q.shape[2], k.shape[2]
    outs, lses = [], []
    for i in range(0, T, block_q):
        qi = q[:, :, i : i + block_q]
        m, l, o = qi.new_full((*qi.shape[:3], 1), -INF), 0.0, 0.0
        for j in reversed(range(0, S, block_k)):
            s = tile_scores(qi, k[:, :, j : j + block_k], i, j, S - T, causal)
            new = torch.maximum(m, s.amax(-1, keepdim=True))
            safe = torch.where(new == -INF, torch.zeros_like(new), new)
            p, factor = torch.exp(s - safe), torch.exp(m - safe)
            l = l * factor + p.sum(-1, keepdim=True)
            o = o * factor + p @ v[:, :, j : j + block_k]
            m = new
        outs.append(o / l)
        lses.append((m + l.log()).squeeze(-1))
    return torch.cat(outs, 2), torch.cat(lses, 2)


@replaces("flash_forward")
def forward_flat_heads(q, k, v, block_q, block_k, causal=False):
    """heads as one batch axis, bmm; smaller tiles than allowed"""
    B, H, T, K = q.shape
    S, V = k.shape[2], v.shape[3]
    qf, kf, vf = (x.reshape(B * H, x.shape[2], x.shape[3]) for x in (q, k, v))
    bq, bk = min(block_q, 512), min(block_k, 512)
    out, lse = torch.empty(B * H, T, V, dtype=q.dtype), torch.empty(B * H, T, dtype=q.dtype)
    for i in range(0, T, bq):
        x = qf[:, i : i + bq] * (K**-0.5)
        run_out = torch.zeros(B * H, x.shape[1], V, dtype=q.dtype)
        run_lse = torch.full((B * H, x.shape[1]), -INF, dtype=q.dtype)
        for j in range(0, S, bk):
            s = torch.bmm(x, kf[:, j : j + bk].transpose(1, 2))
            if causal:
                late = torch.arange(j, j + s.shape[2]) - (S - T) > torch.arange(i, i + s.shape[1]).unsqueeze(1)
                s.masked_fill_(late, -INF)
            new = torch.logaddexp(run_lse, torch.logsumexp(s, 2))
            run_out = run_out * (run_lse - new).exp().unsqueeze(2) + torch.bmm((s - new.unsqueeze(2)).exp(), vf[:, j : j + bk])
            run_lse = new
        out[:, i : i + bq], lse[:, i : i + bq] = run_out, run_lse
    return out.view(B, H, T, V), lse.view(B, H, T)


def visible(i, n, j, m, past):
    return torch.arange(j, j + m)[None, :] <= torch.arange(i, i + n)[:, None] + past


@replaces("flash_backward")
def backward_keys_outside(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """keys outside; dk and dv are collected in lists"""
    T, S, K = q.shape[2], k.shape[2], q.shape[3]
    dq = torch.zeros_like(q, memory_format=torch.contiguous_format)
    dks, dvs = [], []
    for j in range(0, S, block_k):
        kj, vj = k[:, :, j : j + block_k], v[:, :, j : j + block_k]
        dk, dv = torch.zeros_like(kj), torch.zeros_like(vj)
        for i in range(0, T, block_q):
            rows = slice(i, i + block_q)
            qi, do = q[:, :, rows], d_out[:, :, rows]
            delta = (do * out[:, :, rows]).sum(-1, keepdim=True)
            p = torch.exp(tile_scores(qi, kj, i, j, S - T, causal) - lse[:, :, rows].unsqueeze(-1))
            dv += p.mT @ do
            ds = p * (do @ vj.mT - delta) / math.sqrt(K)
            dk += ds.mT @ qi
            dq[:, :, rows] += ds @ kj
        dks.append(dk)
        dvs.append(dv)
    return dq, torch.cat(dks, 2), torch.cat(dvs, 2)


@replaces("flash_backward")
def backward_two_sweeps(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """one sweep for dq, one for dk and dv"""
    T, S, scale = q.shape[2], k.shape[2], q.shape[3] ** -0.5
    delta = torch.einsum("bhtv,bhtv->bht", d_out, out)

    def tile(i, j):
        a, b = slice(i, i + block_q), slice(j, j + block_k)
        p = (tile_scores(q[:, :, a], k[:, :, b], i, j, S - T, causal) - lse[:, :, a, None]).exp()
        return p, p * (d_out[:, :, a] @ v[:, :, b].transpose(2, 3) - delta[:, :, a, None]) * scale

    keys, queries = range(0, S, block_k), range(0, T, block_q)
    dq = torch.cat([sum(tile(i, j)[1] @ k[:, :, j : j + block_k] for j in keys) for i in queries], 2)
    dk, dv = [], []
    for j in keys:
        gk = gv = 0
        for i in queries:
            p, ds = tile(i, j)
            gv = gv + p.transpose(2, 3) @ d_out[:, :, i : i + block_q]
            gk = gk + ds.transpose(2, 3) @ q[:, :, i : i + block_q]
        dk.append(gk)
        dv.append(gv)
    return dq, torch.cat(dk, 2), torch.cat(dv, 2)


@replaces("flash_backward")
def backward_einsum(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """einsum; tiles of the future are skipped; torch.where"""
    T, S, K = q.shape[2], k.shape[2], q.shape[3]
    dq, dk, dv = (torch.zeros(x.shape, dtype=x.dtype) for x in (q, k, v))
    for i in range(0, T, block_q):
        a = slice(i, min(i + block_q, T))
        qi, do, L = q[:, :, a], d_out[:, :, a], lse[:, :, a].unsqueeze(3)
        delta = torch.sum(do * out[:, :, a], dim=3, keepdim=True)
        for j in range(0, S, block_k):
            b = slice(j, min(j + block_k, S))
            if causal and b.start > a.stop - 1 + S - T:
                continue
            p = torch.exp(torch.einsum("bhik,bhjk->bhij", qi, k[:, :, b]) / K**0.5 - L)
            if causal:
                p = torch.where(visible(i, a.stop - i, j, b.stop - j, S - T), p, 0.0)
            dp = torch.einsum("bhiv,bhjv->bhij", do, v[:, :, b])
            ds = p * (dp - delta)
            dv[:, :, b] += torch.einsum("bhij,bhiv->bhjv", p, do)
            dq[:, :, a] += torch.einsum("bhij,bhjk->bhik", ds, k[:, :, b]) / K**0.5
            dk[:, :, b] += torch.einsum("bhij,bhik->bhjk", ds, qi) / K**0.5
    return dq, dk, dv


@replaces("flash_backward")
def backward_double(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """sums in float64"""
    T, S, K = q.shape[2], k.shape[2], q.shape[3]
    dq, dk, dv = (torch.zeros(x.shape, dtype=torch.float64) for x in (q, k, v))
    for i, j in itertools.product(range(0, T, block_q), range(0, S, block_k)):
        a, b = slice(i, i + block_q), slice(j, j + block_k)
        qi, oi, do = (x[:, :, a].double() for x in (q, out, d_out))
        kj, vj = k[:, :, b].double(), v[:, :, b].double()
        p = (tile_scores(qi, kj, i, j, S - T, causal) - lse[:, :, a, None].double()).exp()
        ds = p * (do @ vj.mT - (do * oi).sum(-1, keepdim=True)) / math.sqrt(K)
        dq[:, :, a] += ds @ kj
        dk[:, :, b] += ds.mT @ qi
        dv[:, :, b] += p.mT @ do
    return tuple(g.to(q.dtype) for g in (dq, dk, dv))


@replaces("flash_backward")
def backward_heads(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """one head at a time, addmm in place on own tensors"""
    B, H, T, K = q.shape
    S = k.shape[2]
    dq, dk, dv = (torch.zeros(x.shape, dtype=x.dtype) for x in (q, k, v))
    for b in range(B):
        for h in range(H):
            delta = (out[b, h] * d_out[b, h]).sum(1)
            scaled = q[b, h] / math.sqrt(K)
            for j in range(0, S, block_k):
                kj, vj = k[b, h, j : j + block_k], v[b, h, j : j + block_k]
                for i in range(0, T, block_q):
                    x, g = scaled[i : i + block_q], d_out[b, h, i : i + block_q]
                    p = torch.exp(x @ kj.T - lse[b, h, i : i + block_q, None])
                    if causal:
                        p = p.masked_fill(~visible(i, len(x), j, len(kj), S - T), 0)
                    ds = torch.addmm(-delta[i : i + block_q, None], g, vj.T) * p
                    dv[b, h, j : j + block_k].addmm_(p.T, g)
                    dq[b, h, i : i + block_q].addmm_(ds, kj, alpha=1 / math.sqrt(K))
                    dk[b, h, j : j + block_k].addmm_(ds.T, x)
    return dq, dk, dv


@replaces("flash_backward")
def backward_by_rows_of_p(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """δ as the sum of P dP over all tiles, in a sweep of its own"""
    T, S, K = q.shape[2], k.shape[2], q.shape[3]
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    for i in range(0, T, block_q):
        a = slice(i, i + block_q)

        def tile(j):
            s = tile_scores(q[:, :, a], k[:, :, j : j + block_k], i, j, S - T, causal)
            p = torch.exp(s - lse[:, :, a].unsqueeze(-1))
            return p, d_out[:, :, a] @ v[:, :, j : j + block_k].transpose(-2, -1)

        delta = 0
        for j in range(0, S, block_k):
            p, dp = tile(j)
            delta = delta + (p * dp).sum(-1, keepdim=True)
        for j in range(0, S, block_k):
            p, dp = tile(j)
            ds = p * (dp - delta)
            dq[:, :, a] += ds @ k[:, :, j : j + block_k] * K**-0.5
            dk[:, :, j : j + block_k] += ds.transpose(-2, -1) @ (q[:, :, a] * K**-0.5)
            dv[:, :, j : j + block_k] += p.transpose(-2, -1) @ d_out[:, :, a]
    return dq, dk, dv


@replaces("flash_backward")
def backward_folded_delta(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """bmm with flat heads; the scale in the keys"""
    B, H, T, K = q.shape
    S, V = k.shape[2], v.shape[3]
    flat = lambda x: x.reshape(B * H, *x.shape[2:])
    qf, kf, vf, of, lf, df = map(flat, (q, k / math.sqrt(K), v, out, lse, d_out))
    delta = (of * df).sum(-1)
    gq, gk, gv = torch.zeros(B * H, T, K).to(q), torch.zeros(B * H, S, K).to(q), torch.zeros(B * H, S, V).to(q)
    for j in range(0, S, block_k):
        for i in range(0, T, block_q):
            if causal and j > min(i + block_q, T) - 1 + (S - T):
                continue
            x, y, w, d = qf[:, i : i + block_q], kf[:, j : j + block_k], vf[:, j : j + block_k], df[:, i : i + block_q]
            logs = torch.baddbmm(-lf[:, i : i + block_q, None], x, y.mT)
            if causal:
                logs = logs + torch.zeros(logs.shape[1:], dtype=q.dtype).masked_fill(
                    ~visible(i, logs.shape[1], j, logs.shape[2], S - T), -INF
                )
            p = logs.exp()
            ds = p * torch.baddbmm(-delta[:, i : i + block_q, None], d, w.mT)
            gq[:, i : i + block_q].baddbmm_(ds, y)
            gk[:, j : j + block_k].baddbmm_(ds.mT, x, alpha=1 / math.sqrt(K))
            gv[:, j : j + block_k].baddbmm_(p.mT, d)
    return gq.view(B, H, T, K), gk.view(B, H, S, K), gv.view(B, H, S, V)


@replaces("flash_backward")
def backward_autograd_tiles(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """the derivative of each tile by autograd, with lse and δ as constants"""
    T, S = q.shape[2], k.shape[2]
    delta = (d_out * out).sum(-1, keepdim=True).detach()
    dq, dk, dv = (torch.zeros(x.shape, dtype=x.dtype) for x in (q, k, v))
    for i in range(0, T, block_q):
        a = slice(i, i + block_q)
        for j in range(0, S, block_k):
            b = slice(j, j + block_k)
            with torch.enable_grad():
                x, y, w = (z.detach().clone().requires_grad_() for z in (q[:, :, a], k[:, :, b], v[:, :, b]))
                p = (tile_scores(x, y, i, j, S - T, causal) - lse[:, :, a, None].detach()).exp()
                gain = (d_out[:, :, a].detach() * (p @ w)).sum() - (p * delta[:, :, a]).sum()
                gx, gy, gw = torch.autograd.grad(gain, (x, y, w))
            dq[:, :, a] += gx
            dk[:, :, b] += gy
            dv[:, :, b] += gw
    return dq, dk, dv


class Gradients(NamedTuple):
    q: Tensor
    k: Tensor
    v: Tensor


@replaces("flash_backward")
def backward_dict(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """tiles by split; a NamedTuple"""
    T, S, scale = q.shape[2], k.shape[2], 1 / math.sqrt(q.shape[3])
    rows = list(zip(*(x.split(block_q, 2) for x in (q, out, lse, d_out)), range(0, T, block_q)))
    columns = list(zip(k.split(block_k, 2), v.split(block_k, 2), range(0, S, block_k)))
    dq = [torch.zeros_like(r[0]) for r in rows]
    dk, dv = [torch.zeros_like(c[0]) for c in columns], [torch.zeros_like(c[1]) for c in columns]
    for r, (qi, oi, li, di, i) in enumerate(rows):
        delta = (oi * di).sum(-1, keepdim=True)
        for c, (kj, vj, j) in enumerate(columns):
            p = tile_scores(qi, kj, i, j, S - T, causal).sub(li.unsqueeze(-1)).exp()
            ds = p.mul(di.matmul(vj.mT).sub(delta)).mul(scale)
            dq[r] = dq[r] + ds.matmul(kj)
            dk[c] = dk[c] + ds.mT.matmul(qi)
            dv[c] = dv[c] + p.mT.matmul(di)
    return Gradients(torch.cat(dq, 2), torch.cat(dk, 2), torch.cat(dv, 2))
