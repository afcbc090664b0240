# TRUE CAUSE: forward stores detached keys and values, as for inference only. Gradients have to flow through the
# returned cache as well, so that a loss on later pieces reaches the tokens before.
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    """Rotary positions (RoPE), given: turns the pair (x_i, x_{i + K/2}) by the angle position · theta^(−2i/K)."""
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)  # (K/2,)
    angles = positions[:, None] * frequencies  # (T, K/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def append_kv(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    length = k_new.shape[2]
    if cache is not None:
        k_new = torch.cat([cache["k"], k_new], dim=2)
        v_new = torch.cat([cache["v"], v_new], dim=2)
        length += cache["length"]
    if window is not None:
        k_new, v_new = k_new[:, :, -window:], v_new[:, :, -window:]
    return {"k": k_new, "v": v_new, "length": length}


class CachedAttention(nn.Module):
    def __init__(self, hidden_size: int, num_heads: int, rope_theta: float = 10000.0, window: int | None = None):
        super().__init__()
        self.num_heads, self.rope_theta, self.window = num_heads, rope_theta, window
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def _to_heads(self, y: Tensor) -> Tensor:
        return y.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        T = x.shape[1]
        seen = 0 if cache is None else cache["length"]
        now = torch.arange(seen, seen + T)
        q = _rotate(self._to_heads(self.q_proj(x)), now, self.rope_theta)
        k = _rotate(self._to_heads(self.k_proj(x)), now, self.rope_theta)
        v = self._to_heads(self.v_proj(x))

        readable = append_kv(cache, k, v)  # all that is there, for the first tokens of the piece
        S = readable["k"].shape[2]
        at = torch.arange(seen + T - S, seen + T)
        mask = at[None, :] <= now[:, None]
        if self.window is not None:
            mask = mask & (now[:, None] - at[None, :] < self.window)
        out = F.scaled_dot_product_attention(q, readable["k"], readable["v"], attn_mask=mask)
        y = self.o_proj(out.transpose(1, 2).flatten(2))
        return y, append_kv(cache, k.detach(), v.detach(), self.window)
