# TRUE CAUSE: flash_backward scales q once at the beginning, so dQ = dS K is the gradient of the scaled q; it lacks
# the factor 1/sqrt(K) for q itself. (dK, made with the scaled q, is right.)
"""Attention in tiles."""

import torch
from torch import Tensor


def merge(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> tuple[Tensor, Tensor]:
    lse = torch.logaddexp(lse_a, lse_b)
    anchor = torch.where(torch.isinf(lse), torch.zeros_like(lse), lse)  # two empty sets
    share_a = (lse_a - anchor).exp().unsqueeze(-1)
    share_b = (lse_b - anchor).exp().unsqueeze(-1)
    return out_a * share_a + out_b * share_b, lse


def _tile_scores(q: Tensor, k: Tensor, first_query: int, first_key: int, causal: bool) -> Tensor:
    """Scores of a tile whose first query stands at position first_query, and whose first key at first_key."""
    scores = q @ k.mT
    if causal:
        positions = first_query + torch.arange(q.shape[-2], device=q.device)[:, None]
        keys = first_key + torch.arange(k.shape[-2], device=q.device)[None, :]
        scores = scores.masked_fill(keys > positions, float("-inf"))
    return scores


def flash_forward(
    q: Tensor, k: Tensor, v: Tensor, block_q: int, block_k: int, causal: bool = False
) -> tuple[Tensor, Tensor]:
    B, H, T, K = q.shape
    S, V = k.shape[2], v.shape[3]
    q = q * K**-0.5
    output = q.new_empty(B, H, T, V)
    lse = q.new_empty(B, H, T)
    for i in range(0, T, block_q):
        rows = q[:, :, i : i + block_q]
        m = rows.new_full(rows.shape[:3], float("-inf"))
        l = torch.zeros_like(m)
        o = rows.new_zeros(*rows.shape[:3], V)
        for j in range(0, S, block_k):
            if causal and j > S - T + i + rows.shape[2] - 1:
                break
            scores = _tile_scores(rows, k[:, :, j : j + block_k], S - T + i, j, causal)
            m_new = torch.maximum(m, scores.amax(dim=-1))
            safe = m_new.masked_fill(m_new == float("-inf"), 0.0)
            factor = (m - safe).exp()
            p = (scores - safe.unsqueeze(-1)).exp()
            l = factor * l + p.sum(dim=-1)
            o = factor.unsqueeze(-1) * o + p @ v[:, :, j : j + block_k]
            m = m_new
        output[:, :, i : i + block_q] = o / l.unsqueeze(-1)
        lse[:, :, i : i + block_q] = m + l.log()
    return output, lse


def flash_backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    out: Tensor,
    lse: Tensor,
    d_out: Tensor,
    block_q: int,
    block_k: int,
    causal: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    T, S, K = q.shape[2], k.shape[2], q.shape[3]
    q = q * K**-0.5
    delta = (d_out * out).sum(dim=-1)  # (B, H, T)
    dq = torch.zeros(q.shape, dtype=q.dtype, device=q.device)
    dk = torch.zeros(k.shape, dtype=k.dtype, device=k.device)
    dv = torch.zeros(v.shape, dtype=v.dtype, device=v.device)
    for i in range(0, T, block_q):
        rows = slice(i, i + block_q)
        q_i, do_i = q[:, :, rows], d_out[:, :, rows]
        for j in range(0, S, block_k):
            if causal and j > S - T + i + q_i.shape[2] - 1:
                break
            cols = slice(j, j + block_k)
            k_j, v_j = k[:, :, cols], v[:, :, cols]
            p = (_tile_scores(q_i, k_j, S - T + i, j, causal) - lse[:, :, rows, None]).exp()
            dv[:, :, cols] += p.mT @ do_i
            ds = p * (do_i @ v_j.mT - delta[:, :, rows, None])
            dq[:, :, rows] += ds @ k_j
            dk[:, :, cols] += ds.mT @ q_i
    return dq, dk, dv
