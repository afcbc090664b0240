"""Right solutions in other styles. None of them may lose a point."""

import math
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from flash_attention import merge
from torch import Tensor

from grader.testing import replaces


class Attended(NamedTuple):
    out: Tensor
    lse: Tensor


class Gradients(NamedTuple):
    q: Tensor
    k: Tensor
    v: Tensor


@replaces("merge")
def by_softmax(out_a, lse_a, out_b, lse_b):
    """a softmax over the two; rows without keys are filled in"""
    pair = torch.stack([lse_a, lse_b], dim=-1)
    empty = torch.isneginf(pair).all(-1)
    shares = torch.where(empty[..., None], 0.5, pair.softmax(-1)).to(out_a.dtype)
    out = torch.stack([out_a, out_b], dim=-1) @ shares[..., None]
    return Attended(out.squeeze(-1), pair.logsumexp(-1))


@replaces("merge")
def by_sigmoid(out_a, lse_a, out_b, lse_b):
    """one share by a sigmoid of the difference; a list"""
    difference = (lse_a - lse_b).nan_to_num(nan=0.0, posinf=math.inf, neginf=-math.inf)
    out = torch.lerp(out_b, out_a, torch.sigmoid(difference).unsqueeze(-1))
    larger = torch.where(lse_a > lse_b, lse_a, lse_b)
    return [out, larger + torch.log1p(torch.exp(-difference.abs()))]


@replaces("merge")
def in_numpy(out_a, lse_a, out_b, lse_b):
    """NumPy in float64"""
    a, b = (x.double().numpy() for x in (lse_a, lse_b))
    top = np.maximum(a, b)
    top = np.where(np.isneginf(top), 0.0, top)
    e_a, e_b = np.exp(a - top), np.exp(b - top)
    total = e_a + e_b
    with np.errstate(divide="ignore"):
        lse = np.log(total) + top
    total = np.where(total == 0, 1.0, total)
    out = (e_a / total)[..., None] * out_a.double().numpy() + (e_b / total)[..., None] * out_b.double().numpy()
    return torch.from_numpy(np.asarray(out)).to(out_a.dtype), torch.from_numpy(np.asarray(lse)).to(out_a.dtype)


def pieces(length, block):
    return zip(range(0, length, block), [*range(block, length, block), length], strict=True)


@replaces("flash_forward")
def keys_outside(q, k, v, block_q, block_k, causal=False):
    """keys in the outer loop, as in the first paper; the output is divided all the time"""
    (B, H, T, K), S, V = q.shape, k.shape[2], v.shape[-1]
    out = torch.zeros(B, H, T, V, dtype=q.dtype)
    total, top = torch.zeros(B, H, T, 1, dtype=q.dtype), torch.full((B, H, T, 1), -torch.inf, dtype=q.dtype)
    for j, j_end in pieces(S, block_k):
        for i, i_end in pieces(T, block_q):
            if causal and j > S - T + i_end - 1:
                continue
            scores = torch.einsum("bhtk,bhsk->bhts", q[:, :, i:i_end], k[:, :, j:j_end]) * K**-0.5
            if causal:
                scores = scores + torch.full(scores.shape[-2:], -torch.inf, dtype=q.dtype).triu(S - T + i - j + 1)
            m = scores.amax(-1, keepdim=True)
            m = m.clamp(min=torch.finfo(q.dtype).min)  # a row of the tile that sees nothing
            p = torch.exp(scores - m)
            new = torch.maximum(top[:, :, i:i_end], m)
            old, now = torch.exp(top[:, :, i:i_end] - new), torch.exp(m - new)
            mass = old * total[:, :, i:i_end] + now * p.sum(-1, keepdim=True)
            before = total[:, :, i:i_end] * old * out[:, :, i:i_end]
            out[:, :, i:i_end] = (before + now * (p @ v[:, :, j:j_end])) / mass
            total[:, :, i:i_end], top[:, :, i:i_end] = mass, new
    return Attended(out, (top + total.log()).squeeze(-1))


@replaces("flash_forward")
def by_merging(q, k, v, block_q, block_k, causal=False):
    """each tile a small attention of its own, then merge; heads and texts in a loop"""
    (B, H, T, K), S, V = q.shape, k.shape[2], v.shape[-1]
    outs, lses = q.new_empty(B, H, T, V), q.new_empty(B, H, T)
    for b, h, (i, i_end) in product(range(B), range(H), list(pieces(T, block_q))):
        found = q.new_zeros(i_end - i, V), q.new_full((i_end - i,), -torch.inf)
        for j, j_end in pieces(S, block_k):
            scores = q[b, h, i:i_end] @ k[b, h, j:j_end].T / math.sqrt(K)
            if causal:
                seen = torch.arange(j, j_end) <= torch.arange(S - T + i, S - T + i_end)[:, None]
                scores = torch.where(seen, scores, -torch.inf)
            lse = scores.logsumexp(-1)
            weights = torch.where(torch.isneginf(lse)[:, None], 0.0, scores.softmax(-1))
            found = merge(*found, weights @ v[b, h, j:j_end], lse)
        outs[b, h, i:i_end], lses[b, h, i:i_end] = found
    return outs, lses


