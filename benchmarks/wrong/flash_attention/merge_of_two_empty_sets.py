# TRUE CAUSE: merge subtracts the common lse as it is: for two sets without keys it is -inf, -inf minus -inf
# gives NaN, and the output is NaN in place of zeros.
import torch
from torch import Tensor


def merge(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> tuple[Tensor, Tensor]:
    lse = torch.logaddexp(lse_a, lse_b)
    safe = lse
    weight_a = torch.exp(lse_a - safe)[..., None]
    weight_b = torch.exp(lse_b - safe)[..., None]
    return out_a * weight_a + out_b * weight_b, lse


def _future(T: int, S: int, i: int, i_end: int, j: int, j_end: int) -> Tensor:
    """Which keys j ... j_end - 1 are later than which of the queries i ... i_end - 1."""
    rows = torch.arange(i, i_end)[:, None] + (S - T)
    return torch.arange(j, j_end)[None, :] > rows


def flash_forward(
    q: Tensor, k: Tensor, v: Tensor, block_q: int, block_k: int, causal: bool = False
) -> tuple[Tensor, Tensor]:
    T, S = q.shape[2], k.shape[2]
    scale = q.shape[3] ** -0.5
    out = q.new_zeros(*q.shape[:3], v.shape[3])
    lse = q.new_zeros(q.shape[:3])
    for i in range(0, T, block_q):
        i_end = min(i + block_q, T)
        tile_q = q[:, :, i:i_end] * scale
        m = torch.full_like(tile_q[..., 0], float("-inf"))
        total = torch.zeros_like(m)
        acc = q.new_zeros(*m.shape, v.shape[3])
        for j in range(0, S, block_k):
            j_end = min(j + block_k, S)
            if causal and j > S - T + i_end - 1:
                break
            scores = tile_q @ k[:, :, j:j_end].transpose(2, 3)
            if causal:
                scores = scores.masked_fill(_future(T, S, i, i_end, j, j_end), float("-inf"))
            m_new = torch.maximum(m, scores.amax(dim=-1))
            factor = torch.exp(m - m_new)
            p = torch.exp(scores - m_new[..., None])
            total = total * factor + p.sum(dim=-1)
            acc = acc * factor[..., None] + p @ v[:, :, j:j_end]
            m = m_new
        out[:, :, i:i_end] = acc / total[..., None]
        lse[:, :, i:i_end] = m + total.log()
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
    scale = q.shape[3] ** -0.5
    delta = (d_out * out).sum(dim=-1)
    dq, dk, dv = (torch.zeros(x.shape, dtype=q.dtype) for x in (q, k, v))
    for i in range(0, T, block_q):
        i_end = min(i + block_q, T)
        tile_q, tile_do = q[:, :, i:i_end], d_out[:, :, i:i_end]
        for j in range(0, S, block_k):
            j_end = min(j + block_k, S)
            if causal and j > S - T + i_end - 1:
                break
            tile_k, tile_v = k[:, :, j:j_end], v[:, :, j:j_end]
            scores = (tile_q * scale) @ tile_k.transpose(2, 3)
            if causal:
                scores = scores.masked_fill(_future(T, S, i, i_end, j, j_end), float("-inf"))
            p = torch.exp(scores - lse[:, :, i:i_end, None])
            dv[:, :, j:j_end] += p.transpose(2, 3) @ tile_do
            dp = tile_do @ tile_v.transpose(2, 3)
            ds = p * (dp - delta[:, :, i:i_end, None])
            dq[:, :, i:i_end] += ds @ tile_k * scale
            dk[:, :, j:j_end] += ds.transpose(2, 3) @ tile_q * scale
    return dq, dk, dv
