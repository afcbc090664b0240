"""Grouped-query attention: many query heads, few heads of keys and values, and a cache that stays small."""

import math

import torch
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


def repeat_kv(x: Tensor, n_rep: int) -> Tensor:
    """Each head n_rep times, the copies next to one another.

    x: (B, G, S, K); n_rep >= 1.
    Returns: (B, G * n_rep, S, K): head h is head h // n_rep of x. Gradients flow to x.

    >>> x = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1)  # two heads
    >>> repeat_kv(x, 3).flatten()
    tensor([1., 1., 1., 2., 2., 2.])
    """
    raise NotImplementedError


def grouped_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(q kᵀ / √K) v, where query head h reads the key and value head ⌊h G / H⌋.

    q: (B, H, T, K). k, v: (B, G, S, K), in the dtype of q. G divides H.
    mask: bool, broadcasts to (B, H, T, S), True = may attend; every query may attend to at least one key.
        None: to all.
    Returns: (B, H, T, K), in the dtype of q. Gradients flow to q, k and v.

    >>> q = torch.tensor([0.0, 1.0986, 0.0, 0.5493]).view(1, 4, 1, 1)  # 0, ln 3, 0, ln 3 / 2
    >>> k = torch.tensor([1.0, 0.0, 0.0, 2.0]).view(1, 2, 2, 1)
    >>> v = torch.tensor([10.0, 20.0, 1.0, 3.0]).view(1, 2, 2, 1)
    >>> grouped_attention(q, k, v).flatten()
    tensor([15.0000, 12.5000,  2.0000,  2.5000])
    """
    raise NotImplementedError


def attention_parameters(hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int | None = None) -> int:
    """How many weights W_q, W_k, W_v and W_o of one layer have, without biases.

    hidden_size: D; num_heads: H; num_kv_heads: G, at least 1, always divides H; head_dim: K, None: D / H.
    Returns: an exact int.

    >>> attention_parameters(4096, 32, 8)  # Llama 3 8B
    41943040
    """
    raise NotImplementedError


class GroupedQueryAttention(nn.Module):
    """The attention of a decoder such as Llama 3: causal, rotary, with G heads of keys and values, and a cache.

    Parameters, all without bias: q_proj.weight (H K, D), k_proj.weight and v_proj.weight (G K, D), o_proj.weight
        (D, H K). Head h owns the rows h K ... (h + 1) K - 1 of the first three, and such columns of o_proj.weight.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        num_kv_heads: int,
        head_dim: int | None = None,
        rope_theta: float = 10000.0,
    ) -> None:
        """hidden_size: D; num_heads: H; num_kv_heads: G, divides H; head_dim: K, even, None: D / H.

        rope_theta: for _rotate.
        """
        raise NotImplementedError

    def forward(self, x: Tensor, cache: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Attends from T new tokens to themselves and to all that are in the cache.

        x: (B, T, D), T >= 1, in the dtype of the parameters.
        cache: {"k": (B, G, P, K), "v": (B, G, P, K)}, the rotated keys and the values of the P tokens before x, as
            an earlier call returned them; None: x starts the text. It is not changed.
        Returns: the output (B, T, D), and a cache of the same form with all P + T tokens. New token t stands at
            position P + t; it attends to no later one.
        """
        raise NotImplementedError
