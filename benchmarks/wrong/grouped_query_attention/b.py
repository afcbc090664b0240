# TRUE CAUSE: The layer keeps the keys as they come from k_proj and turns all of them anew in each call. The cache
# that is handed in and returned has to hold rotated keys, each turned once, when it is made.
import math

import torch
from torch import Tensor, nn


def _rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    """Rotary positions (RoPE), given: turns the pair (x_i, x_{i + K/2}) by the angle position · theta^(−2i/K)."""
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)  # (K/2,)
    angles = positions[:, None] * frequencies  # (T, K/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def repeat_kv(x: Tensor, n_rep: int) -> Tensor:
    B, G, S, K = x.shape
    return x.unsqueeze(2).expand(B, G, n_rep, S, K).reshape(B, G * n_rep, S, K)


def grouped_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    n_rep = q.shape[1] // k.shape[1]
    k, v = repeat_kv(k, n_rep), repeat_kv(v, n_rep)
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(dim=-1) @ v


def attention_parameters(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    K = hidden_size // num_heads if head_dim is None else head_dim
    return hidden_size * K * (2 * num_heads + 2 * num_kv_heads)


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
        self.theta = rope_theta
        self.q_proj = nn.Linear(hidden_size, num_heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(hidden_size, num_kv_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(hidden_size, num_kv_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(num_heads * self.head_dim, hidden_size, bias=False)

    def _heads(self, t: Tensor) -> Tensor:
        return t.reshape(*t.shape[:2], -1, self.head_dim).transpose(1, 2)

    def forward(self, x: Tensor, cache: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        T = x.shape[1]
        q, k, v = self._heads(self.q_proj(x)), self._heads(self.k_proj(x)), self._heads(self.v_proj(x))
        if cache is not None:
            k, v = torch.cat([cache["k"], k], dim=2), torch.cat([cache["v"], v], dim=2)
        S = k.shape[2]
        at = torch.arange(S)
        mask = at[None, :] <= at[S - T :, None]
        out = grouped_attention(_rotate(q, at[S - T :], self.theta), _rotate(k, at, self.theta), v, mask)
        return self.o_proj(out.transpose(1, 2).flatten(2)), {"k": k, "v": v}
