# TRUE CAUSE: append_kv detaches the old entries, so that no gradient flows back to the tensors of the cache handed in
# (nor through them to earlier pieces); they should be concatenated as they are.
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = positions[:, None] * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def append_kv(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    if cache is None:
        k, v, length = k_new, v_new, 0
    else:
        k = torch.cat([cache["k"].detach(), k_new], dim=2)
        v = torch.cat([cache["v"].detach(), v_new], dim=2)
        length = cache["length"]
    if window is not None:
        k, v = k[:, :, -window:], v[:, :, -window:]
    return {"k": k, "v": v, "length": length + k_new.shape[2]}


class CachedAttention(nn.Module):
    def __init__(self, hidden_size: int, num_heads: int, rope_theta: float = 10000.0, window: int | None = None):
        super().__init__()
        self.num_heads = num_heads
        self.rope_theta = rope_theta
        self.window = window
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        B, T, D = x.shape
        q, k, v = (
            proj(x).reshape(B, T, self.num_heads, D // self.num_heads).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        length = 0 if cache is None else cache["length"]
        positions = torch.arange(length, length + T)
        q = _rotate(q, positions, self.rope_theta)
        k = _rotate(k, positions, self.rope_theta)

        everything = append_kv(cache, k, v)  # the first new token may need keys that the last does not see
        S = everything["k"].shape[2]
        m = positions[:, None]
        n = torch.arange(length + T - S, length + T)[None, :]
        keep = n <= m
        if self.window is not None:
            keep = keep & (m - n < self.window)
        heads = F.scaled_dot_product_attention(q, everything["k"], everything["v"], attn_mask=keep)
        y = self.o_proj(heads.transpose(1, 2).reshape(B, T, D))
        return y, append_kv(cache, k, v, self.window)
