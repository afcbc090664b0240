# TRUE CAUSE: flash_backward works with queries that are divided by √K already and takes dS K for dQ, which is the
# gradient of the scaled queries. The gradient of q needs the factor 1/√K once more: dQ = dS K / √K.
"""Attention in tiles, forward and backward."""

import torch
from torch import Tensor


def merge(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> tuple[Tensor, Tensor]:
    lse = torch.logaddexp(lse_a, lse_b)
    anchor = lse.masked_fill(lse == -torch.inf, 0.0)
    share_a, share_b = (lse_a - anchor).exp(), (lse_b - anchor).exp()
    return out_a * share_a[..., None] + out_b * share_b[..., None], lse


def _spans(length: int, block: int):
    return [(start, min(start + block, length)) for start in range(0, length, block)]


def _tile(q_tile: Tensor, k_tile: Tensor, rows: tuple[int, int], columns: tuple[int, int], shift: int | None) -> Tensor:
    """The scores of a tile; with a shift of S - T the future is -inf."""
    scores = q_tile @ k_tile.transpose(-1, -2)
    if shift is not None and columns[1] - 1 > rows[0] + shift:
        m = torch.arange(*rows)[:, None] + shift
        scores = scores.masked_fill(torch.arange(*columns)[None, :] > m, -torch.inf)
    return scores


def flash_forward(
    q: Tensor, k: Tensor, v: Tensor, block_q: int, block_k: int, causal: bool = False
) -> tuple[Tensor, Tensor]:
    B, H, T, K = q.shape
    S, V = k.shape[2], v.shape[3]
    shift = S - T if causal else None
    scaled = q / K**0.5
    out, lse = q.new_empty(B, H, T, V), q.new_empty(B, H, T)
    for rows in _spans(T, block_q):
        q_tile = scaled[:, :, rows[0] : rows[1]]
        n = rows[1] - rows[0]
        m = q.new_full((B, H, n), -torch.inf)
        total, acc = q.new_zeros(B, H, n), q.new_zeros(B, H, n, V)
        for columns in _spans(S, block_k):
            if causal and columns[0] > rows[1] - 1 + shift:
                break
            scores = _tile(q_tile, k[:, :, columns[0] : columns[1]], rows, columns, shift)
            m_new = torch.maximum(m, scores.amax(dim=-1))
            factor = (m - m_new).exp()
            p = (scores - m_new[..., None]).exp()
            total = factor * total + p.sum(dim=-1)
            acc = factor[..., None] * acc + p @ v[:, :, columns[0] : columns[1]]
            m = m_new
        out[:, :, rows[0] : rows[1]] = acc / total[..., None]
        lse[:, :, rows[0] : rows[1]] = m + total.log()
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
    T, S, K = q.shape[2], k.shape[2], q.shape[3]
    shift = S - T if causal else None
    scaled = q / K**0.5
    delta = (d_out * out).sum(dim=-1, keepdim=True)
    dq, dk, dv = (torch.zeros(t.shape, dtype=q.dtype) for t in (q, k, v))
    for rows in _spans(T, block_q):
        r = slice(*rows)
        for columns in _spans(S, block_k):
            if causal and columns[0] > rows[1] - 1 + shift:
                break
            c = slice(*columns)
            scores = _tile(scaled[:, :, r], k[:, :, c], rows, columns, shift)
            p = (scores - lse[:, :, r, None]).exp()
            dv[:, :, c] += p.transpose(-1, -2) @ d_out[:, :, r]
            ds = p * (d_out[:, :, r] @ v[:, :, c].transpose(-1, -2) - delta[:, :, r])
            dq[:, :, r] += ds @ k[:, :, c]
            dk[:, :, c] += ds.transpose(-1, -2) @ scaled[:, :, r]
    return dq, dk, dv
