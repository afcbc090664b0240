# TRUE CAUSE: attention_parameters counts W_q and W_o as D·D, ignoring a head_dim with H·K other than D.
import math

import torch
from torch import Tensor, nn


def _rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)  # (K/2,)
    angles = positions[:, None] * frequencies  # (T, K/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def repeat_kv(x: Tensor, n_rep: int) -> Tensor:
    return x.repeat_interleave(n_rep, dim=1)


def grouped_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    n_rep = q.shape[1] // k.shape[1]
    k, v = repeat_kv(k, n_rep), repeat_kv(v, n_rep)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(-1) @ v


def attention_parameters(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    K = hidden_size // num_heads if head_dim is None else head_dim
    return 2 * hidden_size * hidden_size + 2 * hidden_size * num_kv_heads * K


class GroupedQueryAttention(nn.Module):
    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        num_kv_heads: int,
        head_dim: int | None = None,
        rope_theta: float = 10000.0,
    ) -> None:
        super().__init__()
        self.H, self.G = num_heads, num_kv_heads
        self.K = hidden_size // num_heads if head_dim is None else head_dim
        self.theta = rope_theta
        self.q_proj = nn.Linear(hidden_size, self.H * self.K, bias=False)
        self.k_proj = nn.Linear(hidden_size, self.G * self.K, bias=False)
        self.v_proj = nn.Linear(hidden_size, self.G * self.K, bias=False)
        self.o_proj = nn.Linear(self.H * self.K, hidden_size, bias=False)

    def forward(self, x: Tensor, cache: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        B, T, _ = x.shape
        q = self.q_proj(x).reshape(B, T, self.H, self.K).transpose(1, 2)
        k = self.k_proj(x).reshape(B, T, self.G, self.K).transpose(1, 2)
        v = self.v_proj(x).reshape(B, T, self.G, self.K).transpose(1, 2)
        past = 0 if cache is None else cache["k"].shape[2]
        positions = torch.arange(past, past + T)
        q, k = _rotate(q, positions, self.theta), _rotate(k, positions, self.theta)
        if cache is not None:
            k = torch.cat([cache["k"], k], dim=2)
            v = torch.cat([cache["v"], v], dim=2)
        mask = torch.arange(past + T)[None, :] <= positions[:, None]
        y = grouped_attention(q, k, v, mask)
        return self.o_proj(y.transpose(1, 2).reshape(B, T, -1)), {"k": k, "v": v}
