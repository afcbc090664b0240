# TRUE CAUSE: grouped_attention works on scores (B, G, H/G, T, S) and only inserts an axis into the mask; a mask with
# an axis of H heads, which must broadcast to (B, H, T, S), then raises or lands on the wrong heads.
"""Grouped-query attention with a cache."""

import math

import torch
from torch import Tensor, nn


def _rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = positions[:, None] * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def repeat_kv(x: Tensor, n_rep: int) -> Tensor:
    B, G, S, K = x.shape
    return x[:, :, None].expand(B, G, n_rep, S, K).reshape(B, G * n_rep, S, K)


def grouped_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    H, G = q.shape[1], k.shape[1]
    grouped = q.unflatten(1, (G, H // G))  # (B, G, R, T, K)
    scores = torch.einsum("bgrtk,bgsk->bgrts", grouped, k) / math.sqrt(q.shape[-1])
    if mask is not None:
        if mask.dim() >= 3:
            mask = mask.unsqueeze(-3)
        scores = scores.masked_fill(~mask, float("-inf"))
    heads = torch.einsum("bgrts,bgsk->bgrtk", scores.softmax(dim=-1), v)
    return heads.flatten(1, 2)


def attention_parameters(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    if head_dim is None:
        head_dim = hidden_size // num_heads
    query_and_output = 2 * num_heads * head_dim * hidden_size
    key_and_value = 2 * num_kv_heads * head_dim * hidden_size
    return query_and_output + key_and_value


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
        self.head_dim = hidden_size // num_heads if head_dim is None else head_dim
        self.rope_theta = rope_theta
        self.q_proj = nn.Linear(hidden_size, num_heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(hidden_size, num_kv_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(hidden_size, num_kv_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(num_heads * self.head_dim, hidden_size, bias=False)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)

    def forward(self, x: Tensor, cache: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        T = x.shape[1]
        past = 0 if cache is None else cache["k"].shape[2]
        positions = torch.arange(past, past + T)
        q = _rotate(self._split(self.q_proj(x)), positions, self.rope_theta)
        k = _rotate(self._split(self.k_proj(x)), positions, self.rope_theta)
        v = self._split(self.v_proj(x))
        if cache is not None:
            k = torch.cat([cache["k"], k], dim=2)
            v = torch.cat([cache["v"], v], dim=2)
        mask = torch.arange(past + T)[None, :] <= positions[:, None]
        heads = grouped_attention(q, k, v, mask)
        return self.o_proj(heads.transpose(1, 2).flatten(2)), {"k": k, "v": v}