@replaces("flash_forward")
def in_two_passes(q, k, v, block_q, block_k, causal=False):
    """first the log-sum-exp of each row, then its weights, so that nothing is corrected; in float64"""
    T, S, dtype = q.shape[2], k.shape[2], q.dtype
    q, k, v = q.double() / math.sqrt(q.shape[-1]), k.double(), v.double()

    def tile(i, i_end, j, j_end):
        scores = q[:, :, i:i_end] @ k[:, :, j:j_end].transpose(-1, -2)
        if causal:
            row, column = torch.meshgrid(torch.arange(i, i_end), torch.arange(j, j_end), indexing="ij")
            scores[..., column > row + S - T] = float("-inf")
        return scores

    outs, lses = [], []
    for rows in pieces(T, block_q):
        lse = torch.full_like(q[:, :, slice(*rows), 0], -torch.inf)
        for cols in pieces(S, block_k):
            lse = torch.logaddexp(lse, tile(*rows, *cols).logsumexp(-1))
        out = sum(torch.exp(tile(*rows, *cols) - lse[..., None]) @ v[:, :, slice(*cols)] for cols in pieces(S, block_k))
        outs.append(out.to(dtype))
        lses.append(lse.to(dtype))
    return [torch.cat(outs, 2), torch.cat(lses, 2)]


@replaces("flash_backward")
def keys_first(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """keys in the outer loop; queries scaled beforehand; lists that are joined"""
    T, K, S = *q.shape[2:], k.shape[2]
    q = q / K**0.5
    delta = torch.einsum("bhtv,bhtv->bht", out, d_out)
    dq, dks, dvs = torch.zeros_like(q), [], []
    for j, j_end in pieces(S, block_k):
        k_j, v_j = k[:, :, j:j_end], v[:, :, j:j_end]
        dk, dv = torch.zeros_like(k_j), torch.zeros_like(v_j)
        for i, i_end in pieces(T, block_q):
            row = slice(i, i_end)
            scores = torch.einsum("bhtk,bhsk->bhts", q[:, :, row], k_j)
            p = (scores - lse[:, :, row, None]).exp()
            if causal:
                p = torch.where(torch.ones_like(p, dtype=torch.bool).tril(S - T + i - j), p, 0.0)
            dp = torch.einsum("bhtv,bhsv->bhts", d_out[:, :, row], v_j)
            ds = p * dp - p * delta[:, :, row, None]
            dv += torch.einsum("bhts,bhtv->bhsv", p, d_out[:, :, row])
            dk += torch.einsum("bhts,bhtk->bhsk", ds, q[:, :, row])
            dq[:, :, row] += torch.einsum("bhts,bhsk->bhtk", ds, k_j)
        dks.append(dk)
        dvs.append(dv)
    return Gradients(dq / K**0.5, torch.cat(dks, 2), torch.cat(dvs, 2))


@replaces("flash_backward")
def autograd_of_tiles(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """the gradient of each tile by autograd: of p (dp - δ), with p a function of the tile alone"""
    T, S, scale = q.shape[2], k.shape[2], 1 / math.sqrt(q.shape[-1])
    delta = (out * d_out).sum(-1)
    totals = [torch.zeros_like(x) for x in (q, k, v)]
    with torch.enable_grad():
        for (i, i_end), (j, j_end) in product(list(pieces(T, block_q)), list(pieces(S, block_k))):
            row, column = slice(i, i_end), slice(j, j_end)
            if causal and j > S - T + i_end - 1:
                continue
            part = [q[:, :, row], k[:, :, column], v[:, :, column]]
            q_i, k_j, v_j = (x.detach().requires_grad_() for x in part)
            scores = q_i @ k_j.mT * scale
            if causal:
                later = torch.arange(j, j_end) > torch.arange(i, i_end)[:, None] + (S - T)
                scores = scores.masked_fill(later, -torch.inf)
            p = torch.exp(scores - lse[:, :, row, None].detach())
            value = (p * (d_out[:, :, row].detach() @ v_j.mT - delta[:, :, row, None].detach())).sum()
            for total, place, found in zip(
                totals, (row, column, column), torch.autograd.grad(value, (q_i, k_j, v_j)), strict=True
            ):
                total[:, :, place] += found
    return totals


@replaces("flash_backward")
def head_by_head(q, k, v, out, lse, d_out, block_q, block_k, causal=False):
    """a loop over texts and heads, in float64; tuples of transposed views"""
    T, S, dtype = q.shape[2], k.shape[2], q.dtype
    dq, dk, dv = (x.new_zeros(x.mT.shape, dtype=torch.float64) for x in (q, k, v))
    for b, h in np.ndindex(*q.shape[:2]):
        Q, K, V, O, L, dO = (x[b, h].double() for x in (q, k, v, out, lse, d_out))  # noqa: E741 - the paper's letters
        D = torch.linalg.vecdot(dO, O)
        for i, i_end in pieces(T, block_q):
            for j, j_end in pieces(S, block_k):
                s = Q[i:i_end] @ K[j:j_end].T / math.sqrt(Q.shape[1])
                if causal:
                    hidden = torch.arange(S)[None, j:j_end] - torch.arange(T)[i:i_end, None] > S - T
                    s[hidden] = -torch.inf
                P = torch.exp(s - L[i:i_end, None])
                dS = P * (dO[i:i_end] @ V[j:j_end].T - D[i:i_end, None]) / math.sqrt(Q.shape[1])
                dv[b, h, :, j:j_end] += dO[i:i_end].T @ P
                dq[b, h, :, i:i_end] += K[j:j_end].T @ dS.T
                dk[b, h, :, j:j_end] += Q[i:i_end].T @ dS
    return tuple(x.to(dtype).mT for x in (dq, dk, dv))
