# TRUE CAUSE: The position of the first new token is taken from the number of entries in the cache and not from
# its length, which is wrong once a window has dropped some.
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)  # (K/2,)
    angles = positions[:, None] * frequencies  # (T, K/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def append_kv(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    if cache is None:
        k, v, length = k_new, v_new, 0
    else:
        k = torch.cat([cache["k"], k_new], dim=2)
        v = torch.cat([cache["v"], v_new], dim=2)
        length = cache["length"]
    if window is not None:
        k, v = k[:, :, -window:], v[:, :, -window:]
    return {"k": k, "v": v, "length": length + k_new.shape[2]}


class CachedAttention(nn.Module):
    def __init__(self, hidden_size: int, num_heads: int, rope_theta: float = 10000.0, window: int | None = None):
        super().__init__()
        self.H, self.theta, self.window = num_heads, rope_theta, window
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        B, T, D = x.shape
        q, k, v = (p(x).reshape(B, T, self.H, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        start = 0 if cache is None else cache["k"].shape[2]
        m = torch.arange(start, start + T)
        q, k = _rotate(q, m, self.theta), _rotate(k, m, self.theta)
        everything = append_kv(cache, k, v)
        S = everything["k"].shape[2]
        n = torch.arange(start + T - S, start + T)
        mask = n[None, :] <= m[:, None]
        if self.window is not None:
            mask = mask & (m[:, None] - n[None, :] < self.window)
        y = F.scaled_dot_product_attention(q, everything["k"], everything["v"], attn_mask=mask)
        y = self.o_proj(y.transpose(1, 2).reshape(B, T, D))
        return y, append_kv(cache, k, v, self.window)
