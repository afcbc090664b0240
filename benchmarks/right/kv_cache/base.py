"""The cache of keys and values."""

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


def append_kv(cache, k_new, v_new, window=None):
    k, v, length = k_new, v_new, k_new.shape[2]
    if cache is not None:
        k = torch.cat([cache["k"], k], dim=2)
        v = torch.cat([cache["v"], v], dim=2)
        length += cache["length"]
    if window is not None:
        k, v = k[:, :, -window:], v[:, :, -window:]
    return {"k": k, "v": v, "length": length}


class CachedAttention(nn.Module):
    def __init__(self, hidden_size, num_heads, rope_theta=10000.0, window=None):
        super().__init__()
        self.num_heads, self.rope_theta, self.window = num_heads, rope_theta, window
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, cache=None):
        B, T, D = x.shape
        q, k, v = (p(x).view(B, T, self.num_heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        start = 0 if cache is None else cache["length"]
        positions = torch.arange(start, start + T)
        q, k = _rotate(q, positions, self.rope_theta), _rotate(k, positions, self.rope_theta)
        full = append_kv(cache, k, v)
        S = full["k"].shape[2]
        key_positions = torch.arange(start + T - S, start + T)
        mask = key_positions <= positions[:, None]
        if self.window is not None:
            mask &= positions[:, None] - key_positions < self.window
        out = F.scaled_dot_product_attention(q, full["k"], full["v"], attn_mask=mask)
        return self.o_proj(out.transpose(1, 2).reshape(B, T, D)), append_kv(cache, k, v, self.window)
