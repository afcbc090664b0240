"""The cache of keys and values: text is generated token by token, and nothing is computed twice."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    """Rotary positions (RoPE), given: turns the pair (x_i, x_{i + K/2}) by the angle position · theta^(−2i/K).

    x: (..., T, K), K even; positions: (T,), whole numbers.
    Returns: (..., T, K) in the dtype of x. Angles are computed in float64.
    """
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)  # (K/2,)
    angles = positions[:, None] * frequencies  # (T, K/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def append_kv(cache: dict | None, k_new: Tensor, v_new: Tensor, window: int | None = None) -> dict:
    """A new cache: the old entries, then the new ones, of which the last `window` remain.

    cache: {"k": (B, H, S, K), "v": (B, H, S, K), "length": int}, or None at the beginning of a text. It is
        not changed. length counts all tokens seen so far, also those whose entries are gone.
    k_new, v_new: floating point (B, H, T, K), T >= 1.
    window: at least 1; None: everything remains.
    Returns: a new dict with the same three keys. Its tensors may share memory with those that were handed in.

    >>> k = torch.arange(3.0).view(1, 1, 3, 1)
    >>> append_kv(None, k, 10 * k)["length"]
    3
    >>> cache = append_kv(append_kv(None, k, 10 * k), 7 + k, 70 + k, window=4)
    >>> cache["k"].flatten(), cache["v"].flatten(), cache["length"]
    (tensor([2., 7., 8., 9.]), tensor([20., 70., 71., 72.]), 6)
    """
    length = k_new.shape[2]
    if cache is not None:
        k_new = torch.cat([cache["k"], k_new], dim=2)  # (B, H, S + T, K)
        v_new = torch.cat([cache["v"], v_new], dim=2)  # (B, H, S + T, K)
        length = cache["length"] + length
    if window is not None:
        k_new, v_new = k_new[:, :, -window:], v_new[:, :, -window:]
    return {"k": k_new, "v": v_new, "length": length}


class CachedAttention(nn.Module):
    """Causal self-attention with rotary positions that can go on where it stopped.

    Parameters: q_proj.weight, k_proj.weight, v_proj.weight, o_proj.weight, each (D, D). There are no others,
    and no biases.

    hidden_size: D. num_heads: H heads of even width K = D/H; head h owns rows h*K to (h+1)*K - 1 of q, k and v.
    rope_theta: the base of the rotary positions.
    window: W, a token attends to itself and the W - 1 tokens before it; None: to all before it.

    >>> layer = CachedAttention(hidden_size=8, num_heads=2)
    >>> y, cache = layer(torch.randn(3, 5, 8))
    >>> y, cache = layer(torch.randn(3, 1, 8), cache)
    >>> y.shape, cache["k"].shape, cache["length"]
    (torch.Size([3, 1, 8]), torch.Size([3, 2, 6, 4]), 6)
    """

    def __init__(self, hidden_size: int, num_heads: int, rope_theta: float = 10000.0, window: int | None = None):
        super().__init__()
        self.num_heads, self.head_dim = num_heads, hidden_size // num_heads
        self.rope_theta, self.window = rope_theta, window
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        """The next T tokens of a text whose first tokens are in the cache.

        x: floating point (B, T, D), T >= 1, in the dtype of the parameters.
        cache: what forward returned for the tokens before, see append_kv; None: x begins the text.
        Returns: (B, T, D) in the dtype of x, the same as if the whole text had been given at once; and the
            cache with these tokens: keys turned by their position in the text, values not, at most W entries.
            Angles are computed in float64. Gradients flow through both, also to the tensors of the cache handed in.
        """
        B, T, D = x.shape
        H, K = self.num_heads, self.head_dim
        q = self.q_proj(x).view(B, T, H, K).transpose(1, 2)  # (B, H, T, K)
        k = self.k_proj(x).view(B, T, H, K).transpose(1, 2)  # (B, H, T, K)
        v = self.v_proj(x).view(B, T, H, K).transpose(1, 2)  # (B, H, T, K)
        position = torch.arange(T) + (cache["length"] if cache else 0)  # (T,): in the text
        q, k = _rotate(q, position, self.rope_theta), _rotate(k, position, self.rope_theta)

        seen = append_kv(cache, k, v)  # nothing dropped yet: the first new token may need what the last one drops
        S = seen["k"].shape[2]  # now all keys, old and new
        past = position[:, None] - (seen["length"] - S + torch.arange(S))  # (T, S): from query back to key
        keep = past >= 0 if self.window is None else (past >= 0) & (past < self.window)
        out = F.scaled_dot_product_attention(q, seen["k"], seen["v"], attn_mask=keep)  # (B, H, T, K)
        y = self.o_proj(out.transpose(1, 2).reshape(B, T, D))
        cache = append_kv(cache, k, v, self.window)
        return y, cache
