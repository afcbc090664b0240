import math

import torch
from torch import Tensor


def merge(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> tuple[Tensor, Tensor]:
    lse = torch.logaddexp(lse_a, lse_b)
    safe = lse.masked_fill(lse == float("-inf"), 0.0)
    weight_a, weight_b = (lse_a - safe).exp(), (lse_b - safe).exp()
    return out_a * weight_a[..., None] + out_b * weight_b[..., None], lse


def tile_scores(q: Tensor, k: Tensor, i: int, j: int, past: int, causal: bool) -> Tensor:
    """The scaled scores of a tile whose first query is i and whose first key is j."""
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if causal:
        rows = torch.arange(i, i + q.shape[-2])[:, None] + past
        columns = torch.arange(j, j + k.shape[-2])
        scores = scores.masked_fill(columns > rows, float("-inf"))
    return scores


def flash_forward(
    q: Tensor, k: Tensor, v: Tensor, block_q: int, block_k: int, causal: bool = False
) -> tuple[Tensor, Tensor]:
    B, H, T, _ = q.shape
    S = k.shape[2]
    out = q.new_empty(B, H, T, v.shape[-1])
    lse = q.new_empty(B, H, T)
    for i in range(0, T, block_q):
        qi = q[:, :, i : i + block_q]
        m = q.new_full((B, H, qi.shape[2], 1), float("-inf"))
        l = torch.zeros_like(m)
        o = q.new_zeros(B, H, qi.shape[2], v.shape[-1])
        for j in range(0, S, block_k):
            if causal and j > min(i + block_q, T) - 1 + S - T:
                break
            s = tile_scores(qi, k[:, :, j : j + block_k], i, j, S - T, causal)
            new = torch.maximum(m, s.amax(-1, keepdim=True))
            factor = (m - new).exp()
            p = (s - new).exp()
            l = factor * l + p.sum(-1, keepdim=True)
            o = factor * o + p @ v[:, :, j : j + block_k]
            m = new
        out[:, :, i : i + block_q] = o / l
        lse[:, :, i : i + block_q] = (m + l.log()).squeeze(-1)
    return out, lse


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
    T, S = q.shape[2], k.shape[2]
    scale = 1 / math.sqrt(q.shape[-1])
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    delta = (d_out * out).sum(-1, keepdim=True)
    for i in range(0, T, block_q):
        qi, doi = q[:, :, i : i + block_q], d_out[:, :, i : i + block_q]
        for j in range(0, S, block_k):
            if causal and j > min(i + block_q, T) - 1 + S - T:
                break
            kj, vj = k[:, :, j : j + block_k], v[:, :, j : j + block_k]
            p = (tile_scores(qi, kj, i, j, S - T, causal) - lse[:, :, i : i + block_q, None]).exp()
            dv[:, :, j : j + block_k] += p.transpose(-1, -2) @ doi
            ds = p * (doi @ vj.transpose(-1, -2) - delta[:, :, i : i + block_q]) * scale
            dq[:, :, i : i + block_q] += ds @ kj
            dk[:, :, j : j + block_k] += ds.transpose(-1, -2) @ qi
    return dq, dk, dv
