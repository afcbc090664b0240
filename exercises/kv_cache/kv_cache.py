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
    raise NotImplementedError


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
        raise NotImplementedError

    def forward(self, x: Tensor, cache: dict | None = None) -> tuple[Tensor, dict]:
        """The next T tokens of a text whose first tokens are in the cache.

        x: floating point (B, T, D), T >= 1, in the dtype of the parameters.
        cache: what forward returned for the tokens before, see append_kv; None: x begins the text.
        Returns: (B, T, D) in the dtype of x, the same as if the whole text had been given at once; and the
            cache with these tokens: keys turned by their position in the text, values not, at most W entries.
            Angles are computed in float64. Gradients flow through both, also to the tensors of the cache handed in.
        """
        raise NotImplementedError
